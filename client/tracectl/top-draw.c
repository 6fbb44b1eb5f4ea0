/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "client/tracectl/format.h"
#include "client/tracectl/text.h"
#include "client/tracectl/top.h"
#include "common/cleanup.h"

#define ROWS 20

static int print_head(const struct top *top, FILE *f) {
        _cleanup_free_ char *session = text_escaped_copy(top->session);
        const struct summary *summary = &top->summary;
        uint64_t lost = tracectl_reader_live_get_events_lost(top->follow.live);
        char now[16];
        time_t t = time(NULL);
        struct tm tm;

        if (!session || !localtime_r(&t, &tm))
                return -ENOMEM;
        strftime(now, sizeof(now), "%T", &tm);
        fprintf(f, "%s %s: ", now, session);
        format_count(f, summary->n, "event", "events");
        if (summary->changes.seconds > 0) {
                fputs(", ", f);
                format_number(f, (uint64_t) ((double) summary->changes.n / summary->changes.seconds + 0.5));
                fputs(" a second", f);
        }
        fputs(", ", f);
        format_number(f, tracectl_reader_live_get_discarded(top->follow.live));
        fputs(" discarded", f);
        if (lost > 0) {
                fputs(", ", f);
                format_number(f, lost);
                fputs(" not counted", f);
        }
        fputc('\n', f);
        return 0;
}

int top_draw(struct top *top, uint32_t lines, char **ret) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *f;
        int r = 0;

        top->summary.rows = ROWS;
        if (lines > 0)
                r = summary_fit(&top->summary, lines - 1);
        if (r < 0)
                return r;
        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;
        r = print_head(top, f);
        if (r >= 0)
                r = summary_print_tables(&top->summary, f);
        if (fclose(f) != 0)
                r = -ENOMEM;
        if (r >= 0)
                *ret = TAKE_PTR(text);
        return r;
}
