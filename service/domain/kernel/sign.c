/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "service/domain/kernel/sign.h"

/* Everybody's tracefs has it, and nobody locks what cannot be written. */
#define SIGN_FILE "README"

static struct flock make_lock(const char *id, short type) {
        return (struct flock) {
                .l_type = type,
                .l_whence = SEEK_SET,
                .l_start = (off_t) (strtoull(id, NULL, 16) >> 2),
                .l_len = 1,
        };
}

int sign_new(int tracefs, const char *id) {
        _cleanup_close_ int fd = openat(tracefs, SIGN_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        struct flock lock = make_lock(id, F_RDLCK);

        if (fd < 0 || fcntl(fd, F_OFD_SETLK, &lock) < 0)
                return -errno;
        return TAKE_FD(fd);
}

bool sign_is_alive(int sign, const char *id) {
        struct flock lock = make_lock(id, F_WRLCK);

        /* Who cannot be asked for may live. */
        return fcntl(sign, F_OFD_GETLK, &lock) < 0 || lock.l_type != F_UNLCK;
}
