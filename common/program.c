/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/program.h"
#include "config.h"

/*
 * The top of the build folder that the running program lies in. Every program
 * of ours is built two levels or more below it, so look upwards for the file
 * that only a build folder has.
 */
static int find_build_folder(char *path, size_t size) {
        ssize_t n = readlink("/proc/self/exe", path, size - 1);

        if (n < 0)
                return -errno;
        path[n] = '\0';
        for (int level = 0; level < 4; level++) {
                _cleanup_free_ char *marker = NULL;
                char *slash = strrchr(path, '/');

                if (!slash || slash == path)
                        return -ENOENT;
                *slash = '\0';
                if (asprintf(&marker, "%s/common/libcommon.a", path) < 0)
                        return -ENOMEM;
                if (access(marker, F_OK) >= 0)
                        return 0;
        }
        return -ENOENT;
}

static int find(const char *installed, const char *folder, const char *name, int mode, char **ret) {
        _cleanup_free_ char *path = NULL;
        char top[PATH_MAX];

        if (find_build_folder(top, sizeof(top)) >= 0) {
                if (asprintf(&path, "%s/%s/%s", top, folder, name) < 0)
                        return -ENOMEM;
        } else if (asprintf(&path, "%s/%s", installed, name) < 0)
                return -ENOMEM;
        if (access(path, mode) < 0)
                return -errno;
        *ret = TAKE_PTR(path);
        return 0;
}

int program_find(const char *folder, const char *name, char **ret) {
        return find(TRACECTL_LIBEXECDIR, folder, name, X_OK, ret);
}

int library_find(const char *folder, const char *name, char **ret) {
        return find(TRACECTL_LIBDIR, folder, name, R_OK, ret);
}
