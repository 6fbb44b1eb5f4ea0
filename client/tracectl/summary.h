/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What there is in a trace, counted: its events by name, process and thread, or
 * by the value of a field, and how long what begins and ends took. Filled event
 * by event, printed at the end; used by one thread.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "client/libtracectl-read/tracectl-read.h"
#include "client/tracectl/histogram.h"
#include "client/tracectl/json.h"
#include "client/tracectl/pairs.h"
#include "client/tracectl/view-select.h"

/* Beyond so many values of a field, all others are counted together. */
#define SUMMARY_VALUES_MAX 65536
#define SUMMARY_VALUE_SIZE 256 /* of longer texts the beginning counts */

/* How long things took is told apart for so many threads and values; 15 KiB each. */
#define SUMMARY_HISTOGRAMS_MAX 1024

enum summary_by {
        SUMMARY_BY_EVENT = 1 << 0,
        SUMMARY_BY_PROCESS = 1 << 1,
        SUMMARY_BY_THREAD = 1 << 2,
        SUMMARY_BY_FIELD = 1 << 3,
        SUMMARY_BY_SPAN = 1 << 4,
};

/* Where nobody says by what. */
#define SUMMARY_BY_USUAL (SUMMARY_BY_EVENT | SUMMARY_BY_PROCESS | SUMMARY_BY_THREAD | SUMMARY_BY_SPAN)

struct summary_counts {
        uint64_t *items;
        uint32_t n;
};

/* How long spans took, by some numbers; NULL: there were none. */
struct summary_spans {
        struct histogram **items;
        uint32_t n;
};

/* What was counted in the last interval, and before its end. */
struct summary_change {
        struct summary_counts recent, before;
};

/* Of what is counted while it happens: its last interval; else all zeros. */
struct summary_changes {
        bool is_live;
        double seconds; /* 0: no interval has ended yet */
        uint64_t n, n_before;
        struct summary_change events, tracks;
};

struct summary {
        unsigned by;         /* enum summary_by, together */
        const char *field;   /* whose values are counted, or NULL */
        uint32_t rows;       /* of a table at most; 0: all */
        bool is_count;       /* only by event, without their times */

        struct pairs pairs;
        struct names processes, values;
        struct summary_counts events, tracks, value_counts; /* by their numbers */
        struct summary_spans spans, track_spans, value_spans; /* by the numbers of the names, tracks and values */
        uint32_t span_tracks[SUMMARY_HISTOGRAMS_MAX], n_span_tracks; /* that have any */
        uint32_t n_histograms;                                       /* of track_spans and value_spans */
        uint64_t n, n_without_field, n_other_values;
        uint64_t n_unfinished; /* spans that have not ended */
        int64_t first, last;   /* nanoseconds since the epoch */
        uint64_t discarded, packets_lost; /* from the reader */
        struct summary_changes changes;
};

/* An event more. Negative errno. */
int summary_add(struct summary *summary, tracectl_reader_event *event);

/* All events of a trace that are wanted (select may be NULL), and what is missing from it. Negative errno. */
int summary_read(struct summary *summary, tracectl_reader *reader, const struct view_select *select);

/* The same of the next piece of a trace that is still being recorded. Negative errno. */
int summary_read_more(struct summary *summary, tracectl_reader *reader);

/* An interval of so many seconds ends now. Negative errno. */
int summary_tick(struct summary *summary, double seconds);

/* How often in the last interval; 0 of values and spans. */
uint64_t summary_get_recent(const struct summary *summary, enum summary_by by, uint32_t number);

/* summary-spans.c: a span of that pair, at a value of the field that is counted, or -1. Negative errno. */
int summary_add_span(struct summary *summary, const struct pair_event *pair, int64_t value);

/* Of a row's number in such a table: whether any are known, and which. */
bool summary_get_durations(const struct summary *summary, enum summary_by by, uint32_t number, struct histogram *ret);
bool summary_get_all_durations(const struct summary *summary, struct histogram *ret);
void summary_spans_done(struct summary_spans *spans);

void summary_changes_done(struct summary_changes *changes);

/* What the verb prints of a trace without options, to stdout; has said why when it fails to open it. Negative errno. */
int summary_show(const char *path);

/* To stdout. Negative errno. */
int summary_print(const struct summary *summary, const char *path);

/* The tables alone. Negative errno. */
int summary_print_tables(const struct summary *summary, FILE *f);

/* Limits the rows so that the tables have at most so many lines, or as few as there can be. Negative errno. */
int summary_fit(struct summary *summary, uint32_t lines);

/* The same as JSON; NULL without memory. */
json_t *summary_to_json(const struct summary *summary);

void summary_done(struct summary *summary);

/* A row of a table: of whom, and how often. */
struct summary_row {
        uint64_t count, recent;
        uint32_t number; /* in names or tracks */
        uint32_t n_threads; /* of a process */
};

/* The rows of a kind, the most frequent first, of the last interval where there is one. The caller frees *ret. -ENOMEM. */
int summary_rows(const struct summary *summary, enum summary_by by, struct summary_row **ret, uint32_t *ret_n);
