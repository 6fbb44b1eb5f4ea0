/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The contexts of an event (protocol/context.h), as they are where it happens. Async-signal-safe. */

#include <stdint.h>

#include "protocol/context.h"
#include "tracer/ring-write.h"

/* Fills buffer (CONTEXTS_SIZE_MAX bytes) and puts it between event's header and payload. ip is CONTEXT_IP. */
void contexts_fill(uint32_t contexts, const void *ip, char *buffer, struct write_event *event);
