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

#include <stdbool.h>
#include <stddef.h>
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
        CONTEXT_APPLICATION = 1 << 9, /* those that applications define themselves (struct context_set), in the order
                                       * of their names. A value's type is what the definitions of the application say
                                       * (protocol/definitions.h); where they do not know the name, it is "" */
};

#define CONTEXTS_ALL ((1 << 9) - 1) /* all that have a fixed meaning */
#define CONTEXTS_KNOWN (CONTEXTS_ALL | CONTEXT_APPLICATION)
#define CONTEXT_PROCNAME_SIZE 16
#define CONTEXT_CGROUP_MAX 255
#define CONTEXT_ID_UNKNOWN UINT32_MAX

/* Contexts of applications: how many a channel has at most, bytes of their names and of the largest value with NUL. */
#define APP_CONTEXTS_MAX 8
#define APP_CONTEXTS_SIZE 256
#define APP_CONTEXT_VALUE_MAX 64

#define APP_CONTEXTS_LIMIT "a channel has room for 8 contexts of applications, and 255 bytes of their names"

/* Bytes in a record at most: of CONTEXTS_ALL, and of everything. */
#define CONTEXTS_ALL_SIZE_MAX (4 + 4 + CONTEXT_PROCNAME_SIZE + 8 + 4 * 4 + CONTEXT_CGROUP_MAX + 1)
#define CONTEXTS_SIZE_MAX (CONTEXTS_ALL_SIZE_MAX + APP_CONTEXTS_MAX * APP_CONTEXT_VALUE_MAX)

/* Bytes of a set of contexts in a record, without CONTEXT_CGROUP and what follows it, which have no fixed size. */
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
#define CONTEXT_NAMES "vpid, vtid, procname, ip, pid, tid, uid, gid, cgroup, app:PROVIDER:NAME"

/* The contexts of a channel. {} has none. */
struct context_set {
        uint32_t bits;                /* enum context */
        char app[APP_CONTEXTS_SIZE];  /* "PROVIDER:NAME", a space between each two; "" without CONTEXT_APPLICATION */
};

/* Room for one name of a set. */
#define CONTEXT_TEXT_MAX (sizeof("app:") + APP_CONTEXTS_SIZE)

/* Adds "vpid" or "app:PROVIDER:NAME". 1; 0 where it has that already; -EINVAL for another name; -E2BIG. */
int context_set_add(struct context_set *set, const char *name);

bool context_set_equal(const struct context_set *a, const struct context_set *b);

/* Writes the next name to ret; *position begins with 0. False after the last. */
bool context_set_next(const struct context_set *set, unsigned *position, char ret[CONTEXT_TEXT_MAX]);

/* Whether bits and the names of APP_CONTEXTS_SIZE bytes are a set, as another process sent them. */
bool context_set_is_valid(uint32_t bits, const char *app);

/* The next name of struct context_set.app: where it begins, and its length; NULL after the last. */
const char *app_contexts_next(const char **list, size_t *ret_length);

/* What the values of a set's application contexts are in one application. */
struct app_contexts {
        unsigned n;
        uint8_t types[APP_CONTEXTS_MAX]; /* enum definition_type: I64, U64, F64 or STRING */
};

/*
 * By an application's definitions. app is of a valid set. -EBADMSG where they
 * make no sense, -EPROTONOSUPPORT for another major version.
 */
int app_contexts_resolve(const char *app, const void *definitions, size_t size, struct app_contexts *ret);

/* Of one, "app:PROVIDER:NAME": enum definition_type, or 0 where the definitions have none of this name. */
unsigned app_context_type(const char *name, const void *definitions, size_t size);
