/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * FNV-1a, 64 bits (http://www.isthe.com/chongo/tech/comp/fnv/). It names a set
 * of event definitions inside one user's applications; it is not a defence
 * against forgery, so nothing keyed by it is ever shared between users.
 */

#include <stddef.h>
#include <stdint.h>

#define HASH_INIT UINT64_C(0xcbf29ce484222325)

static inline uint64_t hash_bytes(uint64_t hash, const void *data, size_t size) {
        const unsigned char *p = data;

        for (size_t i = 0; i < size; i++) {
                hash ^= p[i];
                hash *= UINT64_C(0x100000001b3);
        }
        return hash;
}
