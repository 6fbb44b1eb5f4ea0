/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The sealed file of a view. The last few are kept, though their
 * views may be gone: a program that is started again and again gets the same
 * view each time, and to make and free a file takes longer than to fill it. One
 * is given to those of its compartment alone. They say nothing that their
 * programs were not told, and no ring is held by them. Any thread.
 */

#include <stdatomic.h>
#include <stddef.h>

#include "service/domain/compartment.h"

struct view_file {
        atomic_uint refs;
        int fd;
        struct compartment_key key;
        size_t size;
        char data[]; /* its content */
};

/* A file with this content, kept or new; without a key always new. The caller owns *ret. */
int view_file_get(const struct compartment_key *key, const void *data, size_t size, struct view_file **ret);

struct view_file *view_file_unref(struct view_file *f);
