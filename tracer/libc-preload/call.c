/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <unistd.h>

#include "tracer/libc-preload/call.h"

const char *call_path_before(const char *path) {
        int saved = errno;
        bool readable;

        /*
         * The kernel knows. Whoever may execute a program may do this, since the
         * dynamic linker does it first of all.
         */
        readable = access(path, F_OK) >= 0 || (errno != EFAULT && errno != ENAMETOOLONG);
        errno = saved;
        return readable ? path : CALL_UNREADABLE;
}

const char *call_path(const char *path, int error) {
        switch (error) {
        case EFAULT:
        case ENAMETOOLONG: /* maybe without an end */
                return CALL_UNREADABLE;
        case EINVAL: /* found before the path was looked at, or after */
                return call_path_before(path);
        default:
                return path;
        }
}

bool call_was_read(int error) {
        return error != EFAULT && error != EINVAL && error != EBADF && error != ENOTSOCK;
}
