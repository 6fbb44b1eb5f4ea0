/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "service/model/failure.h"
#include "service/model/text.h"

int failure_errno(enum failure_kind kind) {
        static const int numbers[_FAILURE_MAX] = {
                [FAILURE_INVALID_NAME] = EINVAL,
                [FAILURE_INVALID_PATTERN] = EINVAL,
                [FAILURE_INVALID_OPTION] = EINVAL,
                [FAILURE_UNKNOWN_OPTION] = EINVAL,
                [FAILURE_UNKNOWN_DOMAIN] = EINVAL,
                [FAILURE_NO_SUCH_SESSION] = ENOENT,
                [FAILURE_NO_SUCH_CHANNEL] = ENOENT,
                [FAILURE_NO_SUCH_EVENT] = ENOENT,
                [FAILURE_NO_SUCH_APPLICATION] = ENOENT,
                [FAILURE_SESSION_EXISTS] = EEXIST,
                [FAILURE_CHANNEL_EXISTS] = EEXIST,
                [FAILURE_EVENT_IN_OTHER_CHANNEL] = EEXIST,
                [FAILURE_INVALID_PROFILE] = EINVAL,
                [FAILURE_NO_SUCH_PROFILE] = ENOENT,
                [FAILURE_CANNOT_CHANGE] = EBUSY,
                [FAILURE_ALREADY_ACTIVE] = EALREADY,
                [FAILURE_NOT_ACTIVE] = ENOLINK,
                [FAILURE_BUSY] = EBUSY,
                [FAILURE_OUTPUT] = EIO,
                [FAILURE_CONSUMER] = EPIPE,
                [FAILURE_LIMIT] = EDQUOT,
                [FAILURE_KERNEL] = EOPNOTSUPP,
                [FAILURE_TIMEOUT] = ETIMEDOUT,
                [FAILURE_ACCESS_DENIED] = EACCES,
                [FAILURE_NEEDS_PASSWORD] = EACCES,
                [FAILURE_NO_MEMORY] = ENOMEM,
                [FAILURE_INTERNAL] = EIO,
        };

        return numbers[kind];
}

int fail(struct failure *ret, enum failure_kind kind, const char *format, ...) {
        struct failure f = { .kind = kind };
        char text[sizeof(f.text)];
        va_list ap;

        va_start(ap, format);
        vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        text_escape(text, f.text, sizeof(f.text));
        *ret = f;
        return -failure_errno(kind);
}

int fail_memory(struct failure *ret) {
        return fail(ret, FAILURE_NO_MEMORY, "There is not enough memory; end other programs and try again.");
}
