/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A form that events are shown in: lines of text, JSON, a picture. Each is a
 * file output-NAME.c with one constant table, named in view-output.c; the verb
 * goes through the trace and gives every event to it, in the order of time.
 *
 * What it writes goes to a struct text, which keeps its own errors (a full
 * disk, a reader that had enough); functions return 0, or a negative errno for
 * everything else. All of them run in one thread, unless it says is_each_alone.
 */

#include <stdbool.h>
#include <stddef.h>

#include "client/libtracectl-read/tracectl-read.h"
#include "client/tracectl/text.h"

struct view_select;

struct view_output_options {
        const char *path; /* of the trace; outlives the output */
        const tracectl_reader *reader; /* view_output_run() fills it in */
        bool is_coloured, with_date, with_durations, with_uncertain;
        const struct view_select *select; /* which events; NULL: all */
};

struct view_output {
        const char *name;
        bool is_text; /* lines for people: shown page by page on a terminal */
        bool is_bytes; /* nothing for a terminal at all */

        /*
         * What is written for an event does not depend on others, and begin writes nothing: several threads may do it,
         * each with a state of its own. Not asked for with_durations and with_uncertain, which look at events before.
         */
        bool is_each_alone;

        /* *ret is handed to the others, and to free whatever has happened since. It may stay NULL. */
        int (*begin)(const struct view_output_options *options, struct text *text, void **ret);
        int (*event)(void *state, struct text *text, tracectl_reader_event *event);
        /*
         * Of an output that depends on events before, and writes what it has of one then or with a later one: another
         * reader's events go on where those of the one before ended, which is gone with all that it had. NULL: it cannot.
         * has_lost: some that were in between are missing.
         */
        int (*go_on)(void *state, struct text *text, bool has_lost);
        int (*end)(void *state, struct text *text); /* after the last event; NULL: nothing is to be done */
        void (*free)(void *state);                  /* accepts NULL */
};

extern const struct view_output view_output_text, view_output_json, view_output_csv, view_output_chrome,
        view_output_folded, view_output_html, view_output_perfetto;

/* NULL: there is no such output. */
const struct view_output *view_output_find(const char *name);

/* Says which ones there are, after one that is none. Returns EXIT_USAGE. */
int view_output_refuse(const char *name);

/* Whether the descriptor is a terminal and the output is nothing for it; then it has said so. */
bool view_output_refuse_terminal(const struct view_output *output, int fd);

/*
 * All events of a reader, to a descriptor. 0, or a negative errno: -EPIPE where
 * the reader of what is written had enough, -EINTR where a signal that
 * progress.h looks for came.
 */
int view_output_run(const struct view_output *output, const struct view_output_options *options,
                    tracectl_reader *reader, int fd);

/* The same without other threads: for a few events. */
int view_output_run_alone(const struct view_output *output, const struct view_output_options *options,
                          tracectl_reader *reader, int fd);

/* An output that is given one reader after another. begin, any number of add, end; and done whatever they returned. */
struct view_run {
        const struct view_output *output;
        struct view_output_options options;
        struct text *text;
        void *state; /* of an output that goes on; of others there is one for each reader */
};

#define VIEW_RUN_NULL {}

int view_run_begin(struct view_run *run, const struct view_output *output, const struct view_output_options *options,
                   int fd);
int view_run_add(struct view_run *run, tracectl_reader *reader, bool has_lost);
int view_run_end(struct view_run *run);
void view_run_done(struct view_run *run);

/* Whether it can be given the batches of what happens meanwhile. */
bool view_output_can_follow(const struct view_output *output);
