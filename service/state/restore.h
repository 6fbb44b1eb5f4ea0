/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Makes the model from what an earlier tracingd left: the same sessions, with
 * the same numbers, connected to the same consumers. Main loop only.
 */

#include "service/model/manager.h"
#include "service/state/remains.h"

/*
 * Begins the state of this tracingd, in the domain's ledger, from the newest that
 * is in the store. Before there is a manager. *ret_image is NULL where there is
 * none, or none that can be read: then it begins empty.
 */
int restore_begin(struct user_domain *domain, struct fd_store *store, struct ledger_image **ret_image);

/*
 * Makes the sessions; those that cannot be made are given up, with a warning.
 * There is no registry yet, and no application sees anything of it: the first
 * model that one sees has all of them.
 */
void restore_sessions(struct manager *m, struct fd_store *store, const struct ledger_image *image);

/* There is a registry now. Consumers are heard again, and what was half done is finished. */
void restore_finish(struct manager *m);

/* restore-recording.c: the session's consumer and rings. On failure it has none. */
int restore_recording(struct session *s, struct fd_store *store, const struct remains_session *remains);
