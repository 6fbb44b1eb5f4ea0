/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "client/tracectl/current.h"
#include "client/tracectl/latest.h"
#include "client/tracectl/say.h"
#include "client/tracectl/verbs.h"
#include "client/tracectl/view-session.h"
#include "client/tracectl/view-trace.h"
#include "common/cleanup.h"

static void keep_report(const char *sentence, void *userdata) {
        struct view_trace *trace = userdata;

        if (trace->n_reports < VIEW_REPORTS_MAX)
                trace->reports[trace->n_reports] = strdup(sentence);
        trace->n_reports++;
}

void view_trace_say_reports(const struct view_trace *trace) {
        for (size_t i = 0; i < trace->n_reports && i < VIEW_REPORTS_MAX; i++)
                if (trace->reports[i])
                        say("%s", trace->reports[i]);
        if (trace->n_reports > VIEW_REPORTS_MAX)
                say("%zu more files have parts that cannot be read", trace->n_reports - VIEW_REPORTS_MAX);
}

void view_trace_done(struct view_trace *trace) {
        for (size_t i = 0; i < VIEW_REPORTS_MAX; i++)
                free(trace->reports[i]);
        tracectl_reader_free(trace->reader);
}

/* Every stream is an open file, and a large machine's trace has thousands. */
static void raise_file_limit(void) {
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) >= 0) {
                limit.rlim_cur = limit.rlim_max;
                (void) setrlimit(RLIMIT_NOFILE, &limit);
        }
}

void view_trace_say_losses(const struct view_trace *trace) {
        uint64_t discarded = tracectl_reader_get_discarded(trace->reader);
        uint64_t lost = tracectl_reader_get_packets_lost(trace->reader);

        if (discarded > 0)
                say("%" PRIu64 " event%s discarded while recording (no room left in the ring, or a failing disk)",
                    discarded, discarded == 1 ? " was" : "s were");
        if (lost > 0)
                say("%" PRIu64 " packet%s missing between those that are there", lost, lost == 1 ? " is" : "s are");
}

int view_trace_open(struct view_trace *trace, const char *path, bool with_markers) {
        int r;

        raise_file_limit();
        r = tracectl_reader_new(&trace->reader);
        if (r < 0) {
                say("There is not enough memory to open %s", path);
                return EXIT_FAILURE;
        }
        tracectl_reader_set_report(trace->reader, keep_report, trace);
        tracectl_reader_set_markers(trace->reader, with_markers);
        r = tracectl_reader_open(trace->reader, path);
        if (r < 0) {
                say("%s", tracectl_reader_get_error(trace->reader));
                return EXIT_FAILURE;
        }
        return 0;
}

int view_trace_find(bool is_user, const char *name, char **ret) {
        _cleanup_free_ char *current = NULL;
        int r;

        if (name && !*name) {
                say("The name of a recording is empty. Name its directory, or a session.");
                return EXIT_USAGE;
        }
        if (name) {
                if (access(name, F_OK) < 0 && errno == ENOENT && view_may_be_session(name))
                        return view_find_session(is_user, name, ret);
                *ret = strdup(name);
                return *ret ? 0 : EXIT_FAILURE;
        }
        r = latest_find(".", ret);
        if (r >= 0)
                return 0;
        if (r != -ENOENT)
                say("Failed to look for a recording in the current directory: %s", strerror(-r));
        else if (current_read(is_user, &current) >= 0)
                return view_find_session(is_user, NULL, ret);
        else
                say("There is no recording in the current directory. Name one (tracectl view DIR), or make "
                    "one: tracectl record --help");
        return EXIT_FAILURE;
}
