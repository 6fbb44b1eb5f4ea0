/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the kernel refuses to a process that has threads, in front of the C
 * library's functions: a new user namespace, or another one to enter, and
 * another mount namespace. The helper threads would make it refuse a program
 * that has no thread of its own. So they end before and begin again after; what
 * is on goes on meanwhile. A program that makes the raw system call is refused
 * while it can be traced.
 *
 * After unshare(CLONE_NEWPID) no process may have another thread: there the
 * helpers stay away, and nothing is recorded but by the children.
 */

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>

#include "tracer/helper.h"
#include "tracer/sys.h"
#include "tracer/thread.h"

#define EXPORT __attribute__((visibility("default")))

/* Both need the caller to be alone, or to share nothing that threads share. */
#define UNSHARE_ALONE (CLONE_NEWUSER | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM)
#define SETNS_ALONE (CLONE_NEWUSER | CLONE_NEWNS)

static int call_alone(long nr, long first, long second, bool alone) {
        int saved = errno;
        struct helper_pause pause;
        long r;

        alone = alone && helper_pause(&pause);
        r = sys_call6(nr, first, second, 0, 0, 0, 0);
        /* It may be another user's process now, as other processes see it. */
        if (alone)
                helper_continue(&pause, r >= 0);
        errno = r < 0 ? (int) -r : saved;
        return r < 0 ? -1 : 0;
}

EXPORT int unshare(int flags) {
        return call_alone(SYS_unshare, flags, 0, flags & UNSHARE_ALONE);
}

/* type 0: whatever the descriptor is. */
EXPORT int setns(int fd, int type) {
        return call_alone(SYS_setns, fd, type, type == 0 || (type & SETNS_ALONE));
}

/* The C library's own name for it. */
extern int __clone(int (*func)(void *), void *stack, int flags, void *argument, ...);

/*
 * A process that shares our memory without being a thread: it has the calling
 * thread's memory too, where the kernel's word on restartable sequences is no
 * longer true. So that thread traces no more, until the child has gone its way
 * where we are told (CLONE_VFORK), or ever.
 */
EXPORT int clone(int (*func)(void *), void *stack, int flags, void *argument, ...) {
        bool shares = (flags & CLONE_VM) && !(flags & CLONE_SETTLS);
        pid_t *parent, *child;
        va_list ap;
        void *tls;
        int r;

        va_start(ap, argument);
        parent = va_arg(ap, pid_t *);
        tls = va_arg(ap, void *);
        child = va_arg(ap, pid_t *);
        va_end(ap);
        if (shares)
                thread_off();
        r = __clone(func, stack, flags, argument, parent, tls, child);
        if (shares && (r < 0 || (flags & CLONE_VFORK)))
                thread_on();
        return r;
}
