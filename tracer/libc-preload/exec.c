/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * execve and its kin. They do not return, so libc:execve is recorded before the
 * call, and libc:execve_failed where one returns after all.
 */

#include <stdarg.h>

#include "tracer/libc-preload/call.h"
#include "tracer/libc-preload/real.h"

static CALL_RECORDER void record_path(const char *path) {
        int saved = errno;

        tracectl_trace(libc, execve, tp_str(path, call_path_before(path)));
        errno = saved;
}

static CALL_RECORDER void record_failure(const char *path, int error) {
        tracectl_trace(libc, execve_failed, tp_str(path, call_path(path, error)), tp_i32(error, error));
        errno = error;
}

static void before(const char *path) {
        if (tracectl_trace_enabled(libc, execve))
                record_path(path);
}

static int after(const char *path, int ret) {
        if (tracectl_trace_enabled(libc, execve_failed))
                record_failure(path, errno);
        return ret;
}

EXPORT int execve(const char *path, char *const argv[], char *const envp[]) {
        before(path);
        return after(path, real()->execve(path, argv, envp));
}

EXPORT int execv(const char *path, char *const argv[]) {
        before(path);
        return after(path, real()->execv(path, argv));
}

EXPORT int execvp(const char *file, char *const argv[]) {
        before(file);
        return after(file, real()->execvp(file, argv));
}

EXPORT int execvpe(const char *file, char *const argv[], char *const envp[]) {
        before(file);
        return after(file, real()->execvpe(file, argv, envp));
}

EXPORT int fexecve(int fd, char *const argv[], char *const envp[]) {
        before("(file descriptor)");
        return after("(file descriptor)", real()->fexecve(fd, argv, envp));
}

/* The arguments up to NULL, in the caller's memory: nothing else is safe in a child of vfork(). */
static size_t count_arguments(const char *first, va_list arguments) {
        size_t n = 1;

        for (const char *p = first; p; p = va_arg(arguments, const char *))
                n++;
        return n;
}

static void copy_arguments(char **argv, const char *first, va_list *arguments) {
        *argv = (char *) first;
        while (*argv)
                *++argv = va_arg(*arguments, char *);
}

/* A variadic call cannot be passed on: so its list becomes an array, as in the C library. */
EXPORT int execl(const char *path, const char *argument, ...) {
        va_list arguments;
        char **argv;

        va_start(arguments, argument);
        argv = __builtin_alloca(count_arguments(argument, arguments) * sizeof(char *));
        va_end(arguments);
        va_start(arguments, argument);
        copy_arguments(argv, argument, &arguments);
        va_end(arguments);
        before(path);
        return after(path, real()->execv(path, argv));
}

EXPORT int execlp(const char *file, const char *argument, ...) {
        va_list arguments;
        char **argv;

        va_start(arguments, argument);
        argv = __builtin_alloca(count_arguments(argument, arguments) * sizeof(char *));
        va_end(arguments);
        va_start(arguments, argument);
        copy_arguments(argv, argument, &arguments);
        va_end(arguments);
        before(file);
        return after(file, real()->execvp(file, argv));
}

EXPORT int execle(const char *path, const char *argument, ...) {
        va_list arguments;
        char *const *envp;
        char **argv;

        va_start(arguments, argument);
        argv = __builtin_alloca(count_arguments(argument, arguments) * sizeof(char *));
        va_end(arguments);
        va_start(arguments, argument);
        copy_arguments(argv, argument, &arguments);
        envp = va_arg(arguments, char *const *);
        va_end(arguments);
        before(path);
        return after(path, real()->execve(path, argv, envp));
}
