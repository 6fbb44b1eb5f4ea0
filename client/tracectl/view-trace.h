/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A trace that a verb goes through from its beginning to its end: which one is
 * meant, the reader of it, and what there is to say about it afterwards. Used
 * by one thread; the verb owns it.
 */

#include <stdbool.h>
#include <stddef.h>

#include "client/libtracectl-read/tracectl-read.h"

#define VIEW_REPORTS_MAX 8

struct view_trace {
        tracectl_reader *reader;
        size_t n_reports;
        char *reports[VIEW_REPORTS_MAX]; /* said at the end, behind the events and the pager */
};

/*
 * Where the trace is that a command line names: a directory or a session, or
 * with NULL the newest recording here or else the current session's. The caller
 * frees *ret. 0, or the exit status after saying what is wrong.
 */
int view_trace_find(bool is_user, const char *name, char **ret);

/* Opens it; trace is all zeros. 0, or the exit status after saying what is wrong. */
int view_trace_open(struct view_trace *trace, const char *path, bool with_markers);

/* Says what could not be read, and what the recording lost. */
void view_trace_say_reports(const struct view_trace *trace);
void view_trace_say_losses(const struct view_trace *trace);

void view_trace_done(struct view_trace *trace);
