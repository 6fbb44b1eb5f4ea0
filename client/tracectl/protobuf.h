/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A message of Protocol Buffers as it grows: fields one after another, and
 * messages in it, whose lengths are filled in when they end (in four bytes,
 * which every reader takes). All zeros at first; after an error (no memory, or a
 * message of 256 MiB) nothing more is added. Used by one thread.
 */

#include <stddef.h>
#include <stdint.h>

#define PROTOBUF_DEPTH_MAX 64

struct protobuf {
        unsigned char *data;
        size_t size, n_allocated;
        size_t starts[PROTOBUF_DEPTH_MAX]; /* of what is open: where their lengths are */
        unsigned depth;
        int error; /* -errno */
};

void protobuf_add_u64(struct protobuf *message, unsigned field, uint64_t value); /* and bool, and enumerations */
void protobuf_add_i64(struct protobuf *message, unsigned field, int64_t value);  /* int32 and int64 */
void protobuf_add_double(struct protobuf *message, unsigned field, double value);

/* Each byte that is not UTF-8 becomes U+FFFD. */
void protobuf_add_string(struct protobuf *message, unsigned field, const char *data, size_t size);

void protobuf_begin(struct protobuf *message, unsigned field);
void protobuf_end(struct protobuf *message);

void protobuf_clear(struct protobuf *message);
void protobuf_done(struct protobuf *message);
