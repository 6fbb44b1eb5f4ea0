/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A fuzz target: one file that defines the two functions below. replay.c makes
 * a plain program of it, for `make check`; libFuzzer one that looks for new
 * inputs, for `make torture` (million).
 */

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

/* Whatever the input is, it returns 0, or ends the program. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Inputs to begin with, which together reach what there is. */
typedef void (*fuzz_add)(const void *data, size_t size);
void fuzz_seeds(fuzz_add add);

/* The next n bytes of an input, or NULL where it has fewer. */
struct fuzz_input {
        const uint8_t *data;
        size_t size;
};

static inline const uint8_t *fuzz_take(struct fuzz_input *input, size_t n) {
        const uint8_t *p = input->data;

        if (input->size < n)
                return NULL;
        input->data += n;
        input->size -= n;
        return p;
}

/* 0 where it has none. */
static inline uint8_t fuzz_take_u8(struct fuzz_input *input) {
        const uint8_t *p = fuzz_take(input, 1);

        return p ? *p : 0;
}

static inline uint64_t fuzz_take_u64(struct fuzz_input *input) {
        uint64_t n = 0;

        for (unsigned i = 0; i < 8; i++)
                n |= (uint64_t) fuzz_take_u8(input) << 8 * i;
        return n;
}
