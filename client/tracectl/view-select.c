/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/tracectl/say.h"
#include "client/tracectl/time-argument.h"
#include "client/tracectl/verbs.h"
#include "client/tracectl/view-filter.h"
#include "client/tracectl/view-select.h"
#include "common/glob.h"
#include "common/parse.h"

/* As long as a line is at least this far from the end of the buffer, it is there as a whole. */
#define LINE_MAX_SIZE (TEXT_SIZE / 2)

void view_select_init(struct view_select *select) {
        *select = (struct view_select) { .since = INT64_MIN, .until = INT64_MAX };
}

void view_select_done(struct view_select *select) {
        filter_program_unrefp(&select->filter);
}

static int set_time(const char *option, const char *argument, int64_t *ret) {
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        if (time_argument_parse(argument, now.tv_sec * INT64_C(1000000000) + now.tv_nsec, ret) >= 0)
                return 0;
        say("--%s takes a time, such as 09:30, 'yesterday 18:00' or -5min, but not '%s'", option, argument);
        return EXIT_USAGE;
}

static int set_filter(struct view_select *select, const char *argument) {
        struct filter_error error;
        int r;

        filter_program_unrefp(&select->filter);
        select->filter = NULL;
        r = filter_compile(argument, &select->filter, &error);
        if (r == -EINVAL)
                say("--filter, character %u: %s", error.position + 1, error.message);
        else if (r < 0)
                say("There is not enough memory for the filter.");
        return r == -EINVAL ? EXIT_USAGE : r < 0 ? EXIT_FAILURE : 0;
}

static int set_pid(struct view_select *select, const char *argument) {
        uint64_t pid;

        if (parse_u64(argument, &pid) < 0 || pid > INT32_MAX) {
                say("--pid takes the number of a process, not '%s'", argument);
                return EXIT_USAGE;
        }
        select->pids[select->n_pids++] = (int32_t) pid;
        return 0;
}

/* As journalctl does it: capital letters in the pattern say that they matter. */
static int compile(const char *pattern, regex_t *ret) {
        int flags = REG_EXTENDED | REG_NOSUB | REG_ICASE;

        for (const char *p = pattern; *p; p++)
                if (isupper((unsigned char) *p))
                        flags &= ~REG_ICASE;
        return regcomp(ret, pattern, flags);
}

static int set_grep(struct view_select *select, const char *argument) {
        char message[128];
        regex_t regex;
        int r = compile(argument, &regex);

        if (r != 0) {
                regerror(r, &regex, message, sizeof(message));
                say("--grep cannot use '%s': %s", argument, message);
                return EXIT_USAGE;
        }
        regfree(&regex);
        select->grep = argument;
        return 0;
}

const char *view_select_option(int c) {
        static const char *const names[] = { "since", "until", "event", "pid", "process", "filter" };

        return c >= VIEW_SELECT_SINCE && c <= VIEW_SELECT_FILTER ? names[c - VIEW_SELECT_SINCE] : NULL;
}

int view_select_add(struct view_select *select, const char *option, const char *argument) {
        if (select->n_globs == VIEW_SELECT_MAX || select->n_pids == VIEW_SELECT_MAX ||
            select->n_processes == VIEW_SELECT_MAX) {
                say("--%s can be given %d times at most", option, VIEW_SELECT_MAX - 1);
                return EXIT_USAGE;
        }
        if (strcmp(option, "since") == 0 || strcmp(option, "until") == 0) {
                select->has_range = true;
                return set_time(option, argument, option[0] == 's' ? &select->since : &select->until);
        }
        if (strcmp(option, "filter") == 0)
                return set_filter(select, argument);
        if (strcmp(option, "grep") == 0)
                return set_grep(select, argument);
        if (strcmp(option, "pid") == 0)
                return set_pid(select, argument);
        if (strcmp(option, "process") == 0)
                select->processes[select->n_processes++] = argument;
        else
                select->globs[select->n_globs++] = argument;
        return 0;
}

bool view_select_is_used(const struct view_select *select) {
        return select->n_globs > 0 || select->n_pids > 0 || select->n_processes > 0 || select->grep || select->filter;
}

int view_chooser_init(struct view_chooser *chooser, const struct view_select *select) {
        *chooser = (struct view_chooser) { .select = select };
        if (!select)
                return 0;
        if (select->grep) {
                if (compile(select->grep, &chooser->regex) != 0)
                        return -ENOMEM;
                chooser->has_regex = true;
        }
        return select->filter ? view_filter_new(select->filter, &chooser->filter) : 0;
}

void view_chooser_done(struct view_chooser *chooser) {
        if (chooser->has_regex)
                regfree(&chooser->regex);
        free(chooser->kinds);
        view_filter_free(chooser->filter);
}

static bool matches_one(const char *const *globs, size_t n, const char *name) {
        for (size_t i = 0; i < n; i++)
                if (glob_match(globs[i], name))
                        return true;
        return n == 0;
}

/* Asked once for each kind of event. */
static int has_name(struct view_chooser *chooser, const tracectl_reader_event *event) {
        unsigned kind = tracectl_reader_event_get_kind(event);

        if (kind >= chooser->n_kinds) {
                size_t n = 2 * (size_t) kind + 16;
                uint8_t *kinds = realloc(chooser->kinds, n);

                if (!kinds)
                        return -ENOMEM;
                memset(kinds + chooser->n_kinds, 0, n - chooser->n_kinds);
                chooser->kinds = kinds;
                chooser->n_kinds = n;
        }
        if (chooser->kinds[kind] == 0)
                chooser->kinds[kind] = matches_one(chooser->select->globs, chooser->select->n_globs,
                                                   tracectl_reader_event_get_name(event)) ? 1 : 2;
        return chooser->kinds[kind] == 1;
}

/* A thread of the kernel's trace whose process is unknown is found by its own number. */
static bool has_pid(const struct view_select *select, const tracectl_reader_event *event) {
        int32_t pid, tid;

        if (select->n_pids == 0)
                return true;
        if (tracectl_reader_event_get_thread(event, &pid, &tid) <= 0)
                return false;
        for (size_t i = 0; i < select->n_pids; i++)
                if (select->pids[i] == (pid >= 0 ? pid : tid))
                        return true;
        return false;
}

/* By the context that has the name. */
static bool has_process(const struct view_select *select, tracectl_reader_event *event) {
        const tracectl_field *field;
        char name[256];

        if (select->n_processes == 0)
                return true;
        tracectl_reader_event_rewind(event, TRACECTL_SCOPE_CONTEXT);
        while ((field = tracectl_reader_event_next_field(event)))
                if (field->type == TRACECTL_FIELD_STRING && field->string.size < sizeof(name) &&
                    strcmp(field->name ? field->name : "", "procname") == 0) {
                        memcpy(name, field->string.data, field->string.size);
                        name[field->string.size] = '\0';
                        return matches_one(select->processes, select->n_processes, name);
                }
        return false;
}

int view_chooser_wants(struct view_chooser *chooser, tracectl_reader_event *event) {
        const struct view_select *select = chooser->select;
        int r = 1;

        if (!select)
                return 1;
        if (select->n_globs > 0)
                r = has_name(chooser, event);
        if (r > 0)
                r = has_pid(select, event) && has_process(select, event);
        if (r > 0 && chooser->filter)
                r = view_filter_run(chooser->filter, event);
        if (r > 0)
                tracectl_reader_event_rewind(event, TRACECTL_SCOPE_FIELDS);
        return r;
}

void view_chooser_line(struct view_chooser *chooser, struct text *text) {
        if (!chooser->has_regex)
                return;
        if (text->size > TEXT_SIZE - LINE_MAX_SIZE)
                text_flush(text);
        chooser->line = text->size;
        text->has_flushed = false;
}

int view_chooser_begin(struct view_chooser *chooser, struct text *text, tracectl_reader_event *event) {
        int r = view_chooser_wants(chooser, event);

        if (r > 0)
                view_chooser_line(chooser, text);
        return r;
}

void view_chooser_end(struct view_chooser *chooser, struct text *text) {
        regmatch_t range = { .rm_so = 0 };
        char *line = text->data + chooser->line;

        /* A line that is longer than the room for it was written before anybody could look at it. */
        if (!chooser->has_regex || text->has_flushed)
                return;
        range.rm_eo = (regoff_t) (text->size - chooser->line);
        if (range.rm_eo > 0 && line[range.rm_eo - 1] == '\n')
                range.rm_eo--;
        if (regexec(&chooser->regex, line, 1, &range, REG_STARTEND) != 0)
                text->size = chooser->line;
}
