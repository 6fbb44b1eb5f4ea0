/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Contexts: what a channel's events tell beside their own fields. A channel has
 * a set of them (bits of enum context), the same for all its classes but
 * tracectl:thread, which has none. In a record they stand packed between the
 * event header and the payload, in the order of their bits, in the writer's
 * byte order.
 *
 * "As the service sees it": in tracingd's own namespaces, which are the machine's
 * outermost ones. A process cannot know that of itself; tracingd tells it when
 * it registers (protocol/handshake.h), from what the kernel says about the
 * connection, and again when the process registers anew since its user has
 * changed. A change of its group or control group alone is not noticed.
 */

#include <stdint.h>

enum context {
        CONTEXT_VPID = 1 << 0,     /* i32: the process, in its own namespace */
        CONTEXT_VTID = 1 << 1,     /* i32: the thread, in its own namespace */
        CONTEXT_PROCNAME = 1 << 2, /* char[CONTEXT_PROCNAME_SIZE]: the thread's name, padded with NUL */
        CONTEXT_IP = 1 << 3,       /* u64: the address that the tracepoint's call returns to */
        CONTEXT_PID = 1 << 4,      /* i32: the process, as the service sees it; 0: unknown */
        CONTEXT_TID = 1 << 5,      /* i32: the thread, as the service sees it; 0: unknown, since the process is in
                                    * another namespace and the thread is not its first one */
        CONTEXT_UID = 1 << 6,      /* u32: the user, as the service sees it; CONTEXT_ID_UNKNOWN */
        CONTEXT_GID = 1 << 7,      /* u32: the group, likewise */
        CONTEXT_CGROUP = 1 << 8,   /* bytes up to and with NUL, at most CONTEXT_CGROUP_MAX and it: the path of the
                                    * control group when the process registered; "": unknown */
};

#define CONTEXTS_ALL ((1 << 9) - 1)
#define CONTEXT_PROCNAME_SIZE 16
#define CONTEXT_CGROUP_MAX 255
#define CONTEXT_ID_UNKNOWN UINT32_MAX
#define CONTEXTS_SIZE_MAX (4 + 4 + CONTEXT_PROCNAME_SIZE + 8 + 4 * 4 + CONTEXT_CGROUP_MAX + 1)

/* Bytes of a set of contexts in a record, without CONTEXT_CGROUP, which is the last and has no fixed size. */
static inline uint32_t contexts_fixed_size(uint32_t contexts) {
        return (contexts & CONTEXT_VPID ? 4 : 0) + (contexts & CONTEXT_VTID ? 4 : 0) +
               (contexts & CONTEXT_PROCNAME ? CONTEXT_PROCNAME_SIZE : 0) + (contexts & CONTEXT_IP ? 8 : 0) +
               (contexts & CONTEXT_PID ? 4 : 0) + (contexts & CONTEXT_TID ? 4 : 0) +
               (contexts & CONTEXT_UID ? 4 : 0) + (contexts & CONTEXT_GID ? 4 : 0);
}

/* "vpid" for CONTEXT_VPID. NULL for what is not exactly one known bit. */
const char *context_name(uint32_t context);

/* CONTEXT_VPID for "vpid"; 0 for an unknown name. */
uint32_t context_from_name(const char *name);

/* All names, for a sentence that lists them. */
#define CONTEXT_NAMES "vpid, vtid, procname, ip, pid, tid, uid, gid, cgroup"
