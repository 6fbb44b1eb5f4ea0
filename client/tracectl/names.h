/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Texts that come again and again, each kept once and known by a number: from 0
 * on, in the order of their first coming. They may have any bytes. Used by one
 * thread.
 */

#include <stddef.h>
#include <stdint.h>

struct name {
        char *data; /* terminated, too */
        size_t size;
        uint32_t hash;
};

struct names {
        struct name *items;
        uint32_t n, n_allocated;
        uint32_t *slots; /* number + 1, or 0 */
        uint32_t n_slots;
};

/* The number of a text; it is kept where it is new. -ENOMEM, or -ENOSPC where there are 2^30 of them. */
int64_t names_add(struct names *names, const char *data, size_t size);

/* The same for a text that must be there already: else -ENOENT. */
int64_t names_find(const struct names *names, const char *data, size_t size);

void names_done(struct names *names);
