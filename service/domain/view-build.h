/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Makes the content of a session view out of a published model: which events
 * are on, into which stream, as which class. Runs in a worker, under the lock of
 * the definitions where the view is shared. A session whose consumer is gone is
 * left out; the main loop publishes a model without it.
 */

#include "service/domain/session-view.h"

/* Fills in everything of view but what identifies it. -errno leaves it fit to be freed. */
int view_build(const struct session_view_request *request, struct session_view *view);
