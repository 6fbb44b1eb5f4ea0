/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdlib.h>

#include "client/tracectl/record-arguments.h"
#include "client/tracectl/say.h"
#include "client/tracectl/selection.h"
#include "client/tracectl/session-argument.h"
#include "client/tracectl/verbs.h"
#include "common/parse.h"

void selection_init(struct selection *s) {
        *s = (struct selection) { .options = TRACECTL_EVENT_OPTIONS_INIT };
}

void selection_done(struct selection *s) {
        free(s->exclude);
        selection_init(s);
}

static int exclude(struct selection *s, const char *pattern) {
        const char *wrong = record_pattern_refuse(pattern), **list;

        if (wrong) {
                say("Event pattern '%s' %s.", pattern, wrong);
                return EXIT_USAGE;
        }
        list = realloc(s->exclude, (s->n_exclude + 2) * sizeof(*list));
        if (!list) {
                say("Out of memory.");
                return EXIT_FAILURE;
        }
        list[s->n_exclude++] = pattern;
        list[s->n_exclude] = NULL;
        s->exclude = list;
        s->options.exclude = list;
        return 0;
}

static int set_pid(struct selection *s, const char *text) {
        uint64_t pid;

        if (parse_u64(text, &pid) < 0 || pid == 0 || pid > INT32_MAX) {
                say("'%s' is no number of a process.", text);
                return EXIT_USAGE;
        }
        s->options.target_pid = (uint32_t) pid;
        return 0;
}

static int set_uid(struct selection *s, const char *text) {
        uid_t uid;

        if (user_find(text, &uid) < 0) {
                say("There is no user '%s'.", text);
                return EXIT_USAGE;
        }
        s->options.target_uid = (uint32_t) uid;
        return 0;
}

int selection_option(struct selection *s, int c, const char *argument) {
        switch (c) {
        case SELECTION_FILTER:
                s->options.filter = argument;
                return 0;
        case SELECTION_LOGLEVEL:
                s->options.log_level = argument;
                return 0;
        case SELECTION_LOGLEVEL_ONLY:
                s->options.log_level_only = argument;
                return 0;
        case SELECTION_EXCLUDE:
                return exclude(s, argument);
        case SELECTION_UID:
                return set_uid(s, argument);
        case SELECTION_PID:
                return set_pid(s, argument);
        case SELECTION_CHILDREN:
                s->options.target_children = 1;
                return 0;
        case SELECTION_EXECUTABLE:
                s->options.target_executable = argument;
                return 0;
        case SELECTION_UNIT:
                s->options.target_unit = argument;
                return 0;
        default:
                return -1;
        }
}
