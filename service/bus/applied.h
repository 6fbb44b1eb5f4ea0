/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The reply to a change of a session's rules or channels: sent when the change is in
 * force in every application that it reaches, or in the kernel, or after a bounded
 * wait, with the number of applications that have not said so. At once where the
 * session does not record.
 */

#include <stdbool.h>
#include <systemd/sd-bus.h>

#include "service/model/session.h"

/* path: what the reply begins with; NULL: with nothing. kernel: what was changed is the kernel's. As a method's. */
int bus_reply_when_applied(sd_bus_message *m, struct session *s, const char *path, bool kernel);
