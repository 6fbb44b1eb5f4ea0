/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/tracectl/summary.h"

static uint64_t get(const struct summary_counts *counts, uint32_t i) {
        return i < counts->n ? counts->items[i] : 0;
}

static int grow(struct summary_counts *counts, uint32_t n) {
        uint64_t *items;

        if (n <= counts->n)
                return 0;
        items = reallocarray(counts->items, n, sizeof(*items));
        if (!items)
                return -ENOMEM;
        memset(items + counts->n, 0, (n - counts->n) * sizeof(*items));
        *counts = (struct summary_counts) { .items = items, .n = n };
        return 0;
}

static int take_difference(struct summary_change *change, const struct summary_counts *now) {
        int r;

        r = grow(&change->before, now->n);
        if (r >= 0)
                r = grow(&change->recent, now->n);
        if (r < 0)
                return r;
        for (uint32_t i = 0; i < now->n; i++) {
                change->recent.items[i] = now->items[i] - change->before.items[i];
                change->before.items[i] = now->items[i];
        }
        return 0;
}

int summary_tick(struct summary *summary, double seconds) {
        int r;

        r = take_difference(&summary->changes.events, &summary->events);
        if (r >= 0)
                r = take_difference(&summary->changes.tracks, &summary->tracks);
        if (r < 0)
                return r;
        summary->changes.n = summary->n - summary->changes.n_before;
        summary->changes.n_before = summary->n;
        summary->changes.seconds = seconds;
        return 0;
}

uint64_t summary_get_recent(const struct summary *summary, enum summary_by by, uint32_t number) {
        switch (by) {
        case SUMMARY_BY_EVENT:
                return get(&summary->changes.events.recent, number);
        case SUMMARY_BY_PROCESS:
        case SUMMARY_BY_THREAD:
                return get(&summary->changes.tracks.recent, number);
        default:
                return 0;
        }
}

void summary_changes_done(struct summary_changes *changes) {
        free(changes->events.recent.items);
        free(changes->events.before.items);
        free(changes->tracks.recent.items);
        free(changes->tracks.before.items);
}
