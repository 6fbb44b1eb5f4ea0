/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Events in the Trace Event Format of chrome://tracing, which many viewers
 * read: spans as B and E, calls of libc as X, everything else as instants (i),
 * names of processes and threads as metadata (M). B and E are balanced and
 * nested in each thread: what an end gave up ends there, too, and what is open
 * at the end of the trace ends with it; both have "unfinished" in their
 * arguments.
 *
 * Times are microseconds, which readers keep as doubles: they are counted from
 * the midnight before the day of the first event, which leaves room for the
 * nanoseconds (and for calls that began before it), and which otherData has.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/tracectl/json-writer.h"
#include "client/tracectl/output-event.h"
#include "client/tracectl/pairs.h"
#include "client/tracectl/view-output.h"

#define NSEC_PER_DAY (INT64_C(86400) * 1000 * 1000 * 1000)

struct output_chrome {
        struct pairs pairs;
        bool has_start;
        int64_t start, last; /* nanoseconds since the epoch */
        bool is_later;       /* something was written already */
        uint32_t n_tracks;   /* whose names are written */
};

static int begin(const struct view_output_options *options, struct text *text, void **ret) {
        struct output_chrome *output = calloc(1, sizeof(*output));

        if (!output)
                return -ENOMEM;
        *ret = output;
        text_add_literal(text, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[");
        return 0;
}

static int64_t day_before(int64_t time) {
        int64_t day = time / NSEC_PER_DAY - (time % NSEC_PER_DAY < 0);

        return day - 1 < INT64_MIN / NSEC_PER_DAY ? INT64_MIN : (day - 1) * NSEC_PER_DAY;
}

/* Nanoseconds as microseconds. */
static void add_microseconds(struct text *text, int64_t ns) {
        uint64_t magnitude = ns < 0 ? -(uint64_t) ns : (uint64_t) ns;

        if (ns < 0)
                text_add_char(text, '-');
        text_add_u64(text, magnitude / 1000);
        text_add_char(text, '.');
        text_add_digits(text, (uint32_t) (magnitude % 1000), 3);
}

static int64_t since_start(const struct output_chrome *output, int64_t time) {
        int64_t ns;

        return __builtin_sub_overflow(time, output->start, &ns) ? (time < 0 ? INT64_MIN : INT64_MAX) : ns;
}

static void add_separator(struct output_chrome *output, struct text *text) {
        if (output->is_later)
                text_add_char(text, ',');
        text_add_char(text, '\n');
        output->is_later = true;
}

static void add_track(struct text *text, const struct track *track) {
        text_add_literal(text, ",\"pid\":");
        text_add_i64(text, track->is_thread ? track->pid : 0);
        text_add_literal(text, ",\"tid\":");
        text_add_i64(text, track->is_thread ? track->tid : (int64_t) track->cpu + 1);
}

/* {"ph":"B","ts":1.234,"pid":1,"tid":2 */
static void add_head(const struct output_chrome *output, struct text *text, char phase, int64_t time,
                     uint32_t track) {
        text_add_literal(text, "{\"ph\":\"");
        text_add_char(text, phase);
        text_add_literal(text, "\",\"ts\":");
        add_microseconds(text, since_start(output, time));
        add_track(text, &output->pairs.tracks.items[track]);
}

static void add_name(struct text *text, const struct name *name) {
        struct json_writer json = { .text = text };
        const char *colon = memchr(name->data, ':', name->size);

        text_add_literal(text, ",\"name\":");
        json_write_string(&json, name->data, name->size);
        text_add_literal(text, ",\"cat\":");
        json_write_string(&json, name->data, colon ? (size_t) (colon - name->data) : name->size);
}

static void add_arguments(struct text *text, tracectl_reader_event *event) {
        struct json_writer json = { .text = text };

        text_add_literal(text, ",\"args\":");
        json_write_fields(&json, event);
        text_add_char(text, '}');
}

static void add_unfinished(struct output_chrome *output, struct text *text, uint32_t track,
                           const struct pair_open *open, int64_t time) {
        add_separator(output, text);
        add_head(output, text, 'E', time, track);
        add_name(text, &output->pairs.names.items[open->span]);
        text_add_literal(text, ",\"args\":{\"unfinished\":true}}");
}

static void add_metadata(struct output_chrome *output, struct text *text, const char *kind,
                         const struct track *track, const char *name, size_t size) {
        struct json_writer json = { .text = text };

        add_separator(output, text);
        text_add_literal(text, "{\"ph\":\"M\",\"name\":");
        json_write_string(&json, kind, strlen(kind));
        add_track(text, track);
        text_add_literal(text, ",\"args\":{\"name\":");
        json_write_string(&json, name, size);
        text_add_literal(text, "}}");
}

/* Of a track's first event, before it. */
static void add_track_names(struct output_chrome *output, struct text *text, const struct track *track,
                            tracectl_reader_event *event) {
        const char *process;
        size_t size;

        if (track->is_thread) {
                if (output_find_process(event, &process, &size)) {
                        add_metadata(output, text, "process_name", track, process, size);
                        add_metadata(output, text, "thread_name", track, process, size);
                }
        } else {
                char name[32];
                int n = track->cpu >= 0 ? snprintf(name, sizeof(name), "CPU %i", (int) track->cpu)
                                        : snprintf(name, sizeof(name), "unknown");

                add_metadata(output, text, "process_name", track, "(no process)", strlen("(no process)"));
                add_metadata(output, text, "thread_name", track, name, (size_t) n);
        }
}

static void add_pair(const struct output_chrome *output, struct text *text, const struct pair_event *pair) {
        static const char phases[] = { [PAIR_NONE] = 'i', [PAIR_BEGIN] = 'B', [PAIR_END] = 'E', [PAIR_WHOLE] = 'X' };
        bool is_whole = pair->kind == PAIR_WHOLE, is_span = pair->kind != PAIR_NONE;

        add_head(output, text, phases[pair->kind], is_whole ? pair_event_begin(pair) : pair->time, pair->track);
        if (is_whole) {
                text_add_literal(text, ",\"dur\":");
                add_microseconds(text, pair->duration);
        } else if (!is_span)
                text_add_literal(text, ",\"s\":\"t\"");
        add_name(text, &output->pairs.names.items[is_span ? pair->span : pair->event]);
}

static int add_event(void *state, struct text *text, tracectl_reader_event *event) {
        struct output_chrome *output = state;
        struct pair_event pair;
        int r;

        r = pairs_add(&output->pairs, event, &pair);
        if (r < 0)
                return r;
        if (!output->has_start)
                output->start = day_before(pair.time);
        output->has_start = true;
        output->last = pair.time;
        if (pair.track >= output->n_tracks) {
                add_track_names(output, text, &output->pairs.tracks.items[pair.track], event);
                output->n_tracks = pair.track + 1;
        }
        for (size_t i = pair.n_abandoned; i > 0; i--)
                add_unfinished(output, text, pair.track, &pair.abandoned[i - 1], pair.time);
        add_separator(output, text);
        add_pair(output, text, &pair);
        add_arguments(text, event);
        return 0;
}

static int end(void *state, struct text *text) {
        struct output_chrome *output = state;
        struct output_time time = {};
        struct pair_open open;
        uint32_t track;

        while (pairs_take_open(&output->pairs, &track, &open) > 0)
                add_unfinished(output, text, track, &open, output->last);
        text_add_literal(text, "\n],\"otherData\":{\"producer\":\"tracectl\",\"start\":\"");
        output_add_time(&time, text, output->start);
        text_add_literal(text, "\"}}\n");
        return 0;
}

static void output_free(void *state) {
        struct output_chrome *output = state;

        if (output)
                pairs_done(&output->pairs);
        free(output);
}

const struct view_output view_output_chrome = {
        .name = "chrome",
        .begin = begin,
        .event = add_event,
        .end = end,
        .free = output_free,
};
