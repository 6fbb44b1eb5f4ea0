/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * read, write and their kin. What is read and written is the program's own
 * business: only how much is recorded.
 */

#include "tracer/libc-preload/call.h"
#include "tracer/libc-preload/real.h"

static CALL_RECORDER void record_read(uint64_t begin, int fd, size_t size, ssize_t ret) {
        int saved = errno, error = ret < 0 ? saved : 0;

        tracectl_trace(libc, read, tp_i32(fd, fd), tp_u64(size, size), tp_i64(ret, ret), tp_i32(error, error),
                       tp_u64(duration, call_duration(begin)));
        errno = saved;
}

static CALL_RECORDER void record_write(uint64_t begin, int fd, size_t size, ssize_t ret) {
        int saved = errno, error = ret < 0 ? saved : 0;

        tracectl_trace(libc, write, tp_i32(fd, fd), tp_u64(size, size), tp_i64(ret, ret), tp_i32(error, error),
                       tp_u64(duration, call_duration(begin)));
        errno = saved;
}

static CALL_RECORDER void record_readv(uint64_t begin, int fd, int count, ssize_t ret) {
        int saved = errno, error = ret < 0 ? saved : 0;

        tracectl_trace(libc, readv, tp_i32(fd, fd), tp_i32(count, count), tp_i64(ret, ret), tp_i32(error, error),
                       tp_u64(duration, call_duration(begin)));
        errno = saved;
}

static CALL_RECORDER void record_writev(uint64_t begin, int fd, int count, ssize_t ret) {
        int saved = errno, error = ret < 0 ? saved : 0;

        tracectl_trace(libc, writev, tp_i32(fd, fd), tp_i32(count, count), tp_i64(ret, ret), tp_i32(error, error),
                       tp_u64(duration, call_duration(begin)));
        errno = saved;
}

static CALL_RECORDER void record_pread(uint64_t begin, int fd, size_t size, off64_t offset, ssize_t ret) {
        int saved = errno, error = ret < 0 ? saved : 0;

        tracectl_trace(libc, pread, tp_i32(fd, fd), tp_u64(size, size), tp_i64(offset, offset), tp_i64(ret, ret),
                       tp_i32(error, error), tp_u64(duration, call_duration(begin)));
        errno = saved;
}

static CALL_RECORDER void record_pwrite(uint64_t begin, int fd, size_t size, off64_t offset, ssize_t ret) {
        int saved = errno, error = ret < 0 ? saved : 0;

        tracectl_trace(libc, pwrite, tp_i32(fd, fd), tp_u64(size, size), tp_i64(offset, offset), tp_i64(ret, ret),
                       tp_i32(error, error), tp_u64(duration, call_duration(begin)));
        errno = saved;
}

static uint64_t begin_pread(void) {
        return CALL_BEGIN(pread);
}

static uint64_t begin_pwrite(void) {
        return CALL_BEGIN(pwrite);
}

EXPORT ssize_t read(int fd, void *data, size_t size) {
        uint64_t begin = CALL_BEGIN(read);
        ssize_t ret = real()->read(fd, data, size);

        if (begin)
                record_read(begin, fd, size, ret);
        return ret;
}

EXPORT ssize_t __read_chk(int fd, void *data, size_t size, size_t room) {
        uint64_t begin = CALL_BEGIN(read);
        ssize_t ret = real()->__read_chk(fd, data, size, room);

        if (begin)
                record_read(begin, fd, size, ret);
        return ret;
}

EXPORT ssize_t write(int fd, const void *data, size_t size) {
        uint64_t begin = CALL_BEGIN(write);
        ssize_t ret = real()->write(fd, data, size);

        if (begin)
                record_write(begin, fd, size, ret);
        return ret;
}

EXPORT ssize_t readv(int fd, const struct iovec *iov, int count) {
        uint64_t begin = CALL_BEGIN(readv);
        ssize_t ret = real()->readv(fd, iov, count);

        if (begin)
                record_readv(begin, fd, count, ret);
        return ret;
}

EXPORT ssize_t writev(int fd, const struct iovec *iov, int count) {
        uint64_t begin = CALL_BEGIN(writev);
        ssize_t ret = real()->writev(fd, iov, count);

        if (begin)
                record_writev(begin, fd, count, ret);
        return ret;
}

EXPORT ssize_t pread(int fd, void *data, size_t size, off_t offset) {
        uint64_t begin = begin_pread();
        ssize_t ret = real()->pread(fd, data, size, offset);

        if (begin)
                record_pread(begin, fd, size, offset, ret);
        return ret;
}

EXPORT ssize_t pread64(int fd, void *data, size_t size, off64_t offset) {
        uint64_t begin = begin_pread();
        ssize_t ret = real()->pread64(fd, data, size, offset);

        if (begin)
                record_pread(begin, fd, size, offset, ret);
        return ret;
}

EXPORT ssize_t __pread_chk(int fd, void *data, size_t size, off_t offset, size_t room) {
        uint64_t begin = begin_pread();
        ssize_t ret = real()->__pread_chk(fd, data, size, offset, room);

        if (begin)
                record_pread(begin, fd, size, offset, ret);
        return ret;
}

EXPORT ssize_t __pread64_chk(int fd, void *data, size_t size, off64_t offset, size_t room) {
        uint64_t begin = begin_pread();
        ssize_t ret = real()->__pread64_chk(fd, data, size, offset, room);

        if (begin)
                record_pread(begin, fd, size, offset, ret);
        return ret;
}

EXPORT ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
        uint64_t begin = begin_pwrite();
        ssize_t ret = real()->pwrite(fd, data, size, offset);

        if (begin)
                record_pwrite(begin, fd, size, offset, ret);
        return ret;
}

EXPORT ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) {
        uint64_t begin = begin_pwrite();
        ssize_t ret = real()->pwrite64(fd, data, size, offset);

        if (begin)
                record_pwrite(begin, fd, size, offset, ret);
        return ret;
}
