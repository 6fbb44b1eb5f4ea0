/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The descriptions of all system calls: the kernel makes the text of each whenever it is read, 20 ms for all of them.
 * They are the same until the next boot, so they are read once, by a thread of their own, beside what else a recording
 * needs. The kernel domain's worker thread alone.
 */

#include <stddef.h>

struct formats;

/* What one of "syscalls" is described by. */
struct format {
        char *name, *text;
        size_t size;
};

int formats_new(struct formats **ret);

/* Waits for the thread. */
struct formats *formats_free(struct formats *f);

/*
 * Begins to read them, unless that was done. tracefs must stay open. Where one of them cannot be read, there are none
 * until this is called again: whoever wants one reads it.
 */
void formats_begin(struct formats *f, int tracefs);

/* Waits for the thread. All of them, sorted by name; 0 where they were not read. */
size_t formats_get(struct formats *f, const struct format **ret);

/* Waits for the thread. NULL: read it yourself. */
const struct format *formats_find(struct formats *f, const char *system, const char *name);
