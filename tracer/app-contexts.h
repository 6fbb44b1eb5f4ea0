/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The contexts that the program itself defines (tracectl_context_...()). Their
 * definitions come and go with the libraries that they are in; actions, which
 * live on for a while, know them by numbers.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/context.h"
#include "tracectl/tracepoint.h"

/* How many of them one process may have; of more, nothing is recorded. */
#define APP_CONTEXT_SLOTS 64

struct app_call {
        uint32_t slot, serial; /* serial 0: it is not there */
        uint32_t type;         /* enum definition_type */
};

/* The application contexts of one channel, in their order. Constant. */
struct app_calls {
        uint32_t n;
        struct app_call calls[APP_CONTEXTS_MAX];
} __attribute__((aligned(8)));

/* Whether it is one that this library knows how to call. */
bool app_context_is_usable(const struct tracectl_context *context);

/* Under the lock of the objects. Who removes contexts waits (thread_quiesce) before their code goes away. */
void app_contexts_add(struct tracectl_context *const *start, struct tracectl_context *const *stop);
void app_contexts_remove(struct tracectl_context *const *start, struct tracectl_context *const *stop);

/*
 * Under the lock of the objects: who gives the values of a channel's contexts
 * app (struct context_set), by this application's definitions. -EBADMSG.
 */
int app_calls_find(const char *app, const void *definitions, size_t size, struct app_calls *ret);

/*
 * Asks the program for one value, inside an entered tracepoint: 8 bytes, or a string that ends within
 * APP_CONTEXT_VALUE_MAX, for which buffer has room. False where it is not there any more: then they are 0.
 */
bool app_call_fill(const struct app_call *call, char *buffer);

/*
 * Asks the program for the values, inside an entered tracepoint; at most
 * APP_CONTEXT_VALUE_MAX bytes each. Returns how many bytes.
 */
uint32_t app_calls_fill(const struct app_calls *calls, char *buffer);
