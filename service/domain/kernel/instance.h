/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * An instance of tracefs: the kernel's rings of one channel, and the events that
 * go there. Used by the kernel domain's worker thread alone.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/clock.h"
#include "service/domain/kernel/event-list.h"
#include "service/domain/kernel/tree.h"

#define INSTANCE_NAME_MAX 80

/* An event that is to go there. */
struct instance_event {
        struct kernel_event event; /* the strings are whose list it was; in an instance its own */
        const char *filter;        /* as the kernel writes it, or NULL */
        const struct selector *probe; /* that it is the event of; constant, where it is added; or NULL */
};

struct instance_list {
        struct instance_event *items;
        size_t n;
};

struct instance {
        struct instance *next;
        uint32_t channel;
        int dir;
        char name[INSTANCE_NAME_MAX];
        uint32_t subbuf_size; /* bytes, what one read() returns */
        struct instance_list enabled;
        bool adopted;            /* it records, and follows whom it followed before */
        struct process followed; /* pid 0: nobody, all are recorded */
};

struct instance_config {
        const char *name;
        uint64_t subbuf_size, buffer_size; /* bytes; of each CPU */
        bool overwrite;
        enum trace_clock clock;
};

/* Makes one without events. -EEXIST. The folder is gone again where it cannot be configured. */
int instance_new(int tracefs, const struct instance_config *config, struct instance **ret);

/* Opens one that is there, with the events that it has. -ENOENT. */
int instance_adopt(int tracefs, const char *name, struct instance **ret);

/* Forgets it; it stays in the kernel. */
struct instance *instance_free(struct instance *i);

/* -EBUSY as long as any file of it is open anywhere. */
int instance_remove(int tracefs, const char *name);

/* As that, of one that somebody may record into: its events go first. */
int instance_discard(int tracefs, const char *name);

/* Counts the events that refuse their filters. Nothing is enabled. */
int instance_try_filters(struct instance *i, const struct instance_list *events, size_t *ret_refused);

/*
 * Takes away what is not wanted. What is new is in added, whose formats the reader
 * has to know before instance_enable(). The items of added are wanted's.
 */
int instance_disable(struct instance *i, const struct instance_list *wanted, struct instance_list *added);

/*
 * Enables what was added. An event that lacks a field of its filter stays away; *ret_refused counts them.
 */
int instance_enable(struct instance *i, const struct instance_list *added, size_t *ret_refused);

/*
 * What is recorded from now on is what these threads do, and all that they make. No event must be enabled meanwhile.
 * NULL: what everybody does.
 */
int instance_follow(struct instance *i, struct tree *tree);

/* Where the kernel refused a filter: what it says. */
void instance_filter_error(const struct instance *i, char *ret, size_t size);

/*
 * Writes the description of an event, or of "events" and "header_page" or "header_event". That of a probe's has the
 * name that the rule gives it.
 */
int instance_describe(const struct instance *i, const struct instance_event *e, FILE *f);
