/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* docs/json.md says what is in it. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/tracectl/summary.h"
#include "common/cleanup.h"

static json_t *from_time(int64_t ns) {
        char text[24];

        snprintf(text, sizeof(text), "%" PRIi64, ns);
        return json_string(text);
}

/* name: NULL where it is of several. */
static json_t *from_span(const struct histogram *span, const char *name) {
        return json_pack("{s:o*, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                         "span", name ? json_from_text(name) : NULL,
                         "count", json_from_number(span->n),
                         "total", json_from_number(span->sum),
                         "mean", json_from_number(span->sum / span->n),
                         "min", json_from_number(span->min),
                         "p50", json_from_number(histogram_get(span, 500)),
                         "p90", json_from_number(histogram_get(span, 900)),
                         "p99", json_from_number(histogram_get(span, 990)),
                         "max", json_from_number(span->max));
}

/* Who it is: what the track has of process, thread and CPU. */
static int set_track(json_t *row, const struct summary *summary, const struct track *track, bool with_thread) {
        int r = 0;

        if (track->is_thread) {
                r = json_object_set_new(row, "pid", json_integer(track->pid));
                if (with_thread)
                        r |= json_object_set_new(row, "tid", json_integer(track->tid));
        } else if (with_thread && track->cpu >= 0)
                r = json_object_set_new(row, "cpu", json_integer(track->cpu));
        if (track->process >= 0)
                r |= json_object_set_new(row, "process",
                                         json_from_text(summary->processes.items[track->process].data));
        return r;
}

static json_t *from_row(const struct summary *summary, enum summary_by by, const struct summary_row *row) {
        const struct track *track = &summary->pairs.tracks.items[row->number];
        const char *name = by == SUMMARY_BY_FIELD ? summary->values.items[row->number].data : NULL;
        struct histogram durations;
        json_t *json;
        int r = 0;

        if (by == SUMMARY_BY_EVENT || by == SUMMARY_BY_SPAN)
                name = summary->pairs.names.items[row->number].data;
        if (by == SUMMARY_BY_SPAN)
                return from_span(summary->spans.items[row->number], name);
        json = json_object();
        if (!json)
                return NULL;
        if (by == SUMMARY_BY_EVENT || by == SUMMARY_BY_FIELD)
                r = json_object_set_new(json, by == SUMMARY_BY_EVENT ? "event" : "value", json_from_text(name));
        else
                r = set_track(json, summary, track, by == SUMMARY_BY_THREAD);
        if (by == SUMMARY_BY_PROCESS)
                r |= json_object_set_new(json, "threads", json_integer(row->n_threads));
        r |= json_object_set_new(json, "count", json_from_number(row->count));
        if (summary_get_durations(summary, by, row->number, &durations))
                r |= json_object_set_new(json, "durations", from_span(&durations, NULL));
        if (r < 0) {
                json_decref(json);
                return NULL;
        }
        return json;
}

static json_t *from_rows(const struct summary *summary, enum summary_by by) {
        _cleanup_free_ struct summary_row *rows = NULL;
        json_t *json = json_array();
        uint32_t n;
        int r = json ? 0 : -1;

        if (r >= 0)
                r = summary_rows(summary, by, &rows, &n);
        for (uint32_t i = 0; r >= 0 && i < n; i++)
                r = json_array_append_new(json, from_row(summary, by, &rows[i]));
        if (r < 0) {
                json_decref(json);
                return NULL;
        }
        return json;
}

json_t *summary_to_json(const struct summary *summary) {
        static const struct {
                enum summary_by by;
                const char *name;
        } tables[] = {
                { SUMMARY_BY_EVENT, "events" },
                { SUMMARY_BY_PROCESS, "processes" },
                { SUMMARY_BY_THREAD, "threads" },
                { SUMMARY_BY_SPAN, "spans" },
                { SUMMARY_BY_FIELD, "values" },
        };
        struct histogram durations;
        json_t *json;
        int r = 0;

        json = json_pack("{s:o, s:o*, s:o*, s:o, s:o, s:o}", "count", json_from_number(summary->n),
                         "first", summary->is_count ? NULL : from_time(summary->first),
                         "last", summary->is_count ? NULL : from_time(summary->last),
                         "discarded", json_from_number(summary->discarded),
                         "packets_lost", json_from_number(summary->packets_lost),
                         "unfinished", json_from_number(summary->n_unfinished));
        if (!json)
                return NULL;
        for (size_t i = 0; i < ARRAY_SIZE(tables) && r >= 0; i++)
                if (summary->by & tables[i].by)
                        r = json_object_set_new(json, tables[i].name, from_rows(summary, tables[i].by));
        if (r >= 0 && (summary->by & SUMMARY_BY_SPAN) && summary_get_all_durations(summary, &durations))
                r = json_object_set_new(json, "durations", from_span(&durations, NULL));
        if (r >= 0 && summary->field) {
                r = json_object_set_new(json, "other_values", json_from_number(summary->n_other_values));
                r |= json_object_set_new(json, "without_field", json_from_number(summary->n_without_field));
        }
        if (r < 0) {
                json_decref(json);
                return NULL;
        }
        return json;
}
