/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "client/tracectl/latest.h"
#include "common/cleanup.h"
#include "common/parse.h"

#define STAMP_SIZE 15 /* YYYYmmdd-HHMMSS */

static bool is_stamp(const char *s) {
        for (size_t i = 0; i < STAMP_SIZE; i++)
                if (i == 8 ? s[i] != '-' : !isdigit((unsigned char) s[i]))
                        return false;
        return true;
}

/* NAME-STAMP[-NUMBER]; the last stamp counts. */
static bool split_name(const char *name, const char **ret_stamp, uint64_t *ret_number) {
        size_t n = strlen(name);

        for (size_t i = n > STAMP_SIZE ? n - STAMP_SIZE : 0; i >= 2; i--) {
                const char *rest = name + i + STAMP_SIZE;

                if (name[i - 1] != '-' || !is_stamp(name + i))
                        continue;
                *ret_number = 1;
                *ret_stamp = name + i;
                return *rest == '\0' || (*rest == '-' && parse_u64(rest + 1, ret_number) >= 0);
        }
        return false;
}

static void closedirp(DIR **d) {
        if (*d)
                closedir(*d);
}

int latest_find(const char *directory, char **ret) {
        _cleanup_(closedirp) DIR *d = opendir(directory);
        _cleanup_free_ char *best = NULL;
        const char *best_stamp = NULL;
        uint64_t best_number = 0;
        struct dirent *entry;

        if (!d)
                return -errno;
        while ((entry = readdir(d))) {
                const char *stamp;
                uint64_t number;
                struct stat st;
                int order;
                char *copy;

                if (!split_name(entry->d_name, &stamp, &number) ||
                    fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
                        continue;
                order = best ? strncmp(stamp, best_stamp, STAMP_SIZE) : 1;
                if (order < 0 || (order == 0 && number <= best_number))
                        continue;
                copy = strdup(entry->d_name);
                if (!copy)
                        return -ENOMEM;
                free(best);
                best = copy;
                best_stamp = best + (stamp - entry->d_name);
                best_number = number;
        }
        if (!best)
                return -ENOENT;
        *ret = TAKE_PTR(best);
        return 0;
}
