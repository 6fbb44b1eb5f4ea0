/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/tracectl/ahead.h"
#include "client/tracectl/output-event.h"
#include "client/tracectl/progress.h"
#include "client/tracectl/summary.h"
#include "common/cleanup.h"

DEFINE_CLEANUP(struct ahead *, ahead_free)

static int count(struct summary_counts *counts, uint32_t number, uint64_t n_more) {
        if (number >= counts->n) {
                uint32_t n = counts->n ? counts->n : 64;
                uint64_t *items;

                while (n <= number)
                        n *= 2;
                items = reallocarray(counts->items, n, sizeof(*items));
                if (!items)
                        return -ENOMEM;
                memset(items + counts->n, 0, (n - counts->n) * sizeof(*items));
                counts->items = items;
                counts->n = n;
        }
        counts->items[number] += n_more;
        return 0;
}

/* Of a thread's first event. */
static int name_process(struct summary *summary, uint32_t track, tracectl_reader_event *event) {
        const char *process;
        size_t size;
        int64_t number;

        if (!output_find_process(event, &process, &size))
                return 0;
        number = names_add(&summary->processes, process, size);
        if (number < 0)
                return (int) number;
        summary->pairs.tracks.items[track].process = (int32_t) number;
        return 0;
}

/* A value as text: 0 where it is none that can be counted, such as a structure. */
static size_t format_value(const tracectl_field *field, char text[static SUMMARY_VALUE_SIZE]) {
        size_t size;

        if (field->label && (field->type == TRACECTL_FIELD_UNSIGNED || field->type == TRACECTL_FIELD_SIGNED))
                return (size_t) snprintf(text, SUMMARY_VALUE_SIZE, "%.*s", SUMMARY_VALUE_SIZE - 1, field->label);
        switch (field->type) {
        case TRACECTL_FIELD_UNSIGNED:
                return (size_t) snprintf(text, SUMMARY_VALUE_SIZE, "%" PRIu64, field->u);
        case TRACECTL_FIELD_SIGNED:
                return (size_t) snprintf(text, SUMMARY_VALUE_SIZE, "%" PRIi64, field->i);
        case TRACECTL_FIELD_DOUBLE:
                return (size_t) snprintf(text, SUMMARY_VALUE_SIZE, "%.15g", field->d);
        case TRACECTL_FIELD_STRING:
                size = field->string.size < SUMMARY_VALUE_SIZE ? field->string.size : SUMMARY_VALUE_SIZE;
                memcpy(text, field->string.data, size);
                return size;
        default:
                return SIZE_MAX;
        }
}

/* The field of the event itself, not one within a structure; the program's before the context's. */
static bool find_value(const char *name, tracectl_reader_event *event, char text[static SUMMARY_VALUE_SIZE],
                       size_t *ret) {
        static const enum tracectl_field_scope scopes[] = { TRACECTL_SCOPE_FIELDS, TRACECTL_SCOPE_CONTEXT };
        size_t n_name = strlen(name);

        for (size_t i = 0; i < ARRAY_SIZE(scopes); i++) {
                const tracectl_field *field;
                unsigned depth = 0;

                tracectl_reader_event_rewind(event, scopes[i]);
                while ((field = tracectl_reader_event_next_field(event))) {
                        bool is_it = depth == 0 && !field->is_length && field->name && field->name_size == n_name &&
                                     memcmp(field->name, name, n_name) == 0;

                        if (is_it) {
                                *ret = format_value(field, text);
                                return *ret != SIZE_MAX;
                        }
                        if (field->type == TRACECTL_FIELD_STRUCT || field->type == TRACECTL_FIELD_ARRAY)
                                depth++;
                        else if (field->type == TRACECTL_FIELD_CLOSE)
                                depth--;
                }
        }
        return false;
}

/* ret: the value's number, or -1. */
static int add_value(struct summary *summary, tracectl_reader_event *event, int64_t *ret) {
        char text[SUMMARY_VALUE_SIZE];
        int64_t number;
        size_t size;

        *ret = -1;
        if (!find_value(summary->field, event, text, &size)) {
                summary->n_without_field++;
                return 0;
        }
        if (summary->values.n == SUMMARY_VALUES_MAX)
                number = names_find(&summary->values, text, size);
        else
                number = names_add(&summary->values, text, size);
        if (number == -ENOENT) {
                summary->n_other_values++;
                return 0;
        }
        *ret = number;
        return number < 0 ? (int) number : count(&summary->value_counts, (uint32_t) number, 1);
}

int summary_add(struct summary *summary, tracectl_reader_event *event) {
        uint32_t n_tracks = summary->pairs.tracks.n;
        struct pair_event pair;
        int64_t value = -1;
        int r;

        r = pairs_add(&summary->pairs, event, &pair);
        if (r >= 0)
                r = count(&summary->events, pair.event, 1);
        if (r >= 0)
                r = count(&summary->tracks, pair.track, 1);
        if (r >= 0 && pair.track >= n_tracks)
                r = name_process(summary, pair.track, event);
        if (r >= 0 && summary->field)
                r = add_value(summary, event, &value);
        if (r >= 0 && (pair.kind == PAIR_END || pair.kind == PAIR_WHOLE))
                r = summary_add_span(summary, &pair, value);
        if (r < 0)
                return r;
        summary->n_unfinished += pair.n_abandoned;
        if (summary->n++ == 0)
                summary->first = pair.time;
        summary->last = pair.time;
        return 0;
}

struct counting {
        struct summary *summary;
        int error;
};

static void add_count(const char *name, int loglevel, uint64_t n, void *userdata) {
        struct counting *counting = userdata;
        struct summary *summary = counting->summary;
        int64_t number = names_add(&summary->pairs.names, name, strlen(name));
        int r = number < 0 ? (int) number : count(&summary->events, (uint32_t) number, n);

        if (r < 0)
                counting->error = r;
        summary->n += n;
}

static int count_all(struct summary *summary, tracectl_reader *reader) {
        struct counting counting = { .summary = summary };
        int r;

        tracectl_reader_set_unordered(reader, 1);
        r = tracectl_reader_count(reader, add_count, &counting);
        return r < 0 ? r : counting.error;
}

static int add_all(struct summary *summary, tracectl_reader *reader, struct view_chooser *chooser) {
        _cleanup_(ahead_freep) struct ahead *ahead = NULL;
        _cleanup_(progress_done) struct progress progress;
        tracectl_reader_event *event;
        struct pair_open open;
        uint32_t track;
        int r;

        progress_init(&progress, -1);
        r = ahead_new(reader, &ahead);
        if (r < 0)
                return r;
        while ((r = ahead_next(ahead, &event)) > 0) {
                r = view_chooser_wants(chooser, event);
                if (r > 0)
                        r = summary_add(summary, event);
                if (r >= 0)
                        r = progress_step(&progress);
                if (r < 0)
                        return r;
        }
        while (pairs_take_open(&summary->pairs, &track, &open) > 0)
                summary->n_unfinished++;
        return r;
}

int summary_read(struct summary *summary, tracectl_reader *reader, const struct view_select *select) {
        _cleanup_(view_chooser_done) struct view_chooser chooser = {};
        int r;

        r = view_chooser_init(&chooser, select);
        if (r >= 0)
                r = summary->is_count ? count_all(summary, reader) : add_all(summary, reader, &chooser);
        summary->discarded = tracectl_reader_get_discarded(reader);
        summary->packets_lost = tracectl_reader_get_packets_lost(reader);
        return r;
}

int summary_read_more(struct summary *summary, tracectl_reader *reader) {
        tracectl_reader_event *event;
        int r;

        pairs_forget_reader(&summary->pairs);
        while ((r = tracectl_reader_next(reader, &event)) > 0) {
                r = summary_add(summary, event);
                if (r < 0)
                        return r;
        }
        return r;
}

void summary_done(struct summary *summary) {
        summary_spans_done(&summary->spans);
        summary_spans_done(&summary->track_spans);
        summary_spans_done(&summary->value_spans);
        free(summary->events.items);
        free(summary->tracks.items);
        free(summary->value_counts.items);
        names_done(&summary->processes);
        names_done(&summary->values);
        pairs_done(&summary->pairs);
        summary_changes_done(&summary->changes);
}
