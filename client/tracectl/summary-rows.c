/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>

#include "client/tracectl/summary.h"

/* The most frequent first; equals in the order of their first event. */
static int compare_rows(const void *a, const void *b) {
        const struct summary_row *x = a, *y = b;

        if (x->recent != y->recent)
                return x->recent < y->recent ? 1 : -1;
        if (x->count != y->count)
                return x->count < y->count ? 1 : -1;
        return x->number < y->number ? -1 : x->number > y->number;
}

static int32_t pid_of(const struct summary *summary, const struct summary_row *row) {
        const struct track *track = &summary->pairs.tracks.items[row->number];

        return track->is_thread ? track->pid : -1;
}

static int compare_pids(const void *a, const void *b, void *userdata) {
        const struct summary_row *x = a, *y = b;
        int32_t i = pid_of(userdata, x), j = pid_of(userdata, y);

        if (i != j)
                return i < j ? -1 : 1;
        return x->number < y->number ? -1 : x->number > y->number;
}

/* Threads of a process become one row, that of its first thread. */
static uint32_t join_processes(const struct summary *summary, struct summary_row *rows, uint32_t n) {
        uint32_t n_processes = 0;

        qsort_r(rows, n, sizeof(*rows), compare_pids, (void *) summary);
        for (uint32_t i = 0; i < n; i++) {
                struct summary_row *last = n_processes > 0 ? &rows[n_processes - 1] : NULL;

                if (last && pid_of(summary, last) == pid_of(summary, &rows[i])) {
                        last->count += rows[i].count;
                        last->recent += rows[i].recent;
                        last->n_threads++;
                } else {
                        rows[i].n_threads = 1;
                        rows[n_processes++] = rows[i];
                }
        }
        return n_processes;
}

/* Spans are in the order of the time that they took together. */
static uint64_t get_count(const struct summary *summary, enum summary_by by, uint32_t number) {
        switch (by) {
        case SUMMARY_BY_EVENT:
                return number < summary->events.n ? summary->events.items[number] : 0;
        case SUMMARY_BY_FIELD:
                return summary->value_counts.items[number];
        case SUMMARY_BY_SPAN:
                /* One more: a span may have taken no time at all. */
                return number < summary->spans.n && summary->spans.items[number] ?
                               summary->spans.items[number]->sum + (summary->spans.items[number]->sum < UINT64_MAX) :
                               0;
        default:
                return summary->tracks.items[number];
        }
}

int summary_rows(const struct summary *summary, enum summary_by by, struct summary_row **ret, uint32_t *ret_n) {
        bool is_name = by == SUMMARY_BY_EVENT || by == SUMMARY_BY_SPAN;
        uint32_t n_numbers = is_name                 ? summary->pairs.names.n :
                             by == SUMMARY_BY_FIELD  ? summary->values.n :
                                                       summary->pairs.tracks.n;
        struct summary_row *rows = calloc((size_t) n_numbers + 1, sizeof(*rows));
        uint32_t n = 0;

        if (!rows)
                return -ENOMEM;
        for (uint32_t i = 0; i < n_numbers; i++) {
                uint64_t count = get_count(summary, by, i);

                if (count > 0)
                        rows[n++] = (struct summary_row) {
                                .count = count,
                                .recent = summary_get_recent(summary, by, i),
                                .number = i,
                        };
        }
        if (by == SUMMARY_BY_PROCESS)
                n = join_processes(summary, rows, n);
        qsort(rows, n, sizeof(*rows), compare_rows);
        *ret = rows;
        *ret_n = n;
        return 0;
}
