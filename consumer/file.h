/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A file that grows by whole pieces: an append that fails leaves it as it was.
 * Owns its descriptor; used by the drainer's thread.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

struct file {
        int fd;        /* -1 while it is not open */
        bool dirty;    /* there may be something behind size */
        uint64_t size; /* of the whole pieces */
};

#define FILE_INIT ((struct file) { .fd = -1 })

void file_done(struct file *file);

/* Appends all of iov (which it modifies) or nothing. 0 or -errno. */
int file_append(struct file *file, struct iovec *iov, int n);

/* Takes the last n bytes away again, and what is behind the whole pieces. */
void file_shrink(struct file *file, uint64_t n);
