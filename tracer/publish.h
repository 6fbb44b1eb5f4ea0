/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The pointers of all events, made from what each daemon wants: an event that
 * both want gets a list with the actions of both. Every change by one daemon
 * makes these lists anew; what the other one has is only copied.
 */

#include <stddef.h>
#include <stdint.h>

#include "tracer/action.h"
#include "tracer/objects.h"

#define SOURCES_MAX 2

/* Memory that threads may still use when it is handed out: munmap() it after a grace period. */
struct retired {
        void *memory; /* NULL: none */
        size_t size;
};

/*
 * From now on, source number wants lists (of each definition of snapshot its
 * own or NULL; n_actions in all), or with lists NULL nothing. They stay the
 * caller's, and must not be freed before a grace period after the next call for
 * this source. Takes the lock of the objects. -ENOMEM, only with lists: nothing
 * has changed.
 */
int publish(unsigned source, struct snapshot *snapshot, struct action_list *const *lists, uint32_t n_actions,
            struct retired *ret);

/* In a child of fork(), with the objects reset. */
void publish_reset(void);
