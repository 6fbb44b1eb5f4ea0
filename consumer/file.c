/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <unistd.h>

#include "common/fd.h"
#include "consumer/file.h"

void file_done(struct file *file) {
        if (file->fd >= 0)
                close(file->fd);
        *file = FILE_INIT;
}

/* Cuts off what is behind the whole pieces; tried again before the next append where it fails. */
static int file_clean(struct file *file) {
        if (ftruncate(file->fd, (off_t) file->size) < 0)
                return -errno;
        file->dirty = false;
        return 0;
}

int file_append(struct file *file, struct iovec *iov, int n) {
        uint64_t size = 0;
        int r;

        if (file->dirty) {
                r = file_clean(file);
                if (r < 0)
                        return r;
        }
        for (int i = 0; i < n; i++)
                size += iov[i].iov_len;
        r = pwritev_full(file->fd, iov, n, (off_t) file->size);
        if (r < 0) {
                file->dirty = true;
                (void) file_clean(file);
                return r;
        }
        file->size += size;
        return 0;
}

void file_shrink(struct file *file, uint64_t n) {
        file->size -= n;
        file->dirty = true;
        (void) file_clean(file);
}
