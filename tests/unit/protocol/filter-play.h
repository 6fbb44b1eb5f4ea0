/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A filter's whole way in one call: from its text, bound to an event, checked,
 * to what it says about one record. The code lies in memory of exactly its size,
 * so that the address sanitizer sees what reads beyond it.
 */

#include <glib.h>
#include <stdbool.h>

#include "protocol/filter-code.h"
#include "protocol/filter.h"

enum played {
        NEVER = -1, /* no record of this event passes: there is no code for it */
        NO = 0,
        YES = 1,
};

/* An event and one record of it. */
struct play_event {
        struct definition definition;
        struct filter_piece pieces[24];
        unsigned n_pieces;
};

/* Two events with fields of every type: in `all` those of a fixed size, in `mixed` strings and arrays, too. */
extern const struct play_event play_all, play_mixed;

struct filter_program *play_compile(const char *text);

/* Code for one expression. g_free() it; NULL where no record passes. */
struct filter_code *play_bind(const char *text, const struct play_event *event);

/* Runs code that filter_check() accepted. *ret_contexts counts how often it asked for contexts; may be NULL. */
bool play_run(const struct filter_code *code, const struct play_event *event, unsigned *ret_contexts);

enum played play(const char *text, const struct play_event *event);
