/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Bytes that become text: compressed (zlib's format) and in base 64, without
 * line breaks, and thus without anything that a page or a script would take for
 * its own. Used by one thread; the text is the caller's.
 */

#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

#include "client/tracectl/text.h"

struct deflate64 {
        z_stream stream;
        size_t n_in, n_out, n_rest; /* rest: what makes no four letters yet */
        unsigned char in[32768], out[32768], rest[3];
};

/* -ENOMEM. */
int deflate64_begin(struct deflate64 *d);

void deflate64_add(struct deflate64 *d, struct text *text, const void *data, size_t size);

/* A number of seven bits a byte, the lowest first. */
void deflate64_add_number(struct deflate64 *d, struct text *text, uint64_t number);

/* What is still on its way. */
void deflate64_end(struct deflate64 *d, struct text *text);

/* Also of one that was never begun, if it is all zeros. */
void deflate64_done(struct deflate64 *d);
