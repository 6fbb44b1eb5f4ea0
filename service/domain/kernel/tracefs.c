/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

#include "common/cleanup.h"
#include "common/parse.h"
#include "service/domain/kernel/tracefs.h"

#define FILE_MAX (16 << 20)

static bool file_has(const char *path, const char *text) {
        _cleanup_free_ char *content = NULL;
        size_t size;

        return tracefs_read(AT_FDCWD, path, &content, &size) >= 0 && strstr(content, text);
}

static int refuse(int error, const char *root, char *reason, size_t size) {
        if (!file_has("/proc/filesystems", "\ttracefs\n"))
                snprintf(reason, size, "this kernel has no tracefs (CONFIG_TRACING)");
        else if (error == -ENOENT || error == -ENOTDIR || error == -EMEDIUMTYPE)
                snprintf(reason, size, "no tracefs is mounted on %.100s", root);
        else if (error == -EROFS)
                snprintf(reason, size, "%.100s is mounted read-only, as it is in a container", root);
        else if (file_has("/sys/kernel/security/lockdown", "[confidentiality]"))
                snprintf(reason, size, "the kernel is locked down (confidentiality)");
        else
                snprintf(reason, size, "%.100s cannot be used: %s", root, strerror(-error));
        return error;
}

static int check(int fd, bool is_real) {
        _cleanup_close_ int events = -1;
        struct statfs fs;

        if (is_real && (fstatfs(fd, &fs) < 0 || fs.f_type != TRACEFS_MAGIC))
                return -EMEDIUMTYPE;
        /* Lockdown refuses to open files, not the folders they are in. */
        events = openat(fd, "available_events", O_RDONLY | O_CLOEXEC);
        if (events < 0 || faccessat(fd, "instances", W_OK | X_OK, 0) < 0)
                return -errno;
        return 0;
}

int tracefs_open(const char *root, bool is_real, int *ret_fd, char *reason, size_t reason_size) {
        _cleanup_close_ int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r;

        r = fd < 0 ? -errno : check(fd, is_real);
        if (r < 0)
                return refuse(r, root, reason, reason_size);
        *ret_fd = TAKE_FD(fd);
        return 0;
}

int tracefs_write(int dir, const char *path, const char *text) {
        _cleanup_close_ int fd = openat(dir, path, O_WRONLY | O_CLOEXEC);
        ssize_t n;

        if (fd < 0)
                return -errno;
        n = write(fd, text, strlen(text));
        if (n < 0)
                return -errno;
        return (size_t) n == strlen(text) ? 0 : -EIO;
}

int tracefs_write_u64(int dir, const char *path, uint64_t value) {
        char text[24];

        snprintf(text, sizeof(text), "%" PRIu64, value);
        return tracefs_write(dir, path, text);
}

int tracefs_read(int dir, const char *path, char **ret, size_t *ret_size) {
        _cleanup_close_ int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
        _cleanup_free_ char *text = NULL;
        size_t size = 0, room = 0;
        ssize_t n;

        if (fd < 0)
                return -errno;
        do {
                if (room - size < 2) {
                        char *more;

                        room = room ? 2 * room : 4096;
                        more = room <= FILE_MAX ? realloc(text, room) : NULL;
                        if (!more)
                                return -ENOMEM;
                        text = more;
                }
                n = read(fd, text + size, room - size - 1);
                if (n < 0)
                        return -errno;
                size += (size_t) n;
        } while (n > 0);
        text[size] = '\0';
        *ret = TAKE_PTR(text);
        *ret_size = size;
        return 0;
}

int tracefs_read_u64(int dir, const char *path, uint64_t *ret) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r;

        r = tracefs_read(dir, path, &text, &size);
        if (r < 0)
                return r;
        text[strspn(text, "0123456789")] = '\0';
        return parse_u64(text, ret);
}
