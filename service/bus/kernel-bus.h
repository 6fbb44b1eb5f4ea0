/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What methods do about the kernel's events: replies that come when the kernel has answered. Main loop only. */

#include "service/bus/bus.h"

/* EnableEvent, authorized. 1, or -errno with error set. */
int kernel_event_enable(sd_bus_message *m, struct session *s, const char *channel, struct selector *selector,
                        sd_bus_error *error);

/* ListEvents, authorized. */
int kernel_events_list(struct bus *b, sd_bus_message *m, const char *glob, sd_bus_error *error);
