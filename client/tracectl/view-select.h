/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which events are shown: by time, name, process, filter and by how their line
 * reads. The verb fills a struct view_select from its options; it is constant
 * then. Each thread that shows events has a struct view_chooser of it.
 */

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/libtracectl-read/tracectl-read.h"
#include "client/tracectl/text.h"
#include "protocol/filter.h"

#define VIEW_SELECT_MAX 64 /* of each option that may be given several times */

struct view_select {
        bool has_range;
        int64_t since, until; /* nanoseconds */
        size_t n_globs, n_pids, n_processes;
        const char *globs[VIEW_SELECT_MAX], *processes[VIEW_SELECT_MAX]; /* of argv */
        int32_t pids[VIEW_SELECT_MAX];
        const char *grep; /* of argv, or NULL */
        struct filter_program *filter; /* or NULL */
};

/* Zero but for the range, which is all times. */
void view_select_init(struct view_select *select);
void view_select_done(struct view_select *select);

/* For the options of a verb, and what to do with them: their values are theirs alone. */
enum {
        VIEW_SELECT_SINCE = 1024,
        VIEW_SELECT_UNTIL,
        VIEW_SELECT_EVENT,
        VIEW_SELECT_PID,
        VIEW_SELECT_PROCESS,
        VIEW_SELECT_FILTER,
};
#define VIEW_SELECT_OPTIONS                                                                                            \
        { "since", required_argument, NULL, VIEW_SELECT_SINCE }, { "until", required_argument, NULL, VIEW_SELECT_UNTIL }, \
        { "event", required_argument, NULL, VIEW_SELECT_EVENT }, { "pid", required_argument, NULL, VIEW_SELECT_PID },   \
        { "process", required_argument, NULL, VIEW_SELECT_PROCESS },                                                 \
        { "filter", required_argument, NULL, VIEW_SELECT_FILTER }

/* The option's name where c is one of them, or NULL. */
const char *view_select_option(int c);

/* Takes the argument of the option of this name. 0, or the exit status after saying what is wrong. */
int view_select_add(struct view_select *select, const char *option, const char *argument);

/* Whether there is anything to be decided for each event. */
bool view_select_is_used(const struct view_select *select);

struct view_chooser {
        const struct view_select *select;
        regex_t regex;
        bool has_regex;
        size_t line; /* where the event's line begins in the text */
        size_t n_kinds;
        uint8_t *kinds; /* 0: not known yet; 1: the name is wanted; 2: it is not */
        struct view_filter *filter;
};

/* select may be NULL. 0 or a negative errno. */
int view_chooser_init(struct view_chooser *chooser, const struct view_select *select);
void view_chooser_done(struct view_chooser *chooser);

/* Before the event is shown in text: 1 where it is wanted so far, 0, or a negative errno. */
int view_chooser_begin(struct view_chooser *chooser, struct text *text, tracectl_reader_event *event);

/* The same for a line that is wanted but for how it reads, and perhaps no event's alone. */
void view_chooser_line(struct view_chooser *chooser, struct text *text);

/* For those who show no lines: the same without a text, and --grep cannot be used. */
int view_chooser_wants(struct view_chooser *chooser, tracectl_reader_event *event);

/* After it has become a line of text: takes it back if it is not wanted for how it reads. */
void view_chooser_end(struct view_chooser *chooser, struct text *text);
