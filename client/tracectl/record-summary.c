/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <inttypes.h>

#include "client/tracectl/format.h"
#include "client/tracectl/record-summary.h"
#include "common/cleanup.h"

static uint64_t count(const struct record_summary *s, enum tracectl_count which) {
        return s->counts ? tracectl_counts_get(s->counts, which) : 0;
}

static uint64_t count_lost(const struct record_summary *s) {
        return count(s, TRACECTL_COUNT_LOST_RING) + count(s, TRACECTL_COUNT_LOST_OUTPUT);
}

static void write_lost(FILE *f, const struct record_summary *s) {
        uint64_t ring = count(s, TRACECTL_COUNT_LOST_RING), output = count(s, TRACECTL_COUNT_LOST_OUTPUT);
        const char *error = s->counts ? tracectl_counts_get_output_error(s->counts) : "";

        format_number(f, count_lost(s));
        fputs(" lost", f);
        if (ring > 0) {
                fputs(" (", f);
                if (output > 0) {
                        format_number(f, ring);
                        fputs(": ", f);
                }
                fprintf(f, "ring full, a larger %s helps", s->session ? "--subbuf-size of its channel" : "--size");
        }
        if (output > 0) {
                fputs(ring > 0 ? "; " : " (", f);
                if (ring > 0) {
                        format_number(f, output);
                        fputs(": ", f);
                }
                fprintf(f, "could not be written: %s", *error ? error : "the output failed");
        }
        if (count_lost(s) > 0)
                fputc(')', f);
        if (output == 0 && *error)
                fprintf(f, " (but the output fails: %s)", error);
}

static void write_counts(FILE *f, const struct record_summary *s) {
        format_count(f, count(s, TRACECTL_COUNT_EVENTS), "event", "events");
        fputs(", ", f);
        write_lost(f, s);
        if (s->directory) {
                fputs(", ", f);
                format_bytes(f, count(s, TRACECTL_COUNT_BYTES));
        }
        if (count(s, TRACECTL_COUNT_LOST_OVERWRITE) > 0) {
                fputs(" (older ones, ", f);
                format_bytes(f, count(s, TRACECTL_COUNT_LOST_OVERWRITE));
                fputs(", were overwritten)", f);
        }
        if (count(s, TRACECTL_COUNT_LOST_GARBAGE) > 0) {
                fputs(" (", f);
                format_bytes(f, count(s, TRACECTL_COUNT_LOST_GARBAGE));
                fputs(" in the rings were no records and were left out)", f);
        }
        if (count(s, TRACECTL_COUNT_PENDING) > 0) {
                fputs(" (", f);
                format_count(f, count(s, TRACECTL_COUNT_PENDING), "process", "processes");
                fputs(" did not confirm the end in time)", f);
        }
}

static void write_place(FILE *f, const struct record_summary *s) {
        fprintf(f, " in %s/", s->directory);
}

static uint64_t milliseconds(uint64_t nsec) {
        return (nsec + 999999) / 1000000;
}

/* How long it took, and what of that the program would not have taken. */
static void write_cost(FILE *f, const struct record_summary *s) {
        if (s->nsec == 0)
                return;
        fprintf(f, " (%.2f s", (double) s->nsec / 1e9);
        if (s->cpu_nsec > 0)
                fprintf(f, ", and %" PRIu64 " ms of CPU time beside the program", milliseconds(s->cpu_nsec));
        if (s->within_nsec > 0)
                fprintf(f, "%s about %" PRIu64 " ms%s within %s", s->cpu_nsec > 0 ? "," : ", and",
                        milliseconds(s->within_nsec), s->cpu_nsec > 0 ? "" : " of CPU time",
                        s->cpu_nsec > 0 ? "it" : "the program");
        fputc(')', f);
}

static void write_command(FILE *f, const struct record_summary *s) {
        format_shell_word(f, s->program);
        fputs(s->calls ? " view --calls " : " view ", f);
        fputs(s->directory[0] == '-' ? "-- " : "", f);
        format_shell_word(f, s->directory);
}

/* Why there is no event, and what to do. */
static void write_nothing(FILE *f, const struct record_summary *s) {
        uint64_t applications = count(s, TRACECTL_COUNT_APPLICATIONS);

        fputs("Nothing was recorded: ", f);
        if (s->kernel)
                fputs("nothing that was asked for has happened in the kernel. See tracectl list --kernel.", f);
        else if (s->session && applications > 0)
                fprintf(f, "no event was hit that is enabled. See tracectl list %s.", s->session);
        else if (s->is_running && applications == 0)
                fputs("the program has no tracepoints. What the kernel does for it is recorded by --kernel.", f);
        else if (s->session)
                fputs("no program with tracepoints has run. See tracectl list --applications.", f);
        else if (applications > 0) {
                format_count(f, applications, "process", "processes");
                fputs(" registered, but no event was hit", f);
                if (s->filtered)
                        fputs(" that --filter and the options like it let pass. Without them, all are recorded.", f);
                else
                        fputs(s->all_events ? "." : " that -e names. Without -e, all events are recorded.", f);
        } else if (s->libc)
                fputs("libtracectl-libc.so was not loaded. Programs that are linked statically or run with "
                      "other privileges (setuid) do not load it.", f);
        else
                fputs("the command has no tracepoints. To record its calls of the C library, add --libc.", f);
        if (s->directory) {
                fputs(" The trace", f);
                write_place(f, s);
                fputs(" is empty.", f);
        }
}

static bool is_empty(const struct record_summary *s) {
        return count(s, TRACECTL_COUNT_EVENTS) == 0 && count_lost(s) == 0 &&
                count(s, TRACECTL_COUNT_LOST_GARBAGE) == 0;
}

static void write_failure(FILE *f, const struct record_summary *s) {
        fputs("The recording is not complete: ", f);
        fputs(s->failure, f);
        if (s->directory) {
                fputs(" What was written before is", f);
                write_place(f, s);
                fputs("; look at it with: ", f);
                write_command(f, s);
        } else
                fputs(" Nothing was written.", f);
}

static void write_recorded(FILE *f, const struct record_summary *s) {
        write_counts(f, s);
        if (!s->directory) {
                fputs("; nothing was written.", f);
                return;
        }
        write_place(f, s);
        write_cost(f, s);
        if (s->no_strings)
                fprintf(f, "; without paths (%s)", s->no_strings);
        fprintf(f, "; look at %s with: ", count(s, TRACECTL_COUNT_EVENTS) == 1 ? "it" : "them");
        write_command(f, s);
}

int record_summary_format(const struct record_summary *s, char **ret) {
        _cleanup_free_ char *line = NULL;
        FILE *f;
        size_t size;

        f = open_memstream(&line, &size);
        if (!f)
                return -ENOMEM;
        if (s->failure)
                write_failure(f, s);
        else if (is_empty(s))
                write_nothing(f, s);
        else
                write_recorded(f, s);
        if (fclose(f) != 0)
                return -ENOMEM;
        *ret = TAKE_PTR(line);
        return 0;
}
