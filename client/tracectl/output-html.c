/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A page that shows the events in a browser, from html/. What is in the trace
 * is data of that page, compressed and in base 64, never markup; html/data.js
 * reads it. First the events in the order of time, each as numbers
 *
 *     name << 2 | kind     (kind: 0 an event, 1 a begin, 2 an end, 3 both)
 *     nanoseconds since the event before
 *     track, CPU + 1, depth
 *     the span's name, of a begin and an end; nanoseconds, of an end and of both
 *     the length of its fields as JSON, and they themselves
 *
 * and then, when all are known, what the numbers stand for as JSON, and in the
 * last ten digits how long that is. A browser has its limits: after
 * HTML_EVENTS_MAX events and HTML_BYTES_MAX of fields, the rest is counted and
 * the page says so.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/tracectl/deflate64.h"
#include "client/tracectl/json-writer.h"
#include "client/tracectl/output-event.h"
#include "client/tracectl/pairs.h"
#include "client/tracectl/say.h"
#include "client/tracectl/view-output.h"
#include "timeline-html.h"

#define HTML_EVENTS_MAX UINT64_C(4000000)
#define HTML_BYTES_MAX (UINT64_C(512) * 1024 * 1024)

struct output_html {
        struct pairs pairs;
        struct names processes;
        struct deflate64 deflate;
        struct text scratch; /* a piece of JSON, before it is compressed */
        const char *path;
        const tracectl_reader *reader;
        int64_t start, last;
        uint64_t n, n_bytes, n_left_out;
        uint64_t n_tail; /* bytes of JSON behind the events */
};

static int begin(const struct view_output_options *options, struct text *text, void **ret) {
        struct output_html *output = calloc(1, sizeof(*output));

        if (!output)
                return -ENOMEM;
        *ret = output;
        output->path = options->path;
        output->reader = options->reader;
        text_add(text, timeline_head, sizeof(timeline_head));
        return deflate64_begin(&output->deflate);
}

/* The scratch is text without a file: what does not fit is an error of it. */
static struct json_writer begin_json(struct output_html *output) {
        text_init(&output->scratch, -1);
        return (struct json_writer) { .text = &output->scratch };
}

static void write_fields(struct output_html *output, tracectl_reader_event *event) {
        struct json_writer json = begin_json(output);
        size_t n;

        text_add_char(json.text, '{');
        tracectl_reader_event_rewind(event, TRACECTL_SCOPE_CONTEXT);
        n = json_write_members(&json, event, true);
        tracectl_reader_event_rewind(event, TRACECTL_SCOPE_FIELDS);
        json_write_members(&json, event, n == 0);
        text_add_char(json.text, '}');
        if (json.text->error != 0) {
                json = begin_json(output);
                text_add_literal(json.text, "{\"\":\"(more than the page takes)\"}");
        }
}

static int name_process(struct output_html *output, uint32_t track, tracectl_reader_event *event) {
        const char *process;
        size_t size;
        int64_t number;

        if (!output_find_process(event, &process, &size))
                return 0;
        number = names_add(&output->processes, process, size);
        if (number >= 0)
                output->pairs.tracks.items[track].process = (int32_t) number;
        return number < 0 ? (int) number : 0;
}

static void write_event(struct output_html *output, struct text *text, const struct pair_event *pair, int cpu) {
        uint64_t numbers[8];
        size_t n = 0;

        numbers[n++] = (uint64_t) pair->event << 2 | (pair->kind - PAIR_NONE);
        numbers[n++] = pair->time > output->last ? (uint64_t) pair->time - (uint64_t) output->last : 0;
        numbers[n++] = pair->track;
        numbers[n++] = cpu >= 0 ? (uint64_t) cpu + 1 : 0;
        numbers[n++] = pair->depth;
        if (pair->kind == PAIR_BEGIN || pair->kind == PAIR_END)
                numbers[n++] = pair->span;
        if (pair->kind == PAIR_END || pair->kind == PAIR_WHOLE)
                numbers[n++] = (uint64_t) pair->duration;
        numbers[n++] = output->scratch.size;
        for (size_t i = 0; i < n; i++)
                deflate64_add_number(&output->deflate, text, numbers[i]);
        deflate64_add(&output->deflate, text, output->scratch.data, output->scratch.size);
}

static int add_event(void *state, struct text *text, tracectl_reader_event *event) {
        struct output_html *output = state;
        uint32_t n_tracks = output->pairs.tracks.n;
        struct pair_event pair;
        int r;

        if (output->n == HTML_EVENTS_MAX || output->n_bytes >= HTML_BYTES_MAX) {
                output->n_left_out++;
                return 0;
        }
        r = pairs_add(&output->pairs, event, &pair);
        if (r >= 0 && pair.track >= n_tracks)
                r = name_process(output, pair.track, event);
        if (r < 0)
                return r;
        if (output->n == 0)
                output->start = output->last = pair.time;
        write_fields(output, event);
        write_event(output, text, &pair, tracectl_reader_event_get_cpu(event));
        output->n++;
        output->n_bytes += output->scratch.size;
        output->last = pair.time > output->last ? pair.time : output->last;
        return 0;
}

/* A piece of the JSON behind the events. */
static void add_tail(struct output_html *output, struct text *text, const char *data, size_t size) {
        deflate64_add(&output->deflate, text, data, size);
        output->n_tail += size;
}

__attribute__((format(printf, 3, 4))) static void add_tail_format(struct output_html *output, struct text *text,
                                                                  const char *format, ...) {
        char piece[160];
        va_list ap;
        int n;

        va_start(ap, format);
        n = vsnprintf(piece, sizeof(piece), format, ap);
        va_end(ap);
        add_tail(output, text, piece, (size_t) n);
}

static void add_tail_string(struct output_html *output, struct text *text, const char *data, size_t size) {
        struct json_writer json = begin_json(output);

        json_write_string(&json, data, size);
        if (json.text->error != 0) {
                json = begin_json(output);
                text_add_literal(json.text, "\"(more than the page takes)\"");
        }
        add_tail(output, text, json.text->data, json.text->size);
}

static void add_track(struct output_html *output, struct text *text, const struct track *track) {
        if (track->is_thread)
                add_tail_format(output, text, "{\"pid\":%i,\"tid\":%i", (int) track->pid, (int) track->tid);
        else
                add_tail_format(output, text, "{\"cpu\":%i", (int) track->cpu);
        if (track->process >= 0) {
                const struct name *name = &output->processes.items[track->process];

                add_tail_format(output, text, ",\"process\":");
                add_tail_string(output, text, name->data, name->size);
        }
        add_tail_format(output, text, "}");
}

static void add_tables(struct output_html *output, struct text *text) {
        const struct names *names = &output->pairs.names;
        const struct tracks *tracks = &output->pairs.tracks;

        add_tail_format(output, text, "{\"n\":%" PRIu64 ",\"left_out\":%" PRIu64 ",\"start\":\"%" PRIi64 "\"", output->n,
                        output->n_left_out, output->start);
        add_tail_format(output, text, ",\"discarded\":%" PRIu64 ",\"packets_lost\":%" PRIu64 ",\"path\":",
                        tracectl_reader_get_discarded(output->reader),
                        tracectl_reader_get_packets_lost(output->reader));
        add_tail_string(output, text, output->path, strlen(output->path));
        add_tail_format(output, text, ",\"names\":[");
        for (uint32_t i = 0; i < names->n; i++) {
                add_tail(output, text, ",", i > 0);
                add_tail_string(output, text, names->items[i].data, names->items[i].size);
        }
        add_tail_format(output, text, "],\"tracks\":[");
        for (uint32_t i = 0; i < tracks->n; i++) {
                add_tail(output, text, ",", i > 0);
                add_track(output, text, &tracks->items[i]);
        }
        add_tail_format(output, text, "]}");
}

static int end(void *state, struct text *text) {
        struct output_html *output = state;

        add_tables(output, text);
        add_tail_format(output, text, "%010" PRIu64, output->n_tail);
        deflate64_end(&output->deflate, text);
        text_add(text, timeline_tail, sizeof(timeline_tail));
        if (output->n_left_out > 0)
                say("The page has the first %" PRIu64 " events; %" PRIu64 " later ones are left out", output->n,
                    output->n_left_out);
        return 0;
}

static void output_free(void *state) {
        struct output_html *output = state;

        if (!output)
                return;
        deflate64_done(&output->deflate);
        names_done(&output->processes);
        pairs_done(&output->pairs);
        free(output);
}

const struct view_output view_output_html = {
        .name = "html",
        .is_bytes = true,
        .begin = begin,
        .event = add_event,
        .end = end,
        .free = output_free,
};
