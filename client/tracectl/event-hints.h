/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What somebody wants recorded may be there later: a name that no program has
 * yet is no error. But where it looks like a typing error of one that there is,
 * that is worth a sentence.
 */

#include "client/libtracectl/tracectl.h"

struct event_hints {
        const tracectl_value *events; /* of tracectl_list_events() */
        const char *nobody_has;       /* how a sentence begins: "No running program has an" */
        const char *of;               /* whose the events are: "of a running program" */
        void (*say_it)(const char *sentence, void *userdata);
        void *userdata;
};

/* Of a pattern of the domain "user" and its filter, or NULL. */
void event_hints_find(const struct event_hints *hints, const char *pattern, const char *filter);
