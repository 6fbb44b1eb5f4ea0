/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <sys/auxv.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "tracer/credentials.h"

bool credentials_include(uid_t uid) {
        uid_t real, effective, saved;

        /* It fails for bad addresses alone. */
        (void) getresuid(&real, &effective, &saved);
        return real == uid || effective == uid || saved == uid;
}

bool credentials_hide(void) {
        if (prctl(PR_GET_DUMPABLE) == 1)
                return false;
        /* The kernel does the same to each process that gives up what it was started as: a server is no secret by that. */
        return geteuid() == getauxval(AT_EUID) && getegid() == getauxval(AT_EGID);
}
