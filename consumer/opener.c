/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/datagram.h"
#include "common/parse.h"
#include "consumer/opener.h"
#include "protocol/ring.h"

/* name_is_valid() bounds the length and leaves nothing that could be a path. */
static bool name_ends(const char name[CONSUMER_NAME_MAX]) {
        return memchr(name, '\0', CONSUMER_NAME_MAX) != NULL;
}

static bool request_is_valid(const struct request *q) {
        if (!name_ends(q->set) || !name_ends(q->channel) || !name_ends(q->snapshot))
                return false;
        if (!name_is_valid(q->set) || (q->snapshot[0] && !name_is_valid(q->snapshot)))
                return false;
        switch (q->kind) {
        case REQUEST_METADATA:
                return !q->channel[0] && q->cpu == 0;
        case REQUEST_STREAM:
        case REQUEST_INDEX:
                return name_is_valid(q->channel) && q->cpu < RING_CPUS_MAX;
        default:
                return false;
        }
}

/* Replaces *directory, which it closes, by a directory in it, made where it is missing. */
static int descend(int *directory, const char *name) {
        int fd;

        if (mkdirat(*directory, name, 0700) < 0 && errno != EEXIST)
                return -errno;
        fd = openat(*directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        close(*directory);
        *directory = fd;
        return 0;
}

static int open_set_directory(int directory, const struct request *q, int *ret_fd) {
        _cleanup_close_ int fd = -1;
        char uid[sizeof("4294967295")];
        int r;

        fd = fcntl(directory, F_DUPFD_CLOEXEC, 3);
        if (fd < 0)
                return -errno;
        if (q->snapshot[0]) {
                r = descend(&fd, q->snapshot);
                if (r < 0)
                        return r;
        }
        snprintf(uid, sizeof(uid), "%" PRIu32, q->uid);
        r = descend(&fd, "user");
        if (r >= 0)
                r = descend(&fd, uid);
        if (r >= 0)
                r = descend(&fd, q->set);
        if (r >= 0 && q->kind == REQUEST_INDEX)
                r = descend(&fd, "index");
        if (r < 0)
                return r;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

int opener_open(int directory, const struct request *q, int *ret_fd) {
        char name[CONSUMER_NAME_MAX + sizeof("_4294967295.idx")];
        _cleanup_close_ int set = -1;
        int fd, r;

        if (!request_is_valid(q))
                return -EBADMSG;
        r = open_set_directory(directory, q, &set);
        if (r < 0)
                return r;
        if (q->kind == REQUEST_METADATA)
                snprintf(name, sizeof(name), "metadata");
        else
                snprintf(name, sizeof(name), "%s_%" PRIu32 "%s", q->channel, q->cpu,
                         q->kind == REQUEST_INDEX ? ".idx" : "");
        fd = openat(set, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        *ret_fd = fd;
        return 0;
}

int opener_serve(int socket, int directory) {
        for (;;) {
                int fds[DATAGRAM_FDS_MAX];
                _cleanup_close_ int fd = -1;
                struct reply reply = { .error = EBADMSG };
                struct request request;
                size_t n_fds;
                int r;

                r = datagram_recv(socket, &request, sizeof(request), fds, &n_fds, 0);
                if (r == 0 || r == -ECONNRESET)
                        return 0;
                if (r < 0 && r != -EBADMSG)
                        return r;
                if (r > 0) {
                        datagram_close_fds(fds, n_fds);
                        if (r == (int) sizeof(request) && n_fds == 0)
                                reply.error = -opener_open(directory, &request, &fd);
                }
                r = datagram_send(socket, &reply, sizeof(reply), &fd, fd >= 0 ? 1 : 0, 0);
                if (r == -EPIPE)
                        return 0;
                if (r < 0)
                        return r;
        }
}
