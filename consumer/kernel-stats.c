/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "consumer/kernel-stats.h"

/* The value of the line that begins with name. */
static bool find(const char *text, const char *name, uint64_t *ret) {
        size_t n = strlen(name);

        for (const char *line = text; line; line = strchr(line, '\n')) {
                line += *line == '\n';
                if (strncmp(line, name, n) == 0 && line[n] == ':')
                        return sscanf(line + n + 1, "%" SCNu64, ret) == 1;
        }
        return false;
}

int kernel_stats_parse(const char *text, uint64_t *ret_lost) {
        uint64_t overrun, interrupted = 0, dropped = 0;

        if (!find(text, "overrun", &overrun))
                return -EBADMSG;
        (void) find(text, "commit overrun", &interrupted);
        (void) find(text, "dropped events", &dropped);
        *ret_lost = overrun + interrupted + dropped;
        return 0;
}

int kernel_stats_read(int fd, uint64_t *ret_lost) {
        char text[512];
        ssize_t n;

        n = pread(fd, text, sizeof(text) - 1, 0);
        if (n < 0)
                return -errno;
        text[n] = '\0';
        return kernel_stats_parse(text, ret_lost);
}
