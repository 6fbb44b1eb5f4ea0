/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * System calls in place of the C library's functions of the same names, which
 * every program that has the library would look up before main(), whether or not
 * it is ever traced. And what the library calls for itself goes past others that
 * have put themselves in front of these functions, and is no cancellation point.
 * Hidden: seen by the library alone. On x86-64 only, where system calls leave
 * errno alone (sys.h) and take what these functions do; not in the archive for
 * static programs, which look nothing up, nor where a sanitizer is to see the calls.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tracer/sys.h"

static long result(long r) {
        if (r >= 0)
                return r;
        errno = (int) -r;
        return -1;
}

#define CALL(nr, a, b, c, d, e, f) \
        result(sys_call6((nr), (long) (a), (long) (b), (long) (c), (long) (d), (long) (e), (long) (f)))

int close(int fd) {
        return (int) CALL(SYS_close, fd, 0, 0, 0, 0, 0);
}

int close_range(unsigned first, unsigned last, int flags) {
        return (int) CALL(SYS_close_range, first, last, flags, 0, 0, 0);
}

int connect(int fd, const struct sockaddr *address, socklen_t size) {
        return (int) CALL(SYS_connect, fd, address, size, 0, 0, 0);
}

int fchmod(int fd, mode_t mode) {
        return (int) CALL(SYS_fchmod, fd, mode, 0, 0, 0, 0);
}

int fcntl(int fd, int command, ...) {
        va_list ap;
        long argument;

        va_start(ap, command);
        argument = va_arg(ap, long);
        va_end(ap);
        return (int) CALL(SYS_fcntl, fd, command, argument, 0, 0, 0);
}

/* The C library's own reads an empty path for it, from a page of its own. */
int fstat(int fd, struct stat *ret) {
        return (int) CALL(SYS_fstat, fd, ret, 0, 0, 0, 0);
}

gid_t getegid(void) {
        return (gid_t) sys_call6(SYS_getegid, 0, 0, 0, 0, 0, 0);
}

uid_t geteuid(void) {
        return (uid_t) sys_call6(SYS_geteuid, 0, 0, 0, 0, 0, 0);
}

int getresuid(uid_t *real, uid_t *effective, uid_t *saved) {
        return (int) CALL(SYS_getresuid, real, effective, saved, 0, 0, 0);
}

int madvise(void *p, size_t size, int advice) {
        return (int) CALL(SYS_madvise, p, size, advice, 0, 0, 0);
}

int memfd_create(const char *name, unsigned flags) {
        return (int) CALL(SYS_memfd_create, name, flags, 0, 0, 0, 0);
}

void *mmap(void *p, size_t size, int prot, int flags, int fd, off_t offset) {
        return (void *) CALL(SYS_mmap, p, size, prot, flags, fd, offset);
}

int mprotect(void *p, size_t size, int prot) {
        return (int) CALL(SYS_mprotect, p, size, prot, 0, 0, 0);
}

int munmap(void *p, size_t size) {
        return (int) CALL(SYS_munmap, p, size, 0, 0, 0, 0);
}

int nanosleep(const struct timespec *time, struct timespec *ret_left) {
        return (int) CALL(SYS_nanosleep, time, ret_left, 0, 0, 0, 0);
}

int open(const char *path, int flags, ...) {
        va_list ap;
        long mode;

        va_start(ap, flags);
        mode = flags & O_CREAT ? va_arg(ap, int) : 0;
        va_end(ap);
        return (int) CALL(SYS_openat, AT_FDCWD, path, flags, mode, 0, 0);
}

int poll(struct pollfd *fds, nfds_t n, int timeout) {
        return (int) CALL(SYS_poll, fds, n, timeout, 0, 0, 0);
}

int prctl(int option, ...) {
        long a, b, c, d;
        va_list ap;

        va_start(ap, option);
        a = va_arg(ap, long);
        b = va_arg(ap, long);
        c = va_arg(ap, long);
        d = va_arg(ap, long);
        va_end(ap);
        return (int) CALL(SYS_prctl, option, a, b, c, d, 0);
}

ssize_t pread(int fd, void *data, size_t size, off_t offset) {
        return CALL(SYS_pread64, fd, data, size, offset, 0, 0);
}

ssize_t read(int fd, void *data, size_t size) {
        return CALL(SYS_read, fd, data, size, 0, 0, 0);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags) {
        return CALL(SYS_recvmsg, fd, message, flags, 0, 0, 0);
}

int sched_yield(void) {
        return (int) CALL(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
        return CALL(SYS_sendmsg, fd, message, flags, 0, 0, 0);
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t size) {
        return (int) CALL(SYS_setsockopt, fd, level, option, value, size, 0);
}

/* Of the kernel's signals; of the C library's own two, which a set must not have, those who take one think. */
int sigaddset(sigset_t *set, int signal) {
        *(uint64_t *) set |= UINT64_C(1) << (signal - 1);
        return 0;
}

int sigemptyset(sigset_t *set) {
        memset(set, 0, sizeof(*set));
        return 0;
}

int sigfillset(sigset_t *set) {
        memset(set, 0xff, sizeof(*set));
        return 0;
}

int signalfd(int fd, const sigset_t *set, int flags) {
        return (int) CALL(SYS_signalfd4, fd, set, sizeof(uint64_t), flags, 0, 0);
}

int socket(int family, int type, int protocol) {
        return (int) CALL(SYS_socket, family, type, protocol, 0, 0, 0);
}

int stat(const char *path, struct stat *ret) {
        return (int) CALL(SYS_stat, path, ret, 0, 0, 0, 0);
}

ssize_t write(int fd, const void *data, size_t size) {
        return CALL(SYS_write, fd, data, size, 0, 0, 0);
}
