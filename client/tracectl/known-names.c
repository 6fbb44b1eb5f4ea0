/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>
#include <string.h>

#include "client/tracectl/known-names.h"
#include "common/glob.h"
#include "protocol/filter-internal.h"

/* What is looked for, and what there is. */
struct search {
        const char *glob, *field; /* field: NULL for an event */
        const char *rest;         /* of a glob without a wild card in its provider: ":" and what follows */
        char provider[NEAREST_MAX + 1];
        bool is_found;
        struct nearest nearest;
};

/* The provider of an event, of whose text it is the beginning: the nearest one is copied. */
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

static void look_for_event(const char *event, const char *field, void *userdata) {
        struct search *search = userdata;

        if (field)
                return;
        search->is_found = search->is_found || glob_match(search->glob, event);
        if (search->rest)
                offer_provider(search, event);
        else
                nearest_offer(&search->nearest, event);
}

static void look_for_field(const char *event, const char *field, void *userdata) {
        struct search *search = userdata;

        if (!field || !glob_match(search->glob, event))
                return;
        search->is_found = search->is_found || strcmp(search->field, field) == 0;
        nearest_offer(&search->nearest, field);
}

static void answer(const struct search *search, struct known_answer *ret) {
        const char *best = search->nearest.best;

        *ret = (struct known_answer) { .is_known = search->is_found };
        /* Without an error in what was compared, nothing better is known. */
        if (!search->is_found && best && search->nearest.errors > 0)
                snprintf(ret->meant, sizeof(ret->meant), "%s%s", best, search->rest ? search->rest : "");
}

void known_names_find_event(const struct known_names *known, const char *glob, struct known_answer *ret) {
        size_t n = strcspn(glob, ":");
        bool is_wild = strchr(glob, '*') != NULL;
        char provider[NEAREST_MAX + 1] = "";
        struct search search = { .glob = glob, .nearest = NEAREST_INIT(glob) };

        if (is_wild && glob[n] == ':' && n <= NEAREST_MAX && strlen(glob + n) <= NEAREST_MAX &&
            !memchr(glob, '*', n)) {
                memcpy(provider, glob, n);
                search.rest = glob + n;
                search.nearest.word = provider;
        } else if (is_wild)
                search.nearest.word = "";
        known->list(known->from, look_for_event, &search);
        answer(&search, ret);
}

void known_names_find_field(const struct known_names *known, const char *glob, const char *field,
                            const char *const others[], struct known_answer *ret) {
        struct search search = { .glob = glob, .field = field, .nearest = NEAREST_INIT(field) };

        for (size_t i = 0; others && others[i]; i++)
                nearest_offer(&search.nearest, others[i]);
        known->list(known->from, look_for_field, &search);
        answer(&search, ret);
}

static const char *field_of(const struct filter_program *filter, unsigned i) {
        return filter->nodes[i].op == FILTER_FIELD ? filter->strings + filter->nodes[i].string : "";
}

void known_names_of_filter(const struct filter_program *filter,
                           void (*function)(const char *field, void *userdata), void *userdata) {
        for (unsigned i = 0; i < filter->n_nodes; i++) {
                const char *field = field_of(filter, i);
                bool is_new = *field != '\0';

                for (unsigned j = 0; j < i && is_new; j++)
                        is_new = strcmp(field, field_of(filter, j)) != 0;
                if (is_new)
                        function(field, userdata);
        }
}

static const char *text_of(const tracectl_value *value, const char *key) {
        return tracectl_value_get_string(tracectl_value_lookup(value, key));
}

static void list_events(const void *from, known_names_function function, void *userdata) {
        const tracectl_value *events = from;

        for (size_t i = 0; i < tracectl_value_get_size(events); i++) {
                const tracectl_value *event = tracectl_value_get_item(events, i);
                const tracectl_value *fields = tracectl_value_lookup(event, "fields");
                const char *name = text_of(event, "name");

                function(name, NULL, userdata);
                for (size_t j = 0; j < tracectl_value_get_size(fields); j++)
                        function(name, text_of(tracectl_value_get_item(fields, j), "name"), userdata);
        }
}

struct known_names known_names_of_list(const tracectl_value *events) {
        return (struct known_names) { .list = list_events, .from = events };
}
