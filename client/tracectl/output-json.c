/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Events as JSON, an object a line. docs/json.md says what is in it. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/tracectl/json-writer.h"
#include "client/tracectl/output-event.h"
#include "client/tracectl/pairs.h"
#include "client/tracectl/uncertain.h"
#include "client/tracectl/view-output.h"

struct output_json {
        struct output_time time;
        bool with_durations, with_uncertain;
        struct pairs pairs;
        struct uncertain uncertain;
};

static int begin(const struct view_output_options *options, struct text *text, void **ret) {
        struct output_json *output = calloc(1, sizeof(*output));

        if (!output)
                return -ENOMEM;
        output->with_durations = options->with_durations;
        output->with_uncertain = options->with_uncertain;
        *ret = output;
        return 0;
}

/* ,"name":value, where there is one. */
static void add_number(const struct json_writer *json, const char *name, int64_t value) {
        text_add_char(json->text, ',');
        json_write_key(json, name);
        json_write_i64(json, value);
}

static void add_head(struct output_json *output, const struct json_writer *json, tracectl_reader_event *event) {
        int64_t time = tracectl_reader_event_get_time(event);
        const char *name = tracectl_reader_event_get_name(event);
        int cpu = tracectl_reader_event_get_cpu(event), loglevel = tracectl_reader_event_get_loglevel(event);
        int32_t pid, tid;

        text_add_literal(json->text, "{\"time\":\"");
        output_add_time(&output->time, json->text, time);
        text_add_literal(json->text, "\",\"timestamp\":\"");
        text_add_i64(json->text, time);
        text_add_literal(json->text, "\",\"event\":");
        json_write_string(json, name, strlen(name));
        if (tracectl_reader_event_get_thread(event, &pid, &tid) > 0) {
                if (pid >= 0)
                        add_number(json, "pid", pid);
                add_number(json, "tid", tid);
        }
        if (cpu >= 0)
                add_number(json, "cpu", cpu);
        if (loglevel >= 0)
                add_number(json, "loglevel", loglevel);
}

static void add_context(const struct json_writer *json, tracectl_reader_event *event) {
        tracectl_reader_event_rewind(event, TRACECTL_SCOPE_CONTEXT);
        if (tracectl_reader_event_next_field(event)) {
                tracectl_reader_event_rewind(event, TRACECTL_SCOPE_CONTEXT);
                text_add_literal(json->text, ",\"context\":");
                json_write_fields(json, event);
        }
        tracectl_reader_event_rewind(event, TRACECTL_SCOPE_FIELDS);
}

static int add_event(void *state, struct text *text, tracectl_reader_event *event) {
        struct json_writer json = { .text = text };
        struct output_json *output = state;
        struct pair_event pair = {};
        int r;

        if (output->with_durations) {
                r = pairs_add(&output->pairs, event, &pair);
                if (r < 0)
                        return r;
        }
        add_head(output, &json, event);
        if (pair.kind == PAIR_END || pair.kind == PAIR_WHOLE)
                add_number(&json, "duration", pair.duration);
        if (output->with_uncertain && uncertain_add(&output->uncertain, event))
                text_add_literal(text, ",\"uncertain\":true");
        add_context(&json, event);
        text_add_literal(text, ",\"fields\":");
        json_write_fields(&json, event);
        text_add_literal(text, "}\n");
        return 0;
}

static void output_free(void *state) {
        struct output_json *output = state;

        if (output)
                pairs_done(&output->pairs);
        free(output);
}

const struct view_output view_output_json = {
        .name = "json",
        .is_each_alone = true,
        .begin = begin,
        .event = add_event,
        .free = output_free,
};
