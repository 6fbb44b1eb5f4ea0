/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What processes there were when a kernel channel began, so that a reader of
 * the trace knows the names behind the numbers. The consumer may not look for
 * itself: tracingd tells what the session's owner may know. Events of their own,
 * in a packet before the channel's first one. The drainer's thread.
 */

#include "consumer/kernel.h"

/* Keeps the processes of a file, unless a predecessor wrote them. */
int kernel_state_take(struct kernel_channel *channel, int fd);

/* Writes them if they are kept and file is stream's own, which saves that afterwards; before a time not before its end. */
void kernel_state_write(struct kernel_channel *channel, struct kernel_stream *stream, struct stream_file *file,
                        uint64_t before);
