/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whether an event passes its action's filter, as it is where it happens. Async-signal-safe. */

#include <stdbool.h>

#include "tracer/action.h"
#include "tracer/ring-write.h"

/* action has a filter; ip is CONTEXT_IP. Of event, its spans and thread count. */
bool filter_passes(const struct action *action, const struct write_event *event, const void *ip);
