/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Files of tracefs, below an open directory: small ones that are read and written as a whole.
 * Errors are returned as -errno. Any thread; a call may wait for the kernel for some milliseconds.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRACEFS_ROOT "/sys/kernel/tracing"

/*
 * Opens it. -errno and, in reason, a clause that says why the kernel cannot be traced.
 * is_real: refuse what is no tracefs.
 */
int tracefs_open(const char *root, bool is_real, int *ret_fd, char *reason, size_t reason_size);

/* Writes all of text by one call, as tracefs wants it. */
int tracefs_write(int dir, const char *path, const char *text);
int tracefs_write_u64(int dir, const char *path, uint64_t value);

/* The whole file, with a NUL behind it. The caller frees *ret. */
int tracefs_read(int dir, const char *path, char **ret, size_t *ret_size);
int tracefs_read_u64(int dir, const char *path, uint64_t *ret);
