/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Clients that come by the control socket, each with a D-Bus connection of its
 * own: where there is no message bus, and for what starts before it. Only our
 * own uid is served. Main loop only.
 */

#include <stddef.h>

#include "common/cleanup.h"
#include "service/bus/bus.h"

#define CONTROL_CONNECTIONS_MAX 64

struct control;

/* fd listens, and stays the caller's. */
int control_new(const struct bus_shared *shared, int fd, struct control **ret);
struct control *control_free(struct control *c);
DEFINE_CLEANUP(struct control *, control_free)

size_t control_count(const struct control *c);
