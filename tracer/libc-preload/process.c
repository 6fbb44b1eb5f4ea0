/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * fork, vfork, posix_spawn, waitpid, exit. exit and _exit are recorded before
 * the call, since they do not return; so is vfork, which returns twice on one
 * stack (vfork-x86_64.S).
 */

#include "tracer/libc-preload/call.h"
#include "tracer/libc-preload/real.h"

static CALL_RECORDER void record_fork(uint64_t begin, pid_t ret) {
        int saved = errno, error = ret < 0 ? saved : 0;

        tracectl_trace(libc, fork, tp_i32(ret, ret), tp_i32(error, error), tp_u64(duration, call_duration(begin)));
        errno = saved;
}

static CALL_RECORDER void record_spawn(uint64_t begin, const char *path, const pid_t *pid, int error) {
        int saved = errno;

        tracectl_trace(libc, posix_spawn, tp_str(path, call_path(path, error)),
                       tp_i32(pid, pid && error == 0 ? *pid : -1), tp_i32(error, error),
                       tp_u64(duration, call_duration(begin)));
        errno = saved;
}

static CALL_RECORDER void record_wait(uint64_t begin, pid_t pid, int options, const int *status, pid_t ret) {
        int saved = errno, error = ret < 0 ? saved : 0;

        tracectl_trace(libc, waitpid, tp_i32(pid, pid), tp_hex64(options, (unsigned) options), tp_i32(ret, ret),
                       tp_hex64(status, status && ret > 0 ? (unsigned) *status : 0), tp_i32(error, error),
                       tp_u64(duration, call_duration(begin)));
        errno = saved;
}

static uint64_t begin_spawn(void) {
        return CALL_BEGIN(posix_spawn);
}

static uint64_t begin_wait(void) {
        return CALL_BEGIN(waitpid);
}

EXPORT pid_t fork(void) {
        uint64_t begin = CALL_BEGIN(fork);
        pid_t ret = real()->fork();

        if (begin)
                record_fork(begin, ret);
        return ret;
}

#if defined(__x86_64__)
/* Called by vfork(), before it. */
void record_vfork(void);

void record_vfork(void) {
        tracectl_trace(libc, vfork);
}
#endif

EXPORT int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                       const posix_spawnattr_t *attributes, char *const argv[], char *const envp[]) {
        uint64_t begin = begin_spawn();
        int error = real()->posix_spawn(pid, path, actions, attributes, argv, envp);

        if (begin)
                record_spawn(begin, path, pid, error);
        return error;
}

EXPORT int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
                        const posix_spawnattr_t *attributes, char *const argv[], char *const envp[]) {
        uint64_t begin = begin_spawn();
        int error = real()->posix_spawnp(pid, file, actions, attributes, argv, envp);

        if (begin)
                record_spawn(begin, file, pid, error);
        return error;
}

EXPORT pid_t wait(int *status) {
        uint64_t begin = begin_wait();
        pid_t ret = real()->wait(status);

        if (begin)
                record_wait(begin, -1, 0, status, ret);
        return ret;
}

EXPORT pid_t wait3(int *status, int options, struct rusage *usage) {
        uint64_t begin = begin_wait();
        pid_t ret = real()->wait3(status, options, usage);

        if (begin)
                record_wait(begin, -1, options, status, ret);
        return ret;
}

EXPORT pid_t wait4(pid_t pid, int *status, int options, struct rusage *usage) {
        uint64_t begin = begin_wait();
        pid_t ret = real()->wait4(pid, status, options, usage);

        if (begin)
                record_wait(begin, pid, options, status, ret);
        return ret;
}

EXPORT pid_t waitpid(pid_t pid, int *status, int options) {
        uint64_t begin = begin_wait();
        pid_t ret = real()->waitpid(pid, status, options);

        if (begin)
                record_wait(begin, pid, options, status, ret);
        return ret;
}

EXPORT void exit(int status) {
        tracectl_trace(libc, exit, tp_i32(status, status));
        real()->exit(status);
        __builtin_unreachable();
}

EXPORT void _exit(int status) {
        tracectl_trace(libc, _exit, tp_i32(status, status));
        real()->_exit(status);
        __builtin_unreachable();
}

EXPORT void _Exit(int status) {
        tracectl_trace(libc, _exit, tp_i32(status, status));
        real()->_Exit(status);
        __builtin_unreachable();
}
