/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A part of a stream file in memory. Files are read, not mapped: one that
 * somebody cuts short while it is mapped would kill the reader with SIGBUS.
 * Belongs to its stream; closes fd at the end.
 */

#include <stdint.h>
#include <stddef.h>

struct window {
        int fd;
        uint8_t *memory, *data; /* data is somewhere in memory */
        size_t capacity, size;  /* from memory on; from data on */
        size_t ahead;   /* how much to read at once; 0: as much as there is room for */
        uint64_t start; /* of data in the file */
};

/* The file's bytes from start on, at least size of them unless it ends before. 0 or -errno. */
int window_load(struct window *window, uint64_t start, size_t size);

void window_done(struct window *window);
