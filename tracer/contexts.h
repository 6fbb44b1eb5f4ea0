/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The contexts of an event (protocol/context.h), as they are where it happens. Async-signal-safe. */

#include <stdbool.h>
#include <stdint.h>

#include "protocol/context.h"
#include "protocol/handshake.h"
#include "tracer/ring-write.h"

/* What one daemon has told about this process. Constant while an action leads to it. */
struct context_process {
        int32_t pid;         /* 0: unknown */
        uint32_t uid, gid;   /* or CONTEXT_ID_UNKNOWN */
        bool same_namespace; /* the daemon's: threads have the same numbers there */
        uint32_t cgroup_size; /* with NUL */
        char cgroup[CONTEXT_CGROUP_MAX + 1];
} __attribute__((aligned(8))); /* the action lists stand behind it */

/* From the daemon's READY. */
void contexts_read_process(const struct handshake *ready, struct context_process *ret);

/*
 * Fills buffer (CONTEXTS_ALL_SIZE_MAX bytes) with those that are not the application's own, and puts it between event's
 * header and payload. ip is CONTEXT_IP.
 */
void contexts_fill(uint32_t contexts, const struct context_process *process, const void *ip, char *buffer,
                   struct write_event *event);
