/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Whether what a session's consumer writes arrives on the disk: told to people
 * when that fails, and when it works again. It works again when nothing was lost
 * for a while: a disk that is almost full takes a small packet now and then. The
 * session's; main loop only.
 */

#include <stdint.h>
#include <systemd/sd-event.h>

struct session;

struct session_disk {
        int error;     /* errno, as people were told; 0: it works */
        uint64_t lost; /* events, when it seemed to work again */
        sd_event_source *timer;
};

/* The status page may say something else. */
void session_disk_look(struct session *s);

/* Nobody looks any more. */
void session_disk_end(struct session *s);
