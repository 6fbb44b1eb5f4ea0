/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>

#include "service/bus/errors.h"

#define ERROR(name) "org.tracectl.Tracing1.Error." name

static const char *const names[_FAILURE_MAX] = {
        [FAILURE_INVALID_NAME] = ERROR("InvalidName"),
        [FAILURE_INVALID_PATTERN] = ERROR("InvalidPattern"),
        [FAILURE_INVALID_OPTION] = ERROR("InvalidOption"),
        [FAILURE_UNKNOWN_OPTION] = ERROR("UnknownOption"),
        [FAILURE_UNKNOWN_DOMAIN] = ERROR("UnknownDomain"),
        [FAILURE_NO_SUCH_SESSION] = ERROR("NoSuchSession"),
        [FAILURE_NO_SUCH_CHANNEL] = ERROR("NoSuchChannel"),
        [FAILURE_NO_SUCH_EVENT] = ERROR("NoSuchEvent"),
        [FAILURE_NO_SUCH_APPLICATION] = ERROR("NoSuchApplication"),
        [FAILURE_SESSION_EXISTS] = ERROR("SessionExists"),
        [FAILURE_CHANNEL_EXISTS] = ERROR("ChannelExists"),
        [FAILURE_EVENT_IN_OTHER_CHANNEL] = ERROR("EventInOtherChannel"),
        [FAILURE_INVALID_PROFILE] = ERROR("InvalidProfile"),
        [FAILURE_NO_SUCH_PROFILE] = ERROR("NoSuchProfile"),
        [FAILURE_CANNOT_CHANGE] = ERROR("CannotChange"),
        [FAILURE_ALREADY_ACTIVE] = ERROR("AlreadyActive"),
        [FAILURE_NOT_ACTIVE] = ERROR("NotActive"),
        [FAILURE_BUSY] = ERROR("Busy"),
        [FAILURE_OUTPUT] = ERROR("Output"),
        [FAILURE_CONSUMER] = ERROR("ConsumerFailed"),
        [FAILURE_KERNEL] = ERROR("Kernel"),
        [FAILURE_LIMIT] = SD_BUS_ERROR_LIMITS_EXCEEDED,
        [FAILURE_TIMEOUT] = SD_BUS_ERROR_TIMEOUT,
        [FAILURE_ACCESS_DENIED] = SD_BUS_ERROR_ACCESS_DENIED,
        [FAILURE_NEEDS_PASSWORD] = SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
        [FAILURE_NO_MEMORY] = SD_BUS_ERROR_NO_MEMORY,
        [FAILURE_INTERNAL] = SD_BUS_ERROR_FAILED,
};

/* The same numbers as failure_errno(), for those names that are ours. */
static const sd_bus_error_map map[] = {
        SD_BUS_ERROR_MAP(ERROR("InvalidName"), EINVAL),
        SD_BUS_ERROR_MAP(ERROR("InvalidPattern"), EINVAL),
        SD_BUS_ERROR_MAP(ERROR("InvalidOption"), EINVAL),
        SD_BUS_ERROR_MAP(ERROR("UnknownOption"), EINVAL),
        SD_BUS_ERROR_MAP(ERROR("UnknownDomain"), EINVAL),
        SD_BUS_ERROR_MAP(ERROR("NoSuchSession"), ENOENT),
        SD_BUS_ERROR_MAP(ERROR("NoSuchChannel"), ENOENT),
        SD_BUS_ERROR_MAP(ERROR("NoSuchEvent"), ENOENT),
        SD_BUS_ERROR_MAP(ERROR("NoSuchApplication"), ENOENT),
        SD_BUS_ERROR_MAP(ERROR("SessionExists"), EEXIST),
        SD_BUS_ERROR_MAP(ERROR("ChannelExists"), EEXIST),
        SD_BUS_ERROR_MAP(ERROR("EventInOtherChannel"), EEXIST),
        SD_BUS_ERROR_MAP(ERROR("InvalidProfile"), EINVAL),
        SD_BUS_ERROR_MAP(ERROR("NoSuchProfile"), ENOENT),
        SD_BUS_ERROR_MAP(ERROR("CannotChange"), EBUSY),
        SD_BUS_ERROR_MAP(ERROR("AlreadyActive"), EALREADY),
        SD_BUS_ERROR_MAP(ERROR("NotActive"), ENOLINK),
        SD_BUS_ERROR_MAP(ERROR("Busy"), EBUSY),
        SD_BUS_ERROR_MAP(ERROR("Output"), EIO),
        SD_BUS_ERROR_MAP(ERROR("ConsumerFailed"), EPIPE),
        SD_BUS_ERROR_MAP(ERROR("Kernel"), EOPNOTSUPP),
        SD_BUS_ERROR_MAP_END,
};

int errors_register(void) {
        int r = sd_bus_error_add_map(map);

        return r < 0 ? r : 0;
}

const char *error_name(enum failure_kind kind) {
        return names[kind];
}

int error_set(sd_bus_error *error, const struct failure *failure) {
        (void) sd_bus_error_set(error, names[failure->kind], failure->text);
        return -failure_errno(failure->kind);
}
