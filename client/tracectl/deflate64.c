/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "client/tracectl/deflate64.h"

/* As the compression of pages mostly is; more costs several times the time for some percent. */
#define LEVEL 6

int deflate64_begin(struct deflate64 *d) {
        return deflateInit(&d->stream, LEVEL) == Z_OK ? 0 : -ENOMEM;
}

static void add_letters(struct text *text, const unsigned char bytes[static 3], size_t n) {
        static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

        text_add_char(text, letters[bytes[0] >> 2]);
        text_add_char(text, letters[(bytes[0] & 3) << 4 | bytes[1] >> 4]);
        text_add_char(text, n > 1 ? letters[(bytes[1] & 15) << 2 | bytes[2] >> 6] : '=');
        text_add_char(text, n > 2 ? letters[bytes[2] & 63] : '=');
}

static void add_base64(struct deflate64 *d, struct text *text, const unsigned char *data, size_t size) {
        for (size_t i = 0; i < size; i++) {
                d->rest[d->n_rest++] = data[i];
                if (d->n_rest == sizeof(d->rest)) {
                        add_letters(text, d->rest, sizeof(d->rest));
                        d->n_rest = 0;
                }
        }
}

static void compress_input(struct deflate64 *d, struct text *text, int flush) {
        d->stream.next_in = d->in;
        d->stream.avail_in = (unsigned) d->n_in;
        d->n_in = 0;
        do {
                d->stream.next_out = d->out;
                d->stream.avail_out = sizeof(d->out);
                (void) deflate(&d->stream, flush);
                add_base64(d, text, d->out, sizeof(d->out) - d->stream.avail_out);
        } while (d->stream.avail_out == 0);
}

void deflate64_add(struct deflate64 *d, struct text *text, const void *data, size_t size) {
        const unsigned char *p = data;

        while (size > 0) {
                size_t n = sizeof(d->in) - d->n_in;

                n = size < n ? size : n;
                memcpy(d->in + d->n_in, p, n);
                d->n_in += n;
                p += n;
                size -= n;
                if (d->n_in == sizeof(d->in))
                        compress_input(d, text, Z_NO_FLUSH);
        }
}

void deflate64_add_number(struct deflate64 *d, struct text *text, uint64_t number) {
        unsigned char bytes[10];
        size_t n = 0;

        for (; number > 127; number >>= 7)
                bytes[n++] = (unsigned char) (number & 127) | 128;
        bytes[n++] = (unsigned char) number;
        deflate64_add(d, text, bytes, n);
}

void deflate64_end(struct deflate64 *d, struct text *text) {
        compress_input(d, text, Z_FINISH);
        if (d->n_rest > 0) {
                memset(d->rest + d->n_rest, 0, sizeof(d->rest) - d->n_rest);
                add_letters(text, d->rest, d->n_rest);
        }
}

void deflate64_done(struct deflate64 *d) {
        if (d->stream.state)
                (void) deflateEnd(&d->stream);
}
