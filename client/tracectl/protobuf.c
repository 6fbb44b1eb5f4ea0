/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/tracectl/protobuf.h"
#include "client/tracectl/text.h"

/* Wire types of https://protobuf.dev/programming-guides/encoding/ */
enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2 };

#define LENGTH_BYTES 4
#define LENGTH_MAX ((UINT32_C(1) << 28) - 1)

static void add_bytes(struct protobuf *message, const void *data, size_t size) {
        if (message->error < 0)
                return;
        if (size > message->n_allocated - message->size) {
                size_t n = message->n_allocated ? message->n_allocated : 4096;
                unsigned char *bytes;

                while (n - message->size < size && n <= LENGTH_MAX)
                        n *= 2;
                bytes = n - message->size < size ? NULL : realloc(message->data, n);
                if (!bytes) {
                        message->error = -ENOMEM;
                        return;
                }
                message->data = bytes;
                message->n_allocated = n;
        }
        memcpy(message->data + message->size, data, size);
        message->size += size;
}

static void add_varint(struct protobuf *message, uint64_t value) {
        unsigned char bytes[10];
        size_t n = 0;

        for (; value > 127; value >>= 7)
                bytes[n++] = (unsigned char) (value & 127) | 128;
        bytes[n++] = (unsigned char) value;
        add_bytes(message, bytes, n);
}

static void add_tag(struct protobuf *message, unsigned field, unsigned wire) {
        add_varint(message, (uint64_t) field << 3 | wire);
}

void protobuf_add_u64(struct protobuf *message, unsigned field, uint64_t value) {
        add_tag(message, field, WIRE_VARINT);
        add_varint(message, value);
}

void protobuf_add_i64(struct protobuf *message, unsigned field, int64_t value) {
        protobuf_add_u64(message, field, (uint64_t) value);
}

void protobuf_add_double(struct protobuf *message, unsigned field, double value) {
        unsigned char bytes[8];
        uint64_t bits;

        memcpy(&bits, &value, sizeof(bits));
        for (unsigned i = 0; i < sizeof(bytes); i++)
                bytes[i] = (unsigned char) (bits >> (8 * i));
        add_tag(message, field, WIRE_64);
        add_bytes(message, bytes, sizeof(bytes));
}

void protobuf_begin(struct protobuf *message, unsigned field) {
        add_tag(message, field, WIRE_BYTES);
        if (message->depth == PROTOBUF_DEPTH_MAX) {
                message->error = -EOVERFLOW;
                return;
        }
        message->starts[message->depth++] = message->size;
        add_bytes(message, "\0\0\0", LENGTH_BYTES);
}

void protobuf_end(struct protobuf *message) {
        size_t start, length;

        if (message->error < 0)
                return;
        start = message->starts[--message->depth];
        length = message->size - start - LENGTH_BYTES;
        if (length > LENGTH_MAX) {
                message->error = -EOVERFLOW;
                return;
        }
        for (unsigned i = 0; i < LENGTH_BYTES; i++)
                message->data[start + i] =
                        (unsigned char) ((length >> (7 * i) & 127) | (i + 1 < LENGTH_BYTES ? 128 : 0));
}

void protobuf_add_string(struct protobuf *message, unsigned field, const char *data, size_t size) {
        const unsigned char *p = (const unsigned char *) data, *end = p + size;

        protobuf_begin(message, field);
        while (p < end) {
                const unsigned char *start = p;
                uint32_t code;
                unsigned n = 1;

                while (p < end && n > 0) {
                        n = *p < 0x80 ? 1 : text_decode_utf8(p, (size_t) (end - p), &code);
                        p += n;
                }
                add_bytes(message, start, (size_t) (p - start));
                if (n == 0) {
                        add_bytes(message, "\xef\xbf\xbd", 3);
                        p++;
                }
        }
        protobuf_end(message);
}

void protobuf_clear(struct protobuf *message) {
        message->size = 0;
        message->depth = 0;
        message->error = 0;
}

void protobuf_done(struct protobuf *message) {
        free(message->data);
        *message = (struct protobuf) {};
}
