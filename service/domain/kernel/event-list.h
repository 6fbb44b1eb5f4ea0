/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The events that the kernel has: what available_events says, in its order. An
 * event's name in rules is `system:name`, or `name` alone; a system call NAME
 * has two events of system `syscalls`, sys_enter_NAME and sys_exit_NAME.
 * Changed by nobody once it is read.
 */

#include <stdbool.h>
#include <stddef.h>

#include "service/model/selector.h"

struct kernel_event {
        const char *system, *name;
};

struct kernel_events {
        char *text; /* theirs */
        size_t n;
        struct kernel_event *items;
};

/* text is taken over, also on failure. */
int kernel_events_parse(char *text, struct kernel_events *ret);
int kernel_events_read(int tracefs, struct kernel_events *ret);
void kernel_events_done(struct kernel_events *e);

/* Whether a rule is for it, apart from its filter. Rules of probes, and events of probes, are probe-lines.h's. */
bool kernel_event_selected(const struct kernel_event *e, const struct selector *s);

/* Whether a pattern is for it: `*`, over `name`, or over `system:name`. */
bool kernel_event_matches(const struct kernel_event *e, const char *pattern);
