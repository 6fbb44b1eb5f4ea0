/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Events whose values lie one behind the other at whole bytes, in this machine's
 * order, each of a size that it or the number right before it tells: nearly all
 * that tracers write. They are measured and copied without being decoded, and
 * their values read where they lie. A layout lives in the arena of its metadata
 * and is constant.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "client/libtracectl-read/tracectl-read.h"

struct event_class;
struct metadata;
struct stream_class;

struct layout {
        tracectl_layout fields;
        bool has_thread; /* who recorded it, at these offsets */
        bool has_tid;    /* at least the thread */
        uint32_t pid_offset, tid_offset;
};

/* Gives the event a layout, if it can have one. 0 or -ENOMEM. */
int layout_make(struct metadata *metadata, const struct stream_class *stream, struct event_class *event);

/*
 * The size of an event at data, where size bytes are there, and room with those
 * that are still to be read. -EAGAIN if it needs those, -EBADMSG if it has more.
 */
int layout_measure(const struct layout *layout, const uint8_t *data, size_t size, uint64_t room, size_t *ret);

/* The bytes of one field at p, of an event that was measured. */
size_t layout_field_size(const tracectl_layout_field *field, const uint8_t *p);

/* An unsigned number of 1, 2, 4 or 8 bytes. */
static inline uint64_t layout_load(const uint8_t *p, unsigned size) {
        uint16_t half;
        uint32_t word;
        uint64_t value;

        switch (size) {
        case 1:
                return *p;
        case 2:
                memcpy(&half, p, sizeof(half));
                return half;
        case 4:
                memcpy(&word, p, sizeof(word));
                return word;
        default:
                memcpy(&value, p, sizeof(value));
                return value;
        }
}
