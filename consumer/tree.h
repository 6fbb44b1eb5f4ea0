/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Directories of the output, for the opener: everything is relative to a
 * directory descriptor, and no symbolic link is followed. 0 or -errno. No state.
 */

#include <stdint.h>

/* Replaces *directory, which it closes, by a directory in it, made (0700) where it is missing. */
int tree_descend(int *directory, const char *name);

/* As tree_descend(), or -ENOENT. */
int tree_descend_existing(int *directory, const char *name);

/* Makes the directory `name`; -EEXIST where a trace is in it. */
int tree_prepare(int directory, const char *name);

/* Moves the trace into the directory `name`. No trace is no error. */
int tree_move(int directory, const char *name);

/* The same of the trace in another directory of the file system. */
int tree_move_from(int from, int directory, const char *name);

/* Brings the trace in directory itself to the disk. No trace is no error. */
int tree_sync(int directory);

/* Removes the trace from the directory `name`, or for "" from directory itself. No trace is no error. */
int tree_remove(int directory, const char *name);

/* Removes one directory and what is in it, at most four deep. -ENOENT where there is none. */
int tree_remove_part(int directory, const char *part);

/* The bytes on the disk of the trace in the directory `name`; 0 where there is none, or no such directory. */
int tree_measure(int directory, const char *name, uint64_t *ret);
