/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * File descriptors: whole writes, and memory files that their receiver can
 * rely on. Errors are returned as -errno. Nothing here allocates memory.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/* Writes all of data, or fails; a short write without an error is -ENOSPC. */
int write_full(int fd, const void *data, size_t size);

/* As write_full(), at an offset and from several places. iov is modified. */
int pwritev_full(int fd, struct iovec *iov, int n, off_t offset);

/*
 * A memory file of size bytes, all allocated (a hole would be a SIGBUS in
 * whoever maps it), mode 0600, sealed against shrinking, growing and further
 * seals. The caller owns ret_fd.
 */
int memfd_new_shared(const char *name, uint64_t size, int *ret_fd);

/* A memory file with this content, sealed against every change. */
int memfd_new_constant(const char *name, const void *data, size_t size, int *ret_fd);

/*
 * Whether fd is a memory file that can never change, of at most max bytes.
 * -EPERM where it is not; ret_size receives its size.
 */
int memfd_check_constant(int fd, uint64_t max, uint64_t *ret_size);

/* Whether fd is a memory file that can neither shrink nor grow. As above. */
int memfd_check_shared(int fd, uint64_t *ret_size);

/* Maps a constant memory file of 1 to max bytes read-only. munmap() ends it. */
int memfd_map_constant(int fd, uint64_t max, const void **ret_data, size_t *ret_size);

/* Opens the file behind fd once more, for reading only. */
int fd_reopen_readonly(int fd, int *ret_fd);

/* Whether both are the same file (device and inode). */
bool fd_same_file(int a, int b);
