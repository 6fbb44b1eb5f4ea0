/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How long what began and ended took: of each name, and of each thread and each value as far as there is room for. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/tracectl/summary.h"
#include "common/cleanup.h"

static int grow(struct summary_spans *spans, uint32_t number) {
        uint32_t n = spans->n ? spans->n : 64;
        struct histogram **items;

        if (number < spans->n)
                return 0;
        while (n <= number)
                n *= 2;
        items = reallocarray(spans->items, n, sizeof(*items));
        if (!items)
                return -ENOMEM;
        memset(items + spans->n, 0, (n - spans->n) * sizeof(*items));
        *spans = (struct summary_spans) { .items = items, .n = n };
        return 0;
}

static int add(struct summary_spans *spans, uint32_t number, uint64_t duration, uint32_t *n_left) {
        int r;

        r = grow(spans, number);
        if (r < 0)
                return r;
        if (!spans->items[number]) {
                if (n_left && *n_left == 0)
                        return 0;
                spans->items[number] = calloc(1, sizeof(struct histogram));
                if (!spans->items[number])
                        return -ENOMEM;
                if (n_left)
                        --*n_left;
        }
        histogram_add(spans->items[number], duration);
        return 0;
}

int summary_add_span(struct summary *summary, const struct pair_event *pair, int64_t value) {
        uint32_t n_left = SUMMARY_HISTOGRAMS_MAX - summary->n_histograms, n_before = n_left;
        uint64_t duration = (uint64_t) pair->duration;
        int r;

        r = add(&summary->spans, pair->span, duration, NULL);
        if (r >= 0)
                r = add(&summary->track_spans, pair->track, duration, &n_left);
        if (n_left < n_before)
                summary->span_tracks[summary->n_span_tracks++] = pair->track;
        if (r >= 0 && value >= 0)
                r = add(&summary->value_spans, (uint32_t) value, duration, &n_left);
        summary->n_histograms = SUMMARY_HISTOGRAMS_MAX - n_left;
        return r;
}

/* Where ret has none yet, nothing of it is set but n. */
static void merge(const struct summary_spans *spans, uint32_t number, struct histogram *ret) {
        if (number >= spans->n || !spans->items[number])
                return;
        if (ret->n > 0)
                histogram_merge(ret, spans->items[number]);
        else
                *ret = *spans->items[number];
}

static void merge_process(const struct summary *summary, uint32_t first, struct histogram *ret) {
        const struct track *tracks = summary->pairs.tracks.items;

        for (uint32_t i = 0; i < summary->n_span_tracks; i++) {
                const struct track *track = &tracks[summary->span_tracks[i]];

                if (track->is_thread == tracks[first].is_thread &&
                    (!track->is_thread || track->pid == tracks[first].pid))
                        merge(&summary->track_spans, summary->span_tracks[i], ret);
        }
}

bool summary_get_durations(const struct summary *summary, enum summary_by by, uint32_t number, struct histogram *ret) {
        ret->n = 0;
        if (by == SUMMARY_BY_PROCESS)
                merge_process(summary, number, ret);
        else if (by == SUMMARY_BY_THREAD)
                merge(&summary->track_spans, number, ret);
        else if (by == SUMMARY_BY_FIELD)
                merge(&summary->value_spans, number, ret);
        return ret->n > 0;
}

bool summary_get_all_durations(const struct summary *summary, struct histogram *ret) {
        ret->n = 0;
        for (uint32_t i = 0; i < summary->spans.n; i++)
                merge(&summary->spans, i, ret);
        return ret->n > 0;
}

void summary_spans_done(struct summary_spans *spans) {
        for (uint32_t i = 0; i < spans->n; i++)
                free(spans->items[i]);
        free(spans->items);
        *spans = (struct summary_spans) {};
}
