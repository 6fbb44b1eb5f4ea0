/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Events as CSV (RFC 4180), one a row, without line breaks in cells. The fields
 * are JSON in one cell, because no two events have the same. A cell that a
 * spreadsheet would take for a formula begins with an apostrophe.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/tracectl/json-writer.h"
#include "client/tracectl/output-event.h"
#include "client/tracectl/pairs.h"
#include "client/tracectl/uncertain.h"
#include "client/tracectl/view-output.h"

struct output_csv {
        struct output_time time;
        bool with_durations, with_uncertain;
        struct pairs pairs;
        struct uncertain uncertain;
};

static int begin(const struct view_output_options *options, struct text *text, void **ret) {
        struct output_csv *output = calloc(1, sizeof(*output));

        if (!output)
                return -ENOMEM;
        output->with_durations = options->with_durations;
        output->with_uncertain = options->with_uncertain;
        *ret = output;
        text_add_literal(text, "time,event,pid,tid,process,cpu,fields");
        if (output->with_durations)
                text_add_literal(text, ",duration");
        if (output->with_uncertain)
                text_add_literal(text, ",uncertain");
        text_add_literal(text, "\r\n");
        return 0;
}

/* A cell in quotes; what a terminal must not see is escaped as in the lines for people. */
static void add_cell(struct text *text, const char *data, size_t size) {
        text_add_char(text, '"');
        if (size > 0 && strchr("=+-@", data[0]))
                text_add_char(text, '\'');
        while (size > 0) {
                const char *quote = memchr(data, '"', size);
                size_t n = quote ? (size_t) (quote - data) : size;

                text_add_escaped(text, data, n, 0);
                if (quote)
                        text_add_literal(text, "\"\"");
                n += quote != NULL;
                data += n;
                size -= n;
        }
        text_add_char(text, '"');
}

static void add_thread(struct text *text, tracectl_reader_event *event) {
        int32_t pid, tid;

        if (tracectl_reader_event_get_thread(event, &pid, &tid) > 0) {
                if (pid >= 0)
                        text_add_i64(text, pid);
                text_add_char(text, ',');
                text_add_i64(text, tid);
                text_add_char(text, ',');
        } else
                text_add_literal(text, ",,");
}

static void add_fields(struct text *text, tracectl_reader_event *event) {
        struct json_writer json = { .text = text, .is_quoted = true };
        size_t n;

        text_add_literal(text, "\"{");
        tracectl_reader_event_rewind(event, TRACECTL_SCOPE_CONTEXT);
        n = json_write_members(&json, event, true);
        tracectl_reader_event_rewind(event, TRACECTL_SCOPE_FIELDS);
        json_write_members(&json, event, n == 0);
        text_add_literal(text, "}\"");
}

static int add_event(void *state, struct text *text, tracectl_reader_event *event) {
        const char *name = tracectl_reader_event_get_name(event), *process;
        int cpu = tracectl_reader_event_get_cpu(event);
        struct output_csv *output = state;
        struct pair_event pair = {};
        size_t n_process;
        int r;

        if (output->with_durations) {
                r = pairs_add(&output->pairs, event, &pair);
                if (r < 0)
                        return r;
        }
        output_add_time(&output->time, text, tracectl_reader_event_get_time(event));
        text_add_char(text, ',');
        add_cell(text, name, strlen(name));
        text_add_char(text, ',');
        add_thread(text, event);
        if (output_find_process(event, &process, &n_process))
                add_cell(text, process, n_process);
        text_add_char(text, ',');
        if (cpu >= 0)
                text_add_i64(text, cpu);
        text_add_char(text, ',');
        add_fields(text, event);
        if (output->with_durations)
                text_add_char(text, ',');
        if (pair.kind == PAIR_END || pair.kind == PAIR_WHOLE)
                text_add_i64(text, pair.duration);
        if (output->with_uncertain)
                text_add_char(text, ',');
        if (output->with_uncertain && uncertain_add(&output->uncertain, event))
                text_add_char(text, '1');
        text_add_literal(text, "\r\n");
        return 0;
}

static void output_free(void *state) {
        struct output_csv *output = state;

        if (output)
                pairs_done(&output->pairs);
        free(output);
}

const struct view_output view_output_csv = {
        .name = "csv",
        .begin = begin,
        .event = add_event,
        .free = output_free,
};
