/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/datagram.h"

union control {
        char buffer[CMSG_SPACE(sizeof(int) * DATAGRAM_FDS_MAX)];
        struct cmsghdr align;
};

int datagram_send(int fd, const void *data, size_t size, const int *fds, size_t n_fds, int flags) {
        struct iovec iov = { .iov_base = (void *) data, .iov_len = size };
        struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
        union control control;

        if (n_fds > DATAGRAM_FDS_MAX)
                return -EMSGSIZE;
        if (n_fds > 0) {
                struct cmsghdr *cmsg;

                memset(&control, 0, sizeof(control));
                msg.msg_control = control.buffer;
                msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
                cmsg = CMSG_FIRSTHDR(&msg);
                cmsg->cmsg_level = SOL_SOCKET;
                cmsg->cmsg_type = SCM_RIGHTS;
                cmsg->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
                memcpy(CMSG_DATA(cmsg), fds, sizeof(int) * n_fds);
        }
        for (;;) {
                ssize_t n = sendmsg(fd, &msg, flags | MSG_NOSIGNAL);

                if (n >= 0)
                        return (size_t) n == size ? 0 : -EMSGSIZE;
                if (errno != EINTR)
                        return -errno;
        }
}

static size_t collect_fds(struct msghdr *msg, int *fds) {
        size_t n_fds = 0;

        for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
                size_t n;

                if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
                        continue;
                n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                memcpy(fds + n_fds, CMSG_DATA(cmsg), n * sizeof(int));
                n_fds += n;
        }
        return n_fds;
}

int datagram_recv(int fd, void *data, size_t size, int *ret_fds, size_t *ret_n_fds, int flags) {
        struct iovec iov = { .iov_base = data, .iov_len = size };
        union control control;
        struct msghdr msg = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = control.buffer,
                .msg_controllen = sizeof(control.buffer),
        };
        int fds[DATAGRAM_FDS_MAX];
        size_t n_fds;
        ssize_t n;

        do
                n = recvmsg(fd, &msg, flags | MSG_CMSG_CLOEXEC);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        n_fds = collect_fds(&msg, fds);
        /* Who is told of an end looks for no descriptors. */
        if (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC) || (n == 0 && n_fds > 0)) {
                datagram_close_fds(fds, n_fds);
                return -EBADMSG;
        }
        memcpy(ret_fds, fds, n_fds * sizeof(int));
        *ret_n_fds = n_fds;
        return (int) n;
}

void datagram_close_fds(int *fds, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (fds[i] >= 0) {
                        close(fds[i]);
                        fds[i] = -1;
                }
}
