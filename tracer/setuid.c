/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The functions that change a process's uids, in front of the C library's: after
 * a change they wait until the helper threads have registered again
 * (credentials.h). Not in the archive for static programs, where there is
 * nothing behind them to look up; there the helpers follow a moment later.
 */

#include <dlfcn.h>
#include <errno.h>
#include <unistd.h>

#include "tracer/helper.h"

#define EXPORT __attribute__((visibility("default")))

/* A function the first call of which finds the next definition after ours. Two threads find the same. */
#define REAL(name)                                                                                             \
        ({                                                                                                     \
                static __typeof__(name) *real_;                                                                \
                __typeof__(name) *found_ = __atomic_load_n(&real_, __ATOMIC_RELAXED);                          \
                                                                                                               \
                if (!found_) {                                                                                 \
                        found_ = (__typeof__(name) *) dlsym(RTLD_NEXT, #name);                                 \
                        __atomic_store_n(&real_, found_, __ATOMIC_RELAXED);                                    \
                }                                                                                              \
                found_;                                                                                        \
        })

static int changed(int r) {
        int saved = errno;

        if (r == 0)
                helper_credentials_changed();
        errno = saved;
        return r;
}

EXPORT int setuid(uid_t uid) {
        return changed(REAL(setuid)(uid));
}

EXPORT int seteuid(uid_t uid) {
        return changed(REAL(seteuid)(uid));
}

EXPORT int setreuid(uid_t real, uid_t effective) {
        return changed(REAL(setreuid)(real, effective));
}

EXPORT int setresuid(uid_t real, uid_t effective, uid_t saved) {
        return changed(REAL(setresuid)(real, effective, saved));
}
