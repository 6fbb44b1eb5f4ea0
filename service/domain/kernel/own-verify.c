/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "service/domain/kernel/own.h"
#include "service/domain/kernel/tracefs.h"

/* Real, effective, saved, and that of files: a program of others' rights differs in one of them. */
static bool has_one(const char *text, const char *name, uint32_t *ret) {
        const char *line = strstr(text, name);
        uint32_t ids[4];

        if (!line || sscanf(line + strlen(name), "%" SCNu32 " %" SCNu32 " %" SCNu32 " %" SCNu32, &ids[0], &ids[1],
                            &ids[2], &ids[3]) != 4)
                return false;
        *ret = ids[0];
        return ids[1] == ids[0] && ids[2] == ids[0] && ids[3] == ids[0];
}

static bool has_no_capability(const char *text) {
        static const char name[] = "\nCapPrm:\t";
        const char *line = strstr(text, name);
        uint64_t set;

        return line && sscanf(line + strlen(name), "%" SCNx64, &set) == 1 && set == 0;
}

/* The files of a process that must not be looked at, such as one whose program its user cannot read, are root's. */
bool kernel_own_verify(int proc, int32_t tid, uid_t owner, bool *ret_bound) {
        _cleanup_free_ char *text = NULL;
        struct stat st;
        char path[32];
        uint32_t uid, gid;
        size_t size;

        snprintf(path, sizeof(path), "%" PRId32 "/status", tid);
        if (fstatat(proc, path, &st, 0) < 0 || st.st_uid != owner)
                return false;
        if (tracefs_read(proc, path, &text, &size) < 0)
                return false;
        *ret_bound = strstr(text, "\nNoNewPrivs:\t1\n");
        return has_one(text, "\nUid:\t", &uid) && uid == owner && has_one(text, "\nGid:\t", &gid) &&
               has_no_capability(text);
}
