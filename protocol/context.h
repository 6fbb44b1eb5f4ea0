/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Contexts: what a channel's events tell beside their own fields. A channel has
 * a set of them (bits of enum context), the same for all its classes but
 * tracectl:thread, which has none. In a record they stand packed between the
 * event header and the payload, in the order of their bits, in the writer's
 * byte order.
 */

#include <stdint.h>

enum context {
        CONTEXT_VPID = 1 << 0,     /* i32: the process, in its own namespace */
        CONTEXT_VTID = 1 << 1,     /* i32: the thread, in its own namespace */
        CONTEXT_PROCNAME = 1 << 2, /* char[CONTEXT_PROCNAME_SIZE]: the thread's name, padded with NUL */
        CONTEXT_IP = 1 << 3,       /* u64: the address that the tracepoint's call returns to */
};

#define CONTEXTS_ALL (CONTEXT_VPID | CONTEXT_VTID | CONTEXT_PROCNAME | CONTEXT_IP)
#define CONTEXT_PROCNAME_SIZE 16
#define CONTEXTS_SIZE_MAX (4 + 4 + CONTEXT_PROCNAME_SIZE + 8)

/* Bytes of a set of contexts in a record. */
static inline uint32_t contexts_size(uint32_t contexts) {
        return (contexts & CONTEXT_VPID ? 4 : 0) + (contexts & CONTEXT_VTID ? 4 : 0) +
               (contexts & CONTEXT_PROCNAME ? CONTEXT_PROCNAME_SIZE : 0) + (contexts & CONTEXT_IP ? 8 : 0);
}

/* "vpid" for CONTEXT_VPID. NULL for what is not exactly one known bit. */
const char *context_name(uint32_t context);

/* CONTEXT_VPID for "vpid"; 0 for an unknown name. */
uint32_t context_from_name(const char *name);
