/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * open, openat, close, fopen, fclose. fopen() and fclose() are here since the
 * open() and close() in them are the C library's own business, which no wrapper
 * sees.
 */

#include <stdarg.h>

#include "tracer/libc-preload/call.h"
#include "tracer/libc-preload/real.h"

static CALL_RECORDER void record_open(uint64_t begin, const char *path, int flags, mode_t mode, int fd) {
        int saved = errno, error = fd < 0 ? saved : 0;

        tracectl_trace(libc, open, tp_str(path, call_path(path, error)), tp_hex64(flags, (unsigned) flags),
                       tp_u32(mode, mode), tp_i32(ret, fd), tp_i32(error, error),
                       tp_u64(duration, call_duration(begin)));
        errno = saved;
}

static CALL_RECORDER void record_openat(uint64_t begin, int dirfd, const char *path, int flags, mode_t mode, int fd) {
        int saved = errno, error = fd < 0 ? saved : 0;

        tracectl_trace(libc, openat, tp_i32(dirfd, dirfd), tp_str(path, call_path(path, error)),
                       tp_hex64(flags, (unsigned) flags), tp_u32(mode, mode), tp_i32(ret, fd),
                       tp_i32(error, error), tp_u64(duration, call_duration(begin)));
        errno = saved;
}

static CALL_RECORDER void record_close(uint64_t begin, int fd, int ret) {
        int saved = errno, error = ret < 0 ? saved : 0;

        tracectl_trace(libc, close, tp_i32(fd, fd), tp_i32(ret, ret), tp_i32(error, error),
                       tp_u64(duration, call_duration(begin)));
        errno = saved;
}

static CALL_RECORDER void record_fopen(uint64_t begin, const char *path, const char *mode, FILE *stream) {
        int saved = errno, error = stream ? 0 : saved;

        tracectl_trace(libc, fopen, tp_str(path, call_path(path, error)), tp_str(mode, mode),
                       tp_hex64(ret, call_pointer(stream)), tp_i32(error, error),
                       tp_u64(duration, call_duration(begin)));
        errno = saved;
}

static CALL_RECORDER void record_fclose(uint64_t begin, uint64_t stream, int ret) {
        int saved = errno, error = ret == 0 ? 0 : saved;

        tracectl_trace(libc, fclose, tp_hex64(stream, stream), tp_i32(ret, ret), tp_i32(error, error),
                       tp_u64(duration, call_duration(begin)));
        errno = saved;
}

static uint64_t begin_open(void) {
        return CALL_BEGIN(open);
}

static uint64_t begin_openat(void) {
        return CALL_BEGIN(openat);
}

static uint64_t begin_fopen(void) {
        return CALL_BEGIN(fopen);
}

/* Only then is there a further argument. */
static bool has_mode(int flags) {
        return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
}

EXPORT int open(const char *path, int flags, ...) {
        uint64_t begin = begin_open();
        mode_t mode;
        va_list ap;
        int fd;

        va_start(ap, flags);
        mode = has_mode(flags) ? va_arg(ap, mode_t) : 0;
        va_end(ap);
        fd = real()->open(path, flags, mode);
        if (begin)
                record_open(begin, path, flags, mode, fd);
        return fd;
}

EXPORT int open64(const char *path, int flags, ...) {
        uint64_t begin = begin_open();
        mode_t mode;
        va_list ap;
        int fd;

        va_start(ap, flags);
        mode = has_mode(flags) ? va_arg(ap, mode_t) : 0;
        va_end(ap);
        fd = real()->open64(path, flags, mode);
        if (begin)
                record_open(begin, path, flags, mode, fd);
        return fd;
}

EXPORT int openat(int dirfd, const char *path, int flags, ...) {
        uint64_t begin = begin_openat();
        mode_t mode;
        va_list ap;
        int fd;

        va_start(ap, flags);
        mode = has_mode(flags) ? va_arg(ap, mode_t) : 0;
        va_end(ap);
        fd = real()->openat(dirfd, path, flags, mode);
        if (begin)
                record_openat(begin, dirfd, path, flags, mode, fd);
        return fd;
}

EXPORT int openat64(int dirfd, const char *path, int flags, ...) {
        uint64_t begin = begin_openat();
        mode_t mode;
        va_list ap;
        int fd;

        va_start(ap, flags);
        mode = has_mode(flags) ? va_arg(ap, mode_t) : 0;
        va_end(ap);
        fd = real()->openat64(dirfd, path, flags, mode);
        if (begin)
                record_openat(begin, dirfd, path, flags, mode, fd);
        return fd;
}

EXPORT int __open_2(const char *path, int flags) {
        uint64_t begin = begin_open();
        int fd = real()->__open_2(path, flags);

        if (begin)
                record_open(begin, path, flags, 0, fd);
        return fd;
}

EXPORT int __open64_2(const char *path, int flags) {
        uint64_t begin = begin_open();
        int fd = real()->__open64_2(path, flags);

        if (begin)
                record_open(begin, path, flags, 0, fd);
        return fd;
}

EXPORT int __openat_2(int dirfd, const char *path, int flags) {
        uint64_t begin = begin_openat();
        int fd = real()->__openat_2(dirfd, path, flags);

        if (begin)
                record_openat(begin, dirfd, path, flags, 0, fd);
        return fd;
}

EXPORT int __openat64_2(int dirfd, const char *path, int flags) {
        uint64_t begin = begin_openat();
        int fd = real()->__openat64_2(dirfd, path, flags);

        if (begin)
                record_openat(begin, dirfd, path, flags, 0, fd);
        return fd;
}

EXPORT int creat(const char *path, mode_t mode) {
        uint64_t begin = begin_open();
        int fd = real()->creat(path, mode);

        if (begin)
                record_open(begin, path, O_CREAT | O_WRONLY | O_TRUNC, mode, fd);
        return fd;
}

EXPORT int creat64(const char *path, mode_t mode) {
        uint64_t begin = begin_open();
        int fd = real()->creat64(path, mode);

        if (begin)
                record_open(begin, path, O_CREAT | O_WRONLY | O_TRUNC, mode, fd);
        return fd;
}

EXPORT int close(int fd) {
        uint64_t begin = CALL_BEGIN(close);
        int ret = real()->close(fd);

        if (begin)
                record_close(begin, fd, ret);
        return ret;
}

EXPORT FILE *fopen(const char *path, const char *mode) {
        uint64_t begin = begin_fopen();
        FILE *stream = real()->fopen(path, mode);

        if (begin)
                record_fopen(begin, path, mode, stream);
        return stream;
}

EXPORT FILE *fopen64(const char *path, const char *mode) {
        uint64_t begin = begin_fopen();
        FILE *stream = real()->fopen64(path, mode);

        if (begin)
                record_fopen(begin, path, mode, stream);
        return stream;
}

EXPORT int fclose(FILE *stream) {
        uint64_t begin = CALL_BEGIN(fclose), pointer = call_pointer(stream);
        int ret = real()->fclose(stream);

        if (begin)
                record_fclose(begin, pointer, ret);
        return ret;
}
