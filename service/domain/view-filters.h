/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The filters of one view while it is built: programs bound to events, as they
 * will stand behind the view's actions (protocol/view.h). Owned by the builder.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "protocol/filter.h"
#include "protocol/view.h"

struct view_filters {
        struct view_filter *entries; /* offsets from the first one */
        uint32_t n;
        char *data;
        size_t size, room;
};

/*
 * What decides about the records of event: one of the n programs must pass. 1
 * and the number for its action, or 0 where none can ever pass. An event that
 * has more of them than fit gets no filter, number 0: too much is recorded
 * rather than too little. -ENOMEM.
 */
int view_filters_add(struct view_filters *f, struct filter_program *const *programs, size_t n,
                     const struct definition *event, const struct filter_application *application, uint32_t *ret);

/* Bytes of the entries and of what they lead to. */
size_t view_filters_size(const struct view_filters *f);

/* Writes them to the place in a view that has this offset. */
void view_filters_write(const struct view_filters *f, char *view, size_t offset);

void view_filters_done(struct view_filters *f);
