/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "common/cleanup.h"
#include "tracer/outside.h"

#define MAP_MAX 4096 /* the kernel's bound is a page */
#define FOLDERS 2    /* of the system's own, and what it is in */

/* Text of a file in /proc, which may be empty; false where it is not there, or longer. */
static bool read_text(const char *path, char *buffer, size_t size) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, buffer, size);

        if (n < 0 || (size_t) n == size)
                return false;
        buffer[n] = '\0';
        return true;
}

static bool is_overflow(uid_t uid) {
        char text[16];

        return read_text("/proc/sys/kernel/overflowuid", text, sizeof(text)) && strtoul(text, NULL, 10) == uid;
}

/* Whether root of the namespace above has no number here. Lines of first here, first above, how many. */
static bool root_has_no_number(void) {
        char text[MAP_MAX + 1], *p = text;

        if (!read_text("/proc/self/uid_map", text, sizeof(text)))
                return false;
        while (*p) {
                unsigned long above, n;

                (void) strtoul(p, &p, 10);
                above = strtoul(p, &p, 10);
                n = strtoul(p, &p, 10);
                if (above == 0 && n > 0)
                        return false;
                if (*p != '\n')
                        return false;
                p++;
        }
        return true;
}

/* By no one but its owner, who is root here, or has no number. */
static bool is_closed(const struct stat *st, uid_t overflow) {
        return (st->st_uid == 0 || st->st_uid == overflow) && !(st->st_mode & (S_IWGRP | S_IWOTH));
}

bool outside_is_roots(const char *path, const struct stat *st) {
        char folder[sizeof(((struct sockaddr_un *) NULL)->sun_path)];

        if (strlen(path) >= sizeof(folder) || !is_overflow(st->st_uid) || !root_has_no_number() ||
            !is_closed(st, st->st_uid))
                return false;
        strcpy(folder, path);
        for (unsigned i = 0; i < FOLDERS; i++) {
                char *end = strrchr(folder, '/');
                struct stat above;

                if (!end || end == folder)
                        return false;
                *end = '\0';
                if (stat(folder, &above) < 0 || !is_closed(&above, st->st_uid))
                        return false;
        }
        return true;
}
