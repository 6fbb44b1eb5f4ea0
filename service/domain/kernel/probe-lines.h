/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a rule's probe is in the kernel: lines for uprobe_events or kprobe_events
 * (Documentation/trace/uprobetracer.rst, kprobetrace.rst), each of which makes an
 * event, or adds one more place to it.
 *
 * A session's probes are a group, whose name has our id, the owner's uid and the session's key, as its instances' have.
 * An event's name begins with a hash of the rule's text, by which a later tracingd
 * finds it again, and ends as people call it.
 */

#include <stdbool.h>

#include "service/domain/kernel/event-list.h"
#include "service/model/failure.h"
#include "service/model/selector.h"

#define PROBE_WORD_MAX 64 /* the kernel's, for a group or an event, with the NUL */
#define PROBE_GROUP_PREFIX "tracectl_"

struct probe_line {
        char event[PROBE_WORD_MAX];
        char *text;
};

struct probe_lines {
        const char *file; /* that they are for */
        struct probe_line *items;
        size_t n;
};

void kernel_probe_group(const char *id, uid_t owner, uint64_t session, char ret[static PROBE_WORD_MAX]);

/* Whether it is the event of a probe that some tracingd has made. */
bool kernel_probe_is_event(const struct kernel_event *e);

/* Whether it is one of a rule's, if the group is its session's. */
bool kernel_probe_selected(const struct kernel_event *e, const char *group, const struct selector *s);

/* What the event is called in a trace. */
void kernel_probe_label(const struct kernel_event *e, const struct selector *s, char *ret, size_t size);

/* file: the program, open for reading, of a probe in one; the kernel is told to take this very file. */
int kernel_probe_lines(const struct selector *s, const char *group, int file, struct probe_lines *ret,
                       struct failure *failure);
void kernel_probe_lines_done(struct probe_lines *lines);
