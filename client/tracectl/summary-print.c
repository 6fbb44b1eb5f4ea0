/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/tracectl/format.h"
#include "client/tracectl/summary.h"
#include "client/tracectl/table.h"
#include "client/tracectl/text.h"
#include "common/cleanup.h"

#define NSEC_PER_SEC 1e9

static uint64_t length_of(const struct summary *summary) {
        int64_t ns;

        return __builtin_sub_overflow(summary->last, summary->first, &ns) || ns < 0 ? 0 : (uint64_t) ns;
}

__attribute__((format(printf, 2, 3))) static void add_quantity(struct table *table, const char *format, ...) {
        _cleanup_free_ char *cell = NULL;
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&cell, format, ap);
        va_end(ap);
        if (n < 0) {
                cell = NULL;
                table->error = -ENOMEM;
                return;
        }
        table_add_quantity(table, cell);
}

static void add_duration(struct table *table, uint64_t ns) {
        if (ns < 1000)
                add_quantity(table, "%" PRIu64 " ns", ns);
        else if (ns < 1000 * 1000)
                add_quantity(table, "%.2f us", (double) ns / 1e3);
        else if (ns < 1000 * 1000 * 1000)
                add_quantity(table, "%.2f ms", (double) ns / 1e6);
        else
                add_quantity(table, "%.3f s", (double) ns / 1e9);
}

static void add_process(struct table *table, const struct summary *summary, const struct track *track) {
        _cleanup_free_ char *cell = NULL;
        int n;

        if (!track->is_thread)
                n = asprintf(&cell, "unknown");
        else if (track->process >= 0)
                n = asprintf(&cell, "%i %s", (int) track->pid, summary->processes.items[track->process].data);
        else
                n = asprintf(&cell, "%i", (int) track->pid);
        if (n < 0) {
                cell = NULL;
                table->error = -ENOMEM;
                return;
        }
        table_add(table, cell);
}

static void add_thread(struct table *table, const struct track *track) {
        char cell[32];

        if (track->is_thread)
                snprintf(cell, sizeof(cell), "%i/%i", (int) track->pid, (int) track->tid);
        else if (track->cpu >= 0)
                snprintf(cell, sizeof(cell), "CPU %i", (int) track->cpu);
        else
                snprintf(cell, sizeof(cell), "unknown");
        table_add(table, cell);
}

static void add_count(struct table *table, const struct summary *summary, const struct summary_row *row) {
        const struct summary_changes *changes = &summary->changes;
        double seconds = changes->is_live ? changes->seconds : (double) length_of(summary) / NSEC_PER_SEC;

        table_add_number(table, row->count);
        add_quantity(table, "%.1f%%", 100.0 * (double) row->count / (double) (summary->n ? summary->n : 1));
        if (seconds > 0)
                add_quantity(table, "%.1f", (double) (changes->is_live ? row->recent : row->count) / seconds);
        else
                table_add_quantity(table, "-");
}

static void add_span(struct table *table, const struct histogram *span) {
        table_add_number(table, span->n);
        add_duration(table, span->sum);
        add_duration(table, span->sum / span->n);
        add_duration(table, histogram_get(span, 500));
        add_duration(table, histogram_get(span, 990));
        add_duration(table, span->max);
}

/* Of all that began and ended there. */
static void add_durations(struct table *table, const struct summary *summary, enum summary_by by,
                          const struct summary_row *row) {
        struct histogram durations;

        if (summary_get_durations(summary, by, row->number, &durations)) {
                add_duration(table, histogram_get(&durations, 500));
                add_duration(table, histogram_get(&durations, 990));
        } else {
                table_add_quantity(table, "-");
                table_add_quantity(table, "-");
        }
}

static bool has_durations(const struct summary *summary, enum summary_by by) {
        return summary->n_histograms > 0 && by != SUMMARY_BY_EVENT && by != SUMMARY_BY_SPAN;
}

static void add_row(struct table *table, const struct summary *summary, enum summary_by by,
                    const struct summary_row *row) {
        const struct track *track = &summary->pairs.tracks.items[row->number];

        switch (by) {
        case SUMMARY_BY_EVENT:
                table_add(table, summary->pairs.names.items[row->number].data);
                break;
        case SUMMARY_BY_PROCESS:
                add_process(table, summary, track);
                table_add_number(table, row->n_threads);
                break;
        case SUMMARY_BY_THREAD:
                add_thread(table, track);
                break;
        case SUMMARY_BY_FIELD:
                table_add(table, summary->values.items[row->number].data);
                break;
        case SUMMARY_BY_SPAN:
                table_add(table, summary->pairs.names.items[row->number].data);
                add_span(table, summary->spans.items[row->number]);
                return;
        }
        add_count(table, summary, row);
        if (has_durations(summary, by))
                add_durations(table, summary, by, row);
}

/* Behind several that are told apart. */
static void add_all_spans(struct table *table, const struct summary *summary) {
        struct histogram all;

        if (summary_get_all_durations(summary, &all)) {
                table_add(table, "(all)");
                add_span(table, &all);
        }
}

#define HEADERS_MAX 9

/* Those of the table, and what there is of durations. */
static void choose_headers(const struct summary *summary, enum summary_by by, const char *const *headers,
                           const char *ret[static HEADERS_MAX]) {
        size_t n = 0;

        for (; headers[n]; n++)
                ret[n] = headers[n];
        if (has_durations(summary, by)) {
                ret[n++] = "SPAN P50";
                ret[n++] = "SPAN P99";
        }
        ret[n] = NULL;
}

static int print_table(const struct summary *summary, enum summary_by by, const char *const *headers, FILE *f) {
        const char *all_headers[HEADERS_MAX];
        _cleanup_(table_done) struct table table = { .headers = all_headers, .with_legend = true };
        _cleanup_free_ struct summary_row *rows = NULL;
        uint32_t n, n_shown;
        int r;

        r = summary_rows(summary, by, &rows, &n);
        if (r < 0 || n == 0)
                return r;
        choose_headers(summary, by, headers, all_headers);
        n_shown = summary->rows > 0 && n > summary->rows ? summary->rows : n;
        for (uint32_t i = 0; i < n_shown; i++)
                add_row(&table, summary, by, &rows[i]);
        if (by == SUMMARY_BY_SPAN && n > 1)
                add_all_spans(&table, summary);
        fputc('\n', f);
        r = table_print_to(&table, f);
        if (r >= 0 && n_shown < n)
                fprintf(f, "(%" PRIu32 " more)\n", n - n_shown);
        return r;
}

static int print_values(const struct summary *summary) {
        _cleanup_free_ char *header = text_escaped_copy(summary->field);
        const char *headers[] = { header, "COUNT", "SHARE", "PER SECOND", NULL };
        int r;

        if (!header)
                return -ENOMEM;
        r = print_table(summary, SUMMARY_BY_FIELD, headers, stdout);
        if (r < 0)
                return r;
        if (summary->n_other_values > 0)
                printf("(%" PRIu64 " events with other values)\n", summary->n_other_values);
        if (summary->n_without_field > 0)
                printf("(%" PRIu64 " events without it)\n", summary->n_without_field);
        return 0;
}

static int print_head(const struct summary *summary, const char *path) {
        _cleanup_free_ char *shown = text_escaped_copy(path);
        double seconds = (double) length_of(summary) / NSEC_PER_SEC;

        if (!shown)
                return -ENOMEM;
        printf("%s: ", shown);
        format_count(stdout, summary->n, "event", "events");
        if (seconds > 0) {
                printf(" in %.6f s (", seconds);
                format_number(stdout, (uint64_t) ((double) summary->n / seconds));
                fputs(" a second)", stdout);
        }
        fputs(", ", stdout);
        format_number(stdout, summary->discarded);
        puts(" discarded");
        if (summary->packets_lost > 0)
                printf("%" PRIu64 " packets are missing\n", summary->packets_lost);
        if (summary->n_unfinished > 0)
                printf("%" PRIu64 " of what began has not ended\n", summary->n_unfinished);
        return 0;
}

static const struct {
        enum summary_by by;
        const char *headers[HEADERS_MAX];
} tables[] = {
        { SUMMARY_BY_EVENT, { "EVENT", "COUNT", "SHARE", "PER SECOND" } },
        { SUMMARY_BY_PROCESS, { "PROCESS", "THREADS", "COUNT", "SHARE", "PER SECOND" } },
        { SUMMARY_BY_THREAD, { "THREAD", "COUNT", "SHARE", "PER SECOND" } },
        { SUMMARY_BY_SPAN, { "DURATION OF", "COUNT", "TOTAL", "MEAN", "P50", "P99", "MAX" } },
};

int summary_print_tables(const struct summary *summary, FILE *f) {
        int r = 0;

        for (size_t i = 0; i < ARRAY_SIZE(tables) && r >= 0; i++)
                if (summary->by & tables[i].by)
                        r = print_table(summary, tables[i].by, tables[i].headers, f);
        return r;
}

/* Around the rows of a table: an empty line, the headers, and how many more there are. */
#define LINES_AROUND 3

int summary_fit(struct summary *summary, uint32_t lines) {
        uint32_t n[ARRAY_SIZE(tables)] = {};
        uint64_t needed;

        for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
                _cleanup_free_ struct summary_row *rows = NULL;

                if (summary->by & tables[i].by) {
                        int r = summary_rows(summary, tables[i].by, &rows, &n[i]);

                        if (r < 0)
                                return r;
                }
        }
        for (summary->rows = lines; summary->rows > 1; summary->rows--) {
                needed = 0;
                for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
                        if (n[i] > 0)
                                needed += LINES_AROUND + (n[i] < summary->rows ? n[i] : summary->rows) +
                                          (tables[i].by == SUMMARY_BY_SPAN && n[i] > 1);
                if (needed <= lines)
                        break;
        }
        if (summary->rows == 0)
                summary->rows = 1;
        return 0;
}

int summary_print(const struct summary *summary, const char *path) {
        int r;

        r = print_head(summary, path);
        if (r >= 0)
                r = summary_print_tables(summary, stdout);
        if (r >= 0 && summary->field)
                r = print_values(summary);
        return r;
}
