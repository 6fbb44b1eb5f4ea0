/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What every wrapper does around the call it stands in front of. A wrapper asks
 * CALL_BEGIN() whether its event is on and makes the real call; only where it
 * was on does it record an event, at the call's return. It holds nothing
 * meanwhile: calls stay cancellation points, and longjmp() may leave them.
 *
 * There is no guard against recursion, because there is none: recording calls
 * nothing that is wrapped here. Any thread, signal handlers included.
 */

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/clock.h"
#include "tracectl/tracepoint.h"

/* The compiler must not inline the recording of an event into the path without. */
#define CALL_RECORDER __attribute__((noinline, cold))

/* When the call began, in nanoseconds; 0 while nobody records the event. */
#define CALL_BEGIN(event) (tracectl_trace_enabled(libc, event) ? trace_clock_read_monotonic(0) : 0)

static inline uint64_t call_duration(uint64_t begin) {
        return trace_clock_read_monotonic(0) - begin;
}

static inline uint64_t call_pointer(const void *p) {
        return (uint64_t) (uintptr_t) p;
}

#define CALL_UNREADABLE "(unreadable)"

/*
 * A path argument, as text that can be read: a program may hand any address to
 * the kernel, which answers EFAULT where we would crash. error is what the call
 * failed with, or 0.
 */
const char *call_path(const char *path, int error);

/* The same for a call that is still to come. */
const char *call_path_before(const char *path);

/* Whether the kernel has read what a pointer argument points to, given the call's error or 0. */
bool call_was_read(int error);
