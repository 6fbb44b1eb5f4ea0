/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The helper threads of this process, one for each tracingd that it may join
 * (daemon.h): where those are, when threads are started and who waits for them.
 *
 *   $TRACECTL_SOCKET     an absolute path: that one alone. Anything else: none
 *   the system's         where it has a wait page, of root
 *   the user's           where $XDG_RUNTIME_DIR has a wait page, of the user or root
 *
 * A program with more rights than its caller joins none, for its caller could
 * say where. Before main() a thread is started for each; nobody waits for it but
 * where the page, or the variable, says that somebody wants to trace.
 */

#include <stdbool.h>

#include "tracer/daemon.h"

/*
 * The events of the process have changed: starts threads where they are wanted
 * and not there, and tells them. With wait, returns when the change is in force
 * for all daemons that want to trace, or after daemons_deadline().
 */
void helper_objects_changed(bool wait);

/* A thread without restartable sequences found no ring to write to. Async-signal-safe. */
void helper_want_locked(void);

/* The process has changed its uids: waits until it is registered under one that it still has. Async-signal-safe. */
void helper_credentials_changed(void);

/*
 * Around what the kernel refuses to a process with threads: the helpers end, and
 * begin again. With changed, nothing of before holds. False in a process that
 * has no helpers of its own.
 */
struct helper_pause {
        enum daemon_state states[DAEMONS];
};
bool helper_pause(struct helper_pause *ret);
void helper_continue(const struct helper_pause *pause, bool changed);

/* Around fork(): no change is in the middle; the child starts helpers of its own. */
void helper_fork_prepare(void);
void helper_fork_parent(void);
void helper_fork_child(void);
