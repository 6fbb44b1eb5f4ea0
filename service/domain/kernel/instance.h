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
#include "service/domain/kernel/formats.h"
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
        size_t n_calls; /* how many events of "syscalls" the kernel has; 0: that does not matter */
};

struct instance_config {
        const char *name;
        uint64_t subbuf_size, buffer_size; /* bytes; of each CPU */
        bool overwrite, off;
        enum trace_clock clock;
};

struct instance {
        struct instance *next;
        uint32_t channel;
        int dir;
        char name[INSTANCE_NAME_MAX];
        int calls;            /* events/syscalls/enable of one that is off, or -1 */
        bool had_calls;       /* all of them were enabled by it */
        bool had_prints;      /* and what BPF programs print */
        bool prints;          /* that is enabled, whether or not it is in the list: instance_try_prints() */
        struct instance_config made; /* what it was made with; no name */
        uint32_t subbuf_size; /* bytes, what one read() returns */
        struct instance_list enabled;
        bool adopted;            /* it records, and follows whom it followed before */
        bool described;          /* the consumer was told which threads there are */
        bool off;                /* it records nothing, whatever is enabled, until instance_switch_on() */
        struct configuring *configuring; /* what is left of that, for a thread; NULL: that is over */
        int error;                       /* that it had */
        struct process followed; /* pid 0: nobody, all are recorded */
};

/*
 * Makes one without events. -EEXIST. The folder is gone again where it cannot be configured. One that is off gets its
 * clock and its size from a thread, which the kernel lets wait for most of the time: from instance_configure() to
 * instance_wait(), which are nothing for others. Meanwhile the kernel lets nobody open a file of it.
 */
int instance_new(int tracefs, const struct instance_config *config, struct instance **ret);
int instance_configure(struct instance *i);
int instance_wait(struct instance *i);

/* Opens one that is there, with the events that it has. -ENOENT. */
int instance_adopt(int tracefs, const char *name, struct instance **ret);

/* After instance_wait(). No more than one store in the kernel. */
int instance_switch_on(struct instance *i);

/*
 * Between instance_configure() and instance_wait(): enables all system calls, and disables them. The first time takes
 * the kernel 7 ms, each later one less than one.
 */
int instance_try_calls(struct instance *i);

/*
 * After instance_wait(), while it is off: enables what BPF programs print, until instance_enable() is not told to. Who
 * loads such a program has the kernel enable that event for the machine's own rings, and disables it there again; from
 * then on the kernel waits some 15 ms before the event can be enabled for anybody, unless it was for somebody all the time.
 */
int instance_try_prints(struct instance *i);

/* Closes what is open of it, so that it can be removed. */
void instance_close(struct instance *i);

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
 * Enables what was added; all system calls at once, where they all are and the instance is off. An event that lacks a field of its filter stays away; *ret_refused counts them.
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
int instance_describe(const struct instance *i, struct formats *formats, const struct instance_event *e, FILE *f);
