/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "client/tracectl/output-file.h"
#include "common/cleanup.h"

#define TRIES 16

static const char *name_of(const char *path) {
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

static int open_directory(const char *path) {
        size_t n = (size_t) (name_of(path) - path);
        _cleanup_free_ char *directory = n > 0 ? strndup(path, n) : strdup(".");
        int fd;

        if (!directory)
                return -ENOMEM;
        fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd >= 0 ? fd : -errno;
}

/* A name beside the file's that nobody has guessed. */
static int make_name(char **ret) {
        uint64_t number;

        if (getrandom(&number, sizeof(number), 0) != (ssize_t) sizeof(number))
                return -EIO;
        return asprintf(ret, ".tracectl-%016llx", (unsigned long long) number) < 0 ? -ENOMEM : 0;
}

/* File systems that cannot make a file without a name. */
static int open_named(struct output_file *file) {
        int r = make_name(&file->temporary);

        if (r < 0)
                return r;
        file->fd = openat(file->directory_fd, file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (file->fd >= 0)
                return 0;
        r = -errno;
        free(TAKE_PTR(file->temporary));
        return r;
}

static int open_new(struct output_file *file) {
        file->directory_fd = open_directory(file->path);
        if (file->directory_fd < 0)
                return file->directory_fd;
        file->fd = openat(file->directory_fd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
        if (file->fd >= 0)
                return 0;
        return errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL ? open_named(file) : -errno;
}

int output_file_open(struct output_file *file, const char *path) {
        struct stat st;
        int r;

        if (*name_of(path) == '\0')
                return -EISDIR;
        file->path = strdup(path);
        if (!file->path)
                return -ENOMEM;
        if (stat(path, &st) >= 0 && !S_ISREG(st.st_mode)) {
                file->fd = open(path, O_WRONLY | O_CLOEXEC);
                r = file->fd >= 0 ? 0 : -errno;
        } else
                r = open_new(file);
        if (r < 0)
                output_file_done(file);
        return r;
}

/* A file without a name gets one that is free; only rename() replaces what is there. */
static int give_temporary_name(struct output_file *file) {
        char link[64];
        int r;

        snprintf(link, sizeof(link), "/proc/self/fd/%d", file->fd);
        for (unsigned i = 0; i < TRIES; i++) {
                r = make_name(&file->temporary);
                if (r < 0)
                        return r;
                if (linkat(AT_FDCWD, link, file->directory_fd, file->temporary, AT_SYMLINK_FOLLOW) >= 0)
                        return 0;
                r = -errno;
                free(TAKE_PTR(file->temporary));
                if (r != -EEXIST)
                        return r;
        }
        return r;
}

int output_file_commit(struct output_file *file) {
        int r;

        if (file->directory_fd < 0)
                return 0;
        if (!file->temporary) {
                r = give_temporary_name(file);
                if (r < 0)
                        return r;
        }
        if (renameat(file->directory_fd, file->temporary, file->directory_fd, name_of(file->path)) < 0)
                return -errno;
        free(TAKE_PTR(file->temporary));
        return 0;
}

void output_file_done(struct output_file *file) {
        if (file->temporary)
                (void) unlinkat(file->directory_fd, file->temporary, 0);
        if (file->fd >= 0)
                close(file->fd);
        if (file->directory_fd >= 0)
                close(file->directory_fd);
        free(file->temporary);
        free(file->path);
        *file = (struct output_file) OUTPUT_FILE_NULL;
}
