/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "consumer/place.h"

static int check_directory(int fd) {
        struct stat st;

        if (fstat(fd, &st) < 0)
                return -errno;
        return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

static int open_directory(int at, const char *path, int flags, int *ret) {
        int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags);

        if (fd < 0)
                return -errno;
        *ret = fd;
        return 0;
}

static void closedirp(DIR **d) {
        if (*d)
                closedir(*d);
}

static int check_empty(int fd) {
        _cleanup_(closedirp) DIR *d = NULL;
        _cleanup_close_ int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        const struct dirent *entry;

        if (copy < 0)
                return -errno;
        d = fdopendir(copy);
        if (!d)
                return -errno;
        TAKE_FD(copy);
        while ((entry = readdir(d)))
                if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                        return -ENOTEMPTY;
        return 0;
}

/* What path is in. */
static int make_folder(const char *path) {
        _cleanup_free_ char *folder = strndup(path, (size_t) (strrchr(path, '/') - path));

        if (!folder)
                return -ENOMEM;
        return *folder && mkdir(folder, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

/* Where there is a trace already, not one file of another could be made: only what a predecessor left may be there. */
static int open_path(const char *path, uint32_t flags, int *ret) {
        _cleanup_close_ int fd = -1;
        int r = flags & CONSUMER_FOLDER ? make_folder(path) : 0;

        if (r < 0)
                return r;
        if (mkdir(path, 0700) < 0 && errno != EEXIST)
                return -errno;
        r = open_directory(AT_FDCWD, path, 0, &fd);
        if (r >= 0 && !(flags & CONSUMER_RESUME))
                r = check_empty(fd);
        if (r < 0)
                return r;
        *ret = TAKE_FD(fd);
        return 0;
}

/* systemd lists them all; ours is the last. */
static int open_state(const char *name, int *ret) {
        const char *list = getenv("STATE_DIRECTORY"), *colon;
        _cleanup_close_ int state = -1;
        int r;

        if (!list)
                return -EINVAL;
        colon = strrchr(list, ':');
        r = open_directory(AT_FDCWD, colon ? colon + 1 : list, 0, &state);
        if (r < 0)
                return r;
        if (mkdirat(state, name, 0700) < 0 && errno != EEXIST)
                return -errno;
        return open_directory(state, name, O_NOFOLLOW, ret);
}

int place_open(struct message *m, int *ret) {
        int r;

        switch (m->output.kind) {
        case CONSUMER_OUTPUT_FD:
                r = check_directory(m->fds[0]);
                if (r < 0)
                        return r;
                *ret = TAKE_FD(m->fds[0]);
                return 0;
        case CONSUMER_OUTPUT_DIRECTORY:
                return open_path(m->output.path, m->output.flags, ret);
        default:
                return open_state(m->output.path, ret);
        }
}

void place_path(int directory, char ret[CONSUMER_PATH_MAX]) {
        char link[sizeof("/proc/self/fd/") + 10];
        ssize_t n;

        snprintf(link, sizeof(link), "/proc/self/fd/%i", directory);
        n = readlink(link, ret, CONSUMER_PATH_MAX - 1);
        ret[n > 0 ? n : 0] = '\0';
}
