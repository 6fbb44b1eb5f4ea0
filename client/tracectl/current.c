/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/tracectl/current.h"
#include "common/cleanup.h"
#include "common/fd.h"

#define LINE_MAX_SIZE 256

static int find_path(bool is_user, char **ret) {
        const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME"), *below = "";
        const char *name = is_user ? "user-session" : "session";

        /* A relative path there is to be ignored, by the specification of these variables. */
        if (!state || state[0] != '/') {
                if (!home || home[0] != '/')
                        return -ENOENT;
                state = home;
                below = "/.local/state";
        }
        return asprintf(ret, "%s%s/tracectl/%s", state, below, name) < 0 ? -ENOMEM : 0;
}

int current_read(bool is_user, char **ret) {
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int fd = -1;
        char line[LINE_MAX_SIZE];
        ssize_t n;
        int r;

        r = find_path(is_user, &path);
        if (r < 0)
                return r;
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0)
                return -errno;
        n = read(fd, line, sizeof(line) - 1);
        if (n < 0)
                return -errno;
        line[n] = '\0';
        line[strcspn(line, "\n")] = '\0';
        if (!line[0])
                return -ENOENT;
        *ret = strdup(line);
        return *ret ? 0 : -ENOMEM;
}

/* Makes the directories that path is below, where they are missing. */
static int make_parents(char *path) {
        for (char *p = path + 1; *p; p++) {
                int r;

                if (*p != '/')
                        continue;
                *p = '\0';
                r = mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
                *p = '/';
                if (r < 0)
                        return r;
        }
        return 0;
}

static int write_line(const char *path, const char *session) {
        _cleanup_free_ char *line = NULL;
        _cleanup_close_ int fd = -1;
        int n;

        n = asprintf(&line, "%s\n", session);
        if (n < 0) {
                line = NULL;
                return -ENOMEM;
        }
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        return write_full(fd, line, (size_t) n);
}

int current_write(bool is_user, const char *session) {
        _cleanup_free_ char *path = NULL, *new_path = NULL;
        int r;

        r = find_path(is_user, &path);
        if (r < 0)
                return r;
        r = make_parents(path);
        if (r < 0)
                return r;
        if (asprintf(&new_path, "%s.%lld", path, (long long) getpid()) < 0) {
                new_path = NULL;
                return -ENOMEM;
        }
        /* By another name first: whoever reads it meanwhile finds the old line or the new one. */
        r = write_line(new_path, session);
        if (r >= 0 && rename(new_path, path) < 0)
                r = -errno;
        if (r < 0 && r != -EEXIST)
                (void) unlink(new_path);
        return r;
}

void current_forget(bool is_user, const char *session) {
        _cleanup_free_ char *path = NULL, *current = NULL;

        if (current_read(is_user, &current) >= 0 && strcmp(current, session) == 0 && find_path(is_user, &path) >= 0)
                (void) unlink(path);
}
