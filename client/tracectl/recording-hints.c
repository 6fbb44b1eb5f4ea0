/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>
#include <string.h>

#include "client/tracectl/event-hints.h"
#include "client/tracectl/recording.h"
#include "client/tracectl/say.h"
#include "common/cleanup.h"

DEFINE_CLEANUP(tracectl_value *, tracectl_value_free)

/* They are said when the command has ended, one a line. */
static void keep(const char *sentence, void *userdata) {
        struct recording *r = userdata;
        char *both = NULL;

        if (asprintf(&both, "%s%s\n", r->hints ? r->hints : "", sentence) < 0)
                return;
        free(r->hints);
        r->hints = both;
}

static const char *filter_of(const struct record_arguments *a, size_t i) {
        return a->filters[i] ? a->filters[i] : a->selection.options.filter;
}

void recording_find_hints(struct recording *r) {
        _cleanup_(tracectl_value_freep) tracectl_value *events = NULL;
        const struct record_arguments *a = r->arguments;
        struct event_hints hints = {
                .nobody_has = a->n_pids > 0 ? "No running program has an" : "The command has no",
                .of = a->n_pids > 0 ? "of a running program" : "of the command",
                .say_it = keep,
                .userdata = r,
        };

        /* Whoever wants all of them has mistyped none. */
        if (a->kernel || (a->n_patterns == 1 && strcmp(a->patterns[0], "*") == 0 && !filter_of(a, 0)) ||
            tracectl_list_events(r->service.connection, "user", "", NULL, &events) < 0)
                return;
        hints.events = events;
        for (size_t i = 0; i < a->n_patterns; i++)
                event_hints_find(&hints, a->patterns[i], filter_of(a, i));
}

void recording_say_hints(const struct recording *r) {
        for (const char *line = r->hints; line && *line; line += strcspn(line, "\n") + 1)
                say("%.*s", (int) strcspn(line, "\n"), line);
}
