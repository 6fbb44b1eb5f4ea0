/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The live streams of a session that clients read (protocol/stream.h). tracingd
 * gives one end to the client and the other to the consumer; what it keeps is
 * the charge, and a pipe that tells when the consumer is through with it. Main
 * loop only.
 */

#include <sys/types.h>

#include "service/model/failure.h"

struct session;

/* uid: who pays. *ret_fd is the caller's. */
int session_open_stream(struct session *s, uid_t uid, int *ret_fd, struct failure *failure);

/* Nobody is charged for them any more. */
void session_close_streams(struct session *s);
