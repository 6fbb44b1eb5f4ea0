/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One message with file descriptors over an AF_UNIX SOCK_SEQPACKET socket.
 * Nothing here allocates memory; -errno on failure.
 */

#include <stddef.h>

#define DATAGRAM_FDS_MAX 128

/*
 * Sends one datagram with n_fds (at most DATAGRAM_FDS_MAX) descriptors, which
 * stay the caller's. flags as send(2); MSG_NOSIGNAL is always added.
 */
int datagram_send(int fd, const void *data, size_t size, const int *fds, size_t n_fds, int flags);

/*
 * Receives one datagram into data. Returns its size, 0 at end of file.
 * ret_fds (DATAGRAM_FDS_MAX places) and ret_n_fds receive its descriptors,
 * close-on-exec, which the caller owns, on success only; at end of file there
 * are none. -EBADMSG where data or descriptors did not fit, or descriptors came
 * without data: the message is gone and its descriptors closed.
 */
int datagram_recv(int fd, void *data, size_t size, int *ret_fds, size_t *ret_n_fds, int flags);

/* Closes n descriptors and sets each to -1. */
void datagram_close_fds(int *fds, size_t n);
