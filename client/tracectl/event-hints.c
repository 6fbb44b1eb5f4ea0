/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/tracectl/event-hints.h"
#include "client/tracectl/known-names.h"
#include "common/cleanup.h"

struct fields {
        const struct event_hints *hints;
        const char *pattern;
};

__attribute__((format(printf, 2, 3))) static void hint(const struct event_hints *hints, const char *format, ...) {
        _cleanup_free_ char *sentence = NULL;
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&sentence, format, ap);
        va_end(ap);
        if (n < 0)
                sentence = NULL;
        else
                hints->say_it(sentence, hints->userdata);
}

static void look_at_field(const char *field, void *userdata) {
        const struct fields *fields = userdata;
        struct known_names known = known_names_of_list(fields->hints->events);
        struct known_answer answer;

        known_names_find_field(&known, fields->pattern, field, NULL, &answer);
        if (!answer.is_known && *answer.meant)
                hint(fields->hints, "No event '%s' %s has a field '%s'. Did you mean '%s'?", fields->pattern,
                     fields->hints->of, field, answer.meant);
}

void event_hints_find(const struct event_hints *hints, const char *pattern, const char *filter) {
        _cleanup_(filter_program_unrefp) struct filter_program *program = NULL;
        struct known_names known = known_names_of_list(hints->events);
        struct filter_error error;
        struct known_answer answer;

        known_names_find_event(&known, pattern, &answer);
        if (!answer.is_known && *answer.meant)
                hint(hints, "%s event '%s'. Did you mean '%s'?", hints->nobody_has, pattern, answer.meant);
        if (answer.is_known && filter && filter_compile(filter, &program, &error) >= 0)
                known_names_of_filter(program, look_at_field, &(struct fields) { hints, pattern });
}
