/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * System calls that leave errno alone and are no cancellation points, so that
 * tracepoints and the helper thread can make them in any program's context.
 * They return -errno.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <linux/time_types.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#if defined(__x86_64__)
static inline long sys_call6(long nr, long a, long b, long c, long d, long e, long f) {
        register long r10 __asm__("r10") = d;
        register long r8 __asm__("r8") = e;
        register long r9 __asm__("r9") = f;
        long r;

        __asm__ volatile("syscall"
                         : "=a"(r)
                         : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                         : "rcx", "r11", "memory");
        return r;
}
#else
static inline long sys_call6(long nr, long a, long b, long c, long d, long e, long f) {
        int saved = errno;
        long r = syscall(nr, a, b, c, d, e, f);

        if (r < 0)
                r = -errno;
        errno = saved;
        return r;
}
#endif

static inline int sys_gettid(void) {
        return (int) sys_call6(SYS_gettid, 0, 0, 0, 0, 0, 0);
}

static inline int sys_getpid(void) {
        return (int) sys_call6(SYS_getpid, 0, 0, 0, 0, 0, 0);
}

static inline long sys_readlink(const char *path, char *ret, size_t size) {
        return sys_call6(SYS_readlinkat, AT_FDCWD, (long) path, (long) ret, (long) size, 0, 0);
}

static inline int sys_tgkill(int pid, int tid, int signal) {
        return (int) sys_call6(SYS_tgkill, pid, tid, signal, 0, 0, 0);
}

/* timeout is relative and may be NULL. word may be shared with other processes. */
static inline int sys_futex_wait(const uint32_t *word, uint32_t value, const struct timespec *timeout) {
        return (int) sys_call6(SYS_futex, (long) word, FUTEX_WAIT, value, (long) timeout, 0, 0);
}

static inline int sys_futex_wake(const uint32_t *word, int n) {
        return (int) sys_call6(SYS_futex, (long) word, FUTEX_WAKE, n, 0, 0, 0);
}

/* until is a time of CLOCK_MONOTONIC. */
static inline int sys_futex_waitv(const struct futex_waitv *waiters, unsigned n, const struct timespec *until) {
        /* Of 64 bits for 32-bit programs, too. */
        const struct __kernel_timespec time = { .tv_sec = until->tv_sec, .tv_nsec = until->tv_nsec };

        return (int) sys_call6(SYS_futex_waitv, (long) waiters, n, 0, (long) &time, CLOCK_MONOTONIC, 0);
}

/* The signals that are blocked: all, also those that the C library keeps for itself. before may be NULL. */
static inline int sys_sigmask(const uint64_t *mask, uint64_t *before) {
        return (int) sys_call6(SYS_rt_sigprocmask, SIG_SETMASK, (long) mask, (long) before, sizeof(*mask), 0, 0);
}

/* Without a timeout; with the signals of mask blocked, as sys_sigmask() has them. -EINTR leaves fds as they were. */
static inline int sys_ppoll(struct pollfd *fds, unsigned n, const uint64_t *mask) {
        return (int) sys_call6(SYS_ppoll, (long) fds, n, 0, (long) mask, sizeof(*mask), 0);
}

static inline int sys_membarrier(int command) {
        return (int) sys_call6(SYS_membarrier, command, 0, 0, 0, 0, 0);
}
