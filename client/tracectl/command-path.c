/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/tracectl/command-path.h"
#include "common/cleanup.h"

static int check_executable(const char *path) {
        struct stat st;

        if (stat(path, &st) < 0)
                return -errno;
        if (S_ISDIR(st.st_mode))
                return -EISDIR;
        if (!S_ISREG(st.st_mode))
                return -EACCES;
        return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? -errno : 0;
}

static int check_in(const char *folder, size_t length, const char *command, char **ret) {
        _cleanup_free_ char *path = NULL;
        int r;

        /* An empty place in PATH is the current folder. */
        if (asprintf(&path, "%.*s/%s", length > 0 ? (int) length : 1, length > 0 ? folder : ".", command) < 0)
                return -ENOMEM;
        /* A folder that may not be searched has nothing in it, as far as a shell can tell. */
        if (access(path, F_OK) < 0)
                return -ENOENT;
        r = check_executable(path);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(path);
        return 0;
}

static int find_in_path(const char *command, const char *search, char **ret) {
        int found = -ENOENT;

        for (const char *p = search;; p++) {
                size_t length = strcspn(p, ":");
                int r = check_in(p, length, command, ret);

                if (r >= 0 || r == -ENOMEM)
                        return r;
                /* As execvp(): go on, but remember that there was something. */
                if (r == -EACCES)
                        found = r;
                p += length;
                if (*p == '\0')
                        return found;
        }
}

int command_path_find(const char *command, char **ret) {
        const char *search = getenv("PATH");
        char *path;
        int r;

        if (*command == '\0')
                return -ENOENT;
        if (!strchr(command, '/'))
                return find_in_path(command, search ?: "/bin:/usr/bin", ret);

        r = check_executable(command);
        if (r < 0)
                return r;
        path = strdup(command);
        if (!path)
                return -ENOMEM;
        *ret = path;
        return 0;
}
