/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Why something that a client asked for was refused: a kind, which the bus
 * layer turns into the name of a D-Bus error, and one sentence for people that
 * names the object and says what to do. A plain value on its caller's stack.
 */

enum failure_kind {
        FAILURE_INVALID_NAME,
        FAILURE_INVALID_PATTERN,
        FAILURE_INVALID_OPTION,
        FAILURE_UNKNOWN_OPTION,
        FAILURE_UNKNOWN_DOMAIN,
        FAILURE_NO_SUCH_SESSION,
        FAILURE_NO_SUCH_CHANNEL,
        FAILURE_NO_SUCH_EVENT,
        FAILURE_NO_SUCH_APPLICATION,
        FAILURE_SESSION_EXISTS,
        FAILURE_CHANNEL_EXISTS,
        FAILURE_EVENT_IN_OTHER_CHANNEL,
        FAILURE_INVALID_PROFILE,
        FAILURE_NO_SUCH_PROFILE,
        FAILURE_CANNOT_CHANGE, /* after a session was started */
        FAILURE_ALREADY_ACTIVE,
        FAILURE_NOT_ACTIVE,
        FAILURE_BUSY,
        FAILURE_OUTPUT,
        FAILURE_CONSUMER,
        FAILURE_LIMIT,
        FAILURE_KERNEL, /* it cannot be traced, or refuses */
        FAILURE_TIMEOUT,
        FAILURE_ACCESS_DENIED,
        FAILURE_NEEDS_PASSWORD, /* and the caller did not allow to ask for one */
        FAILURE_NO_MEMORY,
        FAILURE_INTERNAL,
        _FAILURE_MAX,
};

struct failure {
        enum failure_kind kind;
        char text[512];
};

/* The errno that stands for a kind, positive. */
int failure_errno(enum failure_kind kind);

/* Fills in *ret and returns -failure_errno(kind). What callers wrote is escaped (text.h), and bounded by the text. */
int fail(struct failure *ret, enum failure_kind kind, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Says that memory ran out. */
int fail_memory(struct failure *ret);
