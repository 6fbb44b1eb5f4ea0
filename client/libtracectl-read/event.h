/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The event that a reader or a batch is at, with a cursor over its fields. One
 * each, used again for every event.
 */

#include "client/libtracectl-read/layout.h"
#include "client/libtracectl-read/record.h"
#include "client/libtracectl-read/tracectl-read.h"

struct tracectl_reader_event {
        const struct record *record;
        size_t next, end;    /* slots, or fields of the layout */
        const uint8_t *byte; /* of the next field of the layout */

        /* The array whose elements are being handed out: a slot, or a field of the layout; or NULL. */
        const struct slot *array;
        const tracectl_layout_field *list;
        uint64_t element, n_elements;
        tracectl_field field;
};

/* Goes to a record, at its first field. */
void event_set(tracectl_reader_event *event, const struct record *record);
