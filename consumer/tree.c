/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "consumer/syncer.h"
#include "consumer/tree.h"

/* What a trace consists of. */
static const char *const parts[] = { "user", "kernel" };

/* user/<uid>/<set>/index: what is deeper is not ours. */
#define DEPTH_MAX 4

/* The descriptor or -errno. */
static int open_directory(int directory, const char *name) {
        int fd = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        return fd < 0 ? -errno : fd;
}

int tree_descend_existing(int *directory, const char *name) {
        int fd = open_directory(*directory, name);

        if (fd < 0)
                return fd;
        close(*directory);
        *directory = fd;
        return 0;
}

int tree_descend(int *directory, const char *name) {
        if (mkdirat(*directory, name, 0700) < 0 && errno != EEXIST)
                return -errno;
        return tree_descend_existing(directory, name);
}

static int descend_from(int directory, const char *name, int *ret_fd) {
        _cleanup_close_ int fd = -1;
        int r;

        fd = fcntl(directory, F_DUPFD_CLOEXEC, 3);
        if (fd < 0)
                return -errno;
        r = tree_descend(&fd, name);
        if (r < 0)
                return r;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

int tree_prepare(int directory, const char *name) {
        _cleanup_close_ int fd = -1;
        struct stat st;
        int r;

        r = descend_from(directory, name, &fd);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
                if (fstatat(fd, parts[i], &st, AT_SYMLINK_NOFOLLOW) >= 0)
                        return -EEXIST;
                if (errno != ENOENT)
                        return -errno;
        }
        return 0;
}

/* A directory that is not empty is never replaced. */
static int move_part(int from, int to, const char *part) {
        if (renameat(from, part, to, part) < 0 && errno != ENOENT)
                return errno == ENOTEMPTY ? -EEXIST : -errno;
        return 0;
}

int tree_move_from(int from, int directory, const char *name) {
        _cleanup_close_ int fd = -1;
        int r;

        r = descend_from(directory, name, &fd);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
                r = move_part(from, fd, parts[i]);
                if (r < 0) {
                        /* All of them or none. */
                        while (i-- > 0)
                                (void) move_part(fd, from, parts[i]);
                        return r;
                }
        }
        return 0;
}

int tree_move(int directory, const char *name) {
        return tree_move_from(directory, directory, name);
}

int tree_sync(int directory) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(parts); i++) {
                _cleanup_close_ int fd = open_directory(directory, parts[i]);

                if (fd >= 0)
                        r = syncer_sync(fd, NULL);
                else if (fd != -ENOENT)
                        r = fd;
        }
        return r;
}

/* -errno of the first that fails. Takes over fd. */
static int each_entry(int fd, int (*visit)(int fd, const char *name, unsigned depth, void *userdata), unsigned depth,
                      void *userdata) {
        DIR *dir = fdopendir(fd);
        struct dirent *entry;
        int r = 0;

        if (!dir) {
                close(fd);
                return -ENOMEM;
        }
        while (r >= 0 && (entry = readdir(dir)))
                if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                        r = visit(fd, entry->d_name, depth, userdata);
        closedir(dir);
        return r;
}

static int remove_below(int directory, const char *name, unsigned depth);

static int remove_entry(int fd, const char *name, unsigned depth, void *userdata) {
        if (unlinkat(fd, name, 0) >= 0 || errno == ENOENT)
                return 0;
        return errno == EISDIR || errno == EPERM ? remove_below(fd, name, depth + 1) : -errno;
}

static int remove_below(int directory, const char *name, unsigned depth) {
        int fd, r;

        if (depth > DEPTH_MAX)
                return -ENOTEMPTY;
        fd = open_directory(directory, name);
        if (fd < 0)
                return fd;
        r = each_entry(fd, remove_entry, depth, NULL);
        if (r < 0)
                return r;
        return unlinkat(directory, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

int tree_remove_part(int directory, const char *part) {
        return remove_below(directory, part, 1);
}

int tree_remove(int directory, const char *name) {
        _cleanup_close_ int fd = -1;
        int r;

        if (name[0]) {
                fd = open_directory(directory, name);
                if (fd < 0)
                        return fd == -ENOENT ? 0 : fd;
        }
        for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
                r = remove_below(name[0] ? fd : directory, parts[i], 1);
                if (r < 0 && r != -ENOENT)
                        return r;
        }
        return 0;
}

static int measure_below(int directory, const char *name, unsigned depth, uint64_t *bytes);

static int measure_entry(int fd, const char *name, unsigned depth, void *userdata) {
        uint64_t *bytes = userdata;
        struct stat st;

        if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return 0;
        /* A file system may not have decided yet which blocks it takes. */
        *bytes += (uint64_t) (st.st_blocks * 512 > st.st_size ? st.st_blocks * 512 : st.st_size);
        return S_ISDIR(st.st_mode) ? measure_below(fd, name, depth + 1, bytes) : 0;
}

static int measure_below(int directory, const char *name, unsigned depth, uint64_t *bytes) {
        int fd;

        if (depth > DEPTH_MAX)
                return 0;
        fd = open_directory(directory, name);
        if (fd < 0)
                return fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP ? 0 : fd;
        return each_entry(fd, measure_entry, depth, bytes);
}

int tree_measure(int directory, const char *name, uint64_t *ret) {
        _cleanup_close_ int fd = -1;
        uint64_t bytes = 0;

        fd = open_directory(directory, name);
        if (fd < 0 && fd != -ENOENT && fd != -ENOTDIR && fd != -ELOOP)
                return fd;
        for (size_t i = 0; fd >= 0 && i < ARRAY_SIZE(parts); i++) {
                int r = measure_below(fd, parts[i], 1, &bytes);

                if (r < 0)
                        return r;
        }
        *ret = bytes;
        return 0;
}
