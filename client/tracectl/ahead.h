/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The events of a reader, read ahead by a thread of its own as soon as there are
 * many. The reader belongs to this until ahead_free(); everything else is the
 * caller's thread alone. Signals stay with the threads that were there before.
 */

#include "client/libtracectl-read/tracectl-read.h"

struct ahead;

/* -ENOMEM. */
int ahead_new(tracectl_reader *reader, struct ahead **ret);

/* As tracectl_reader_next(). */
int ahead_next(struct ahead *ahead, tracectl_reader_event **ret);

/* Waits for the thread. Accepts NULL, and returns it. */
struct ahead *ahead_free(struct ahead *ahead);
