/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The event that a reader is at, with a cursor over its fields. One a reader,
 * used again for every event.
 */

#include "client/libtracectl-read/stream.h"
#include "client/libtracectl-read/tracectl-read.h"

struct tracectl_reader_event {
        struct stream *stream;
        size_t next, end; /* slots */
        const struct slot *array; /* whose elements are being handed out, or NULL */
        uint64_t element;
        tracectl_field field;
};
