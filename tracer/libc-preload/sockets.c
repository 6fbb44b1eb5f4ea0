/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * connect, accept, send, recv and their kin, with addresses as text. What is
 * sent and received is the program's own business: only how much is recorded.
 */

#include <string.h>

#include "tracer/libc-preload/address.h"
#include "tracer/libc-preload/call.h"
#include "tracer/libc-preload/real.h"

/* An address that the program gave. */
static void format_argument(const void *address, size_t length, int error, char *text) {
        if (call_was_read(error))
                address_format(address, length, text);
        else
                memcpy(text, CALL_UNREADABLE, sizeof(CALL_UNREADABLE));
}

static CALL_RECORDER void record_connect(uint64_t begin, int fd, const void *address, socklen_t length, int ret) {
        int saved = errno, error = ret < 0 ? saved : 0;
        char text[ADDRESS_TEXT_MAX];

        format_argument(address, length, error, text);
        tracectl_trace(libc, connect, tp_i32(fd, fd), tp_str(address, text), tp_i32(ret, ret), tp_i32(error, error),
                       tp_u64(duration, call_duration(begin)));
        errno = saved;
}

/* What the kernel wrote to a program's address: room is what there was, *length what it would have taken. */
static void format_result(const void *address, size_t room, const socklen_t *length, bool valid, char *text) {
        size_t size = valid && address && length ? *length : 0;

        address_format(address, size < room ? size : room, text);
}

static CALL_RECORDER void record_accept(uint64_t begin, int fd, const void *address, size_t room,
                                        const socklen_t *length, int ret) {
        int saved = errno, error = ret < 0 ? saved : 0;
        char text[ADDRESS_TEXT_MAX];

        format_result(address, room, length, ret >= 0, text);
        tracectl_trace(libc, accept, tp_i32(fd, fd), tp_str(address, text), tp_i32(ret, ret), tp_i32(error, error),
                       tp_u64(duration, call_duration(begin)));
        errno = saved;
}

static CALL_RECORDER void record_send(uint64_t begin, int fd, size_t size, int flags, ssize_t ret) {
        int saved = errno, error = ret < 0 ? saved : 0;

        tracectl_trace(libc, send, tp_i32(fd, fd), tp_u64(size, size), tp_hex64(flags, (unsigned) flags),
                       tp_i64(ret, ret), tp_i32(error, error), tp_u64(duration, call_duration(begin)));
        errno = saved;
}

static CALL_RECORDER void record_sendto(uint64_t begin, int fd, size_t size, int flags, const void *address,
                                        socklen_t length, ssize_t ret) {
        int saved = errno, error = ret < 0 ? saved : 0;
        char text[ADDRESS_TEXT_MAX];

        format_argument(address, length, error, text);
        tracectl_trace(libc, sendto, tp_i32(fd, fd), tp_u64(size, size), tp_hex64(flags, (unsigned) flags),
                       tp_str(address, text), tp_i64(ret, ret), tp_i32(error, error),
                       tp_u64(duration, call_duration(begin)));
        errno = saved;
}

static CALL_RECORDER void record_sendmsg(uint64_t begin, int fd, int flags, ssize_t ret) {
        int saved = errno, error = ret < 0 ? saved : 0;

        tracectl_trace(libc, sendmsg, tp_i32(fd, fd), tp_hex64(flags, (unsigned) flags), tp_i64(ret, ret),
                       tp_i32(error, error), tp_u64(duration, call_duration(begin)));
        errno = saved;
}

static CALL_RECORDER void record_recv(uint64_t begin, int fd, size_t size, int flags, ssize_t ret) {
        int saved = errno, error = ret < 0 ? saved : 0;

        tracectl_trace(libc, recv, tp_i32(fd, fd), tp_u64(size, size), tp_hex64(flags, (unsigned) flags),
                       tp_i64(ret, ret), tp_i32(error, error), tp_u64(duration, call_duration(begin)));
        errno = saved;
}

static CALL_RECORDER void record_recvfrom(uint64_t begin, int fd, size_t size, int flags, const void *address,
                                          size_t room, const socklen_t *length, ssize_t ret) {
        int saved = errno, error = ret < 0 ? saved : 0;
        char text[ADDRESS_TEXT_MAX];

        format_result(address, room, length, ret >= 0, text);
        tracectl_trace(libc, recvfrom, tp_i32(fd, fd), tp_u64(size, size), tp_hex64(flags, (unsigned) flags),
                       tp_str(address, text), tp_i64(ret, ret), tp_i32(error, error),
                       tp_u64(duration, call_duration(begin)));
        errno = saved;
}

static CALL_RECORDER void record_recvmsg(uint64_t begin, int fd, int flags, ssize_t ret) {
        int saved = errno, error = ret < 0 ? saved : 0;

        tracectl_trace(libc, recvmsg, tp_i32(fd, fd), tp_hex64(flags, (unsigned) flags), tp_i64(ret, ret),
                       tp_i32(error, error), tp_u64(duration, call_duration(begin)));
        errno = saved;
}

static uint64_t begin_accept(void) {
        return CALL_BEGIN(accept);
}

static uint64_t begin_recv(void) {
        return CALL_BEGIN(recv);
}

static uint64_t begin_recvfrom(void) {
        return CALL_BEGIN(recvfrom);
}

/* How large the program's address is, which the kernel overwrites. */
static size_t room_of(uint64_t begin, const void *address, const socklen_t *length) {
        return begin && address && length ? *length : 0;
}

EXPORT int connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t length) {
        uint64_t begin = CALL_BEGIN(connect);
        int ret = real()->connect(fd, address, length);

        if (begin)
                record_connect(begin, fd, address.__sockaddr__, length, ret);
        return ret;
}

EXPORT int accept(int fd, __SOCKADDR_ARG address, socklen_t *length) {
        uint64_t begin = begin_accept();
        size_t room = room_of(begin, address.__sockaddr__, length);
        int ret = real()->accept(fd, address, length);

        if (begin)
                record_accept(begin, fd, address.__sockaddr__, room, length, ret);
        return ret;
}

EXPORT int accept4(int fd, __SOCKADDR_ARG address, socklen_t *length, int flags) {
        uint64_t begin = begin_accept();
        size_t room = room_of(begin, address.__sockaddr__, length);
        int ret = real()->accept4(fd, address, length, flags);

        if (begin)
                record_accept(begin, fd, address.__sockaddr__, room, length, ret);
        return ret;
}

EXPORT ssize_t send(int fd, const void *data, size_t size, int flags) {
        uint64_t begin = CALL_BEGIN(send);
        ssize_t ret = real()->send(fd, data, size, flags);

        if (begin)
                record_send(begin, fd, size, flags, ret);
        return ret;
}

EXPORT ssize_t sendto(int fd, const void *data, size_t size, int flags, __CONST_SOCKADDR_ARG address,
                      socklen_t length) {
        uint64_t begin = CALL_BEGIN(sendto);
        ssize_t ret = real()->sendto(fd, data, size, flags, address, length);

        if (begin)
                record_sendto(begin, fd, size, flags, address.__sockaddr__, length, ret);
        return ret;
}

EXPORT ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
        uint64_t begin = CALL_BEGIN(sendmsg);
        ssize_t ret = real()->sendmsg(fd, message, flags);

        if (begin)
                record_sendmsg(begin, fd, flags, ret);
        return ret;
}

EXPORT ssize_t recv(int fd, void *data, size_t size, int flags) {
        uint64_t begin = begin_recv();
        ssize_t ret = real()->recv(fd, data, size, flags);

        if (begin)
                record_recv(begin, fd, size, flags, ret);
        return ret;
}

EXPORT ssize_t __recv_chk(int fd, void *data, size_t size, size_t room, int flags) {
        uint64_t begin = begin_recv();
        ssize_t ret = real()->__recv_chk(fd, data, size, room, flags);

        if (begin)
                record_recv(begin, fd, size, flags, ret);
        return ret;
}

EXPORT ssize_t recvfrom(int fd, void *data, size_t size, int flags, __SOCKADDR_ARG address, socklen_t *length) {
        uint64_t begin = begin_recvfrom();
        size_t room = room_of(begin, address.__sockaddr__, length);
        ssize_t ret = real()->recvfrom(fd, data, size, flags, address, length);

        if (begin)
                record_recvfrom(begin, fd, size, flags, address.__sockaddr__, room, length, ret);
        return ret;
}

EXPORT ssize_t __recvfrom_chk(int fd, void *data, size_t size, size_t data_room, int flags, __SOCKADDR_ARG address,
                              socklen_t *length) {
        uint64_t begin = begin_recvfrom();
        size_t room = room_of(begin, address.__sockaddr__, length);
        ssize_t ret = real()->__recvfrom_chk(fd, data, size, data_room, flags, address, length);

        if (begin)
                record_recvfrom(begin, fd, size, flags, address.__sockaddr__, room, length, ret);
        return ret;
}

EXPORT ssize_t recvmsg(int fd, struct msghdr *message, int flags) {
        uint64_t begin = CALL_BEGIN(recvmsg);
        ssize_t ret = real()->recvmsg(fd, message, flags);

        if (begin)
                record_recvmsg(begin, fd, flags, ret);
        return ret;
}
