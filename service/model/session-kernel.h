/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A session and the kernel domain. Main loop only. */

#include "service/domain/kernel/kernel.h"
#include "service/model/session.h"

/* Whether it has a channel of the kernel. */
bool session_has_kernel(const struct session *s);

/* Whether its rules for the kernel are those of one who may see his own processes alone. */
bool session_is_kernel_own(const struct session *s);

/*
 * Makes the kernel record what the session's rules say; active false: nothing. done and
 * gone as of kernel_recording_apply(). -errno where neither will be called.
 */
int session_kernel_apply(struct session *s, bool active, kernel_done_t done, kernel_gone_t gone, void *userdata);

/*
 * Before its consumer has begun: everything that can be done for session_kernel_apply() meanwhile. Nothing is recorded
 * before that, which comes whether this has worked or not. Not for its owner's own processes, whose threads are looked
 * at from when they are recorded on.
 */
void session_kernel_prepare(struct session *s);

/* After a restart of tracingd: its recording, whose consumer was told of it by the last one; -EOPNOTSUPP. */
int session_kernel_remake(struct session *s);

/* It is going, for good: what the kernel keeps for it beside its recording. */
void session_kernel_forget(const struct session *s);

/* Removes from the kernel what an earlier tracingd has left there; not what the sessions have. */
int session_kernel_clean(struct manager *m);

/*
 * Then, when there is everything: the kernel does what it should. A session of its owner's own processes fails: its
 * reader has gone with the last tracingd.
 */
int session_kernel_restore(struct session *s);
