/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The helper thread: this process's side of the handshake (protocol/handshake.h).
 * It exists only where somebody wants to trace, has all signals blocked, never
 * traces itself, and has a table of file descriptors of its own, so that nothing
 * it opens is visible to the program and nothing the program closes is missing
 * to it. All that it does is bounded but for the wait for messages.
 */

#include <stdbool.h>

/*
 * The events of the process have changed: starts the thread where it is wanted
 * and not there, and tells it. With wait, returns when the change is in force,
 * or after HELPER_WAIT_MSEC, or at once where nobody listens.
 */
void helper_objects_changed(bool wait);

#define HELPER_WAIT_MSEC 500

/* A thread without restartable sequences found no ring to write to. Async-signal-safe. */
void helper_want_locked(void);

/* Around fork(): no change is in the middle; the child starts a helper of its own. */
void helper_fork_prepare(void);
void helper_fork_parent(void);
void helper_fork_child(void);
