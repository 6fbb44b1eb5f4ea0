/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "client/tracectl/nearest.h"
#include "client/tracectl/say.h"
#include "client/tracectl/view-names.h"
#include "common/glob.h"
#include "protocol/filter-internal.h"

/* What is looked for, and what there is. */
struct search {
        const char *glob, *field; /* one of them is NULL */
        const char *rest;         /* of a glob without a wild card in its provider: ":" and what follows */
        char provider[NEAREST_MAX + 1];
        bool is_found;
        struct nearest nearest;
};

/* The provider of an event, whose text need not stay: the nearest one is copied. */
static void offer_provider(struct search *search, const char *event) {
        size_t n = strcspn(event, ":");
        char provider[NEAREST_MAX + 1];

        if (event[n] != ':' || n > NEAREST_MAX)
                return;
        memcpy(provider, event, n);
        provider[n] = '\0';
        nearest_offer(&search->nearest, provider);
        if (search->nearest.best == provider) {
                memcpy(search->provider, provider, n + 1);
                search->nearest.best = search->provider;
        }
}

static void look(const char *event, const char *field, void *userdata) {
        struct search *search = userdata;

        if (search->field) {
                if (!field)
                        return;
                search->is_found = search->is_found || strcmp(search->field, field) == 0;
                nearest_offer(&search->nearest, field);
        } else if (!field) {
                search->is_found = search->is_found || glob_match(search->glob, event);
                if (search->rest)
                        offer_provider(search, event);
                else
                        nearest_offer(&search->nearest, event);
        }
}

static void check_glob(const tracectl_reader *reader, const char *glob) {
        size_t n = strcspn(glob, ":");
        bool is_wild = strchr(glob, '*') != NULL;
        char provider[NEAREST_MAX + 1] = "";
        struct search search = { .glob = glob, .nearest = NEAREST_INIT(glob) };

        if (is_wild && glob[n] == ':' && n <= NEAREST_MAX && !memchr(glob, '*', n)) {
                memcpy(provider, glob, n);
                search.rest = glob + n;
                search.nearest.word = provider;
        } else if (is_wild)
                search.nearest.word = "";
        tracectl_reader_list_names(reader, look, &search);
        if (search.is_found)
                return;
        if (search.nearest.best && search.nearest.errors > 0)
                say("This recording has no event '%s'. Did you mean '%s%s'?", glob, search.nearest.best,
                    search.rest ? search.rest : "");
        else
                say("This recording has no event '%s'. Those that it has: tracectl summary", glob);
}

void view_names_check_field(const char *field, const tracectl_reader *reader, const char *const others[]) {
        struct search search = { .field = field, .nearest = NEAREST_INIT(field) };

        for (size_t i = 0; others && others[i]; i++)
                nearest_offer(&search.nearest, others[i]);
        tracectl_reader_list_names(reader, look, &search);
        if (search.is_found)
                return;
        if (search.nearest.best)
                say("No event of this recording has a field '%s'. Did you mean '%s'?", field, search.nearest.best);
        else
                say("No event of this recording has a field '%s'.", field);
}

void view_names_check(const struct view_select *select, const tracectl_reader *reader) {
        const struct filter_program *filter = select->filter;

        for (size_t i = 0; i < select->n_globs; i++)
                check_glob(reader, select->globs[i]);
        for (unsigned i = 0; filter && i < filter->n_nodes; i++)
                if (filter->nodes[i].op == FILTER_FIELD)
                        view_names_check_field(filter->strings + filter->nodes[i].string, reader, NULL);
}
