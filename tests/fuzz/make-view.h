/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Session views, and the rings that go with them, for the program of tests/unit/tracer/program.h. */

#include <glib.h>
#include <stdint.h>

#define MADE_VIEW_EVENTS 2 /* of the program, without its plugin */

/* n descriptors: a shared ring's two, then those of one with locks, and again. */
void made_rings(int *ret_fds, unsigned n);

/* Of each ring's kind one, for the event itself and by a filter. definitions: their hash. */
GByteArray *made_view(uint32_t n_rings, const char *const *filters, uint32_t n_filters, uint64_t definitions);
