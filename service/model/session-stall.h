/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Whether a consumer that shall write the rest of a session does so. One that
 * has not moved for the time that a client waits is replaced: its successor goes
 * on where it was, and loses nothing. Where that does not help either, the
 * session fails, and says so. So no session is in state "stopping" for ever,
 * while one that writes slowly has all the time it needs. The session's; main
 * loop only.
 */

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct session;

struct session_stall {
        sd_event_source *timer;
        uint64_t progress; /* what the consumer had counted when it last moved */
        unsigned quiet;    /* looks since then */
};

/* CONSUMER_STOP has been sent. -errno without memory. */
int session_stall_watch(struct session *s);

/* It has been answered, or nobody waits for that any more. */
void session_stall_end(struct session *s);
