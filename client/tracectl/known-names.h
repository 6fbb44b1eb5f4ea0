/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The names of events and of their fields that there are somewhere, in a
 * recording or in programs that run, and whether a name that somebody wrote is
 * one of them, or which was probably meant.
 */

#include <stdbool.h>

#include "client/libtracectl/tracectl.h"
#include "client/tracectl/nearest.h"
#include "protocol/filter.h"

typedef void (*known_names_function)(const char *event, const char *field, void *userdata);

struct known_names {
        /* Tells each event, with NULL, and then each of its fields. The texts stay where they are. */
        void (*list)(const void *from, known_names_function function, void *userdata);
        const void *from;
};

struct known_answer {
        bool is_known;
        char meant[2 * NEAREST_MAX + 1]; /* else what was probably meant, or "" */
};

/* Of what tracectl_list_events() gives. */
struct known_names known_names_of_list(const tracectl_value *events);

void known_names_find_event(const struct known_names *known, const char *glob, struct known_answer *ret);

/* Of the events that glob matches. others, up to NULL or NULL itself: words that could have been meant as well. */
void known_names_find_field(const struct known_names *known, const char *glob, const char *field,
                            const char *const others[], struct known_answer *ret);

/* Calls function with each field that a filter names, once. */
void known_names_of_filter(const struct filter_program *filter,
                           void (*function)(const char *field, void *userdata), void *userdata);
