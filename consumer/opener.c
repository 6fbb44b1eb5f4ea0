/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/datagram.h"
#include "common/parse.h"
#include "consumer/kernel-synced.h"
#include "consumer/opener.h"
#include "consumer/ring-place.h"
#include "consumer/syncer.h"
#include "consumer/tree.h"
#include "consumer/trim.h"
#include "protocol/ring.h"

/* No ring set, with a ring for each CPU, is larger. */
#define RING_FILE_SIZE_MAX (UINT64_C(1) << 40)

/* name_is_valid() bounds the length and leaves nothing that could be a path. */
static bool name_ends(const char name[CONSUMER_NAME_MAX]) {
        return memchr(name, '\0', CONSUMER_NAME_MAX) != NULL;
}

/* Whose trace it is: a ring set's, or the kernel's. */
static bool trace_is_valid(const struct request *q) {
        return q->kernel ? q->kernel == 1 && !q->set[0] && q->uid == 0 : name_is_valid(q->set);
}

/* Of the directory `rings`: names come from numbers. */
static bool ring_request_is_valid(const struct request *q) {
        bool is_file = q->kind >= REQUEST_RING && q->kind <= REQUEST_POSITIONS_READER;

        if (q->set[0] || q->channel[0] || q->snapshot[0] || q->uid || q->cpu || q->kernel || q->existing || q->keep_kib)
                return false;
        if (q->kind == REQUEST_FORGET ? !q->set_id : is_file ? !q->set_id : q->set_id || q->stream)
                return false;
        if (q->kind == REQUEST_SYNC)
                return q->size >= CONSUMER_SYNC_MSEC_MIN && q->size <= CONSUMER_SYNC_MSEC_MAX;
        return q->size <= RING_FILE_SIZE_MAX && (q->size > 0) == (q->kind >= REQUEST_RECORD && q->kind <= REQUEST_POSITIONS);
}

static bool request_is_valid(const struct request *q) {
        if (!name_ends(q->set) || !name_ends(q->channel) || !name_ends(q->snapshot))
                return false;
        if (q->kind >= REQUEST_JOURNAL && q->kind <= REQUEST_SYNC)
                return ring_request_is_valid(q);
        if (q->set_id || q->stream || q->size || (q->keep_kib && q->kind != REQUEST_TRIM))
                return false;
        if (q->snapshot[0] && !name_is_valid(q->snapshot))
                return false;
        switch (q->kind) {
        case REQUEST_METADATA:
                return trace_is_valid(q) && !q->channel[0] && q->cpu == 0 && q->existing <= 1;
        case REQUEST_STREAM:
        case REQUEST_INDEX:
                return trace_is_valid(q) && name_is_valid(q->channel) && q->cpu < RING_CPUS_MAX &&
                       q->existing <= 1;
        case REQUEST_PREPARE:
        case REQUEST_MOVE:
        case REQUEST_PUBLISH:
                return q->snapshot[0] && !q->set[0] && !q->channel[0];
        case REQUEST_REMOVE:
                return !q->set[0] && !q->channel[0];
        case REQUEST_NEXT:
                return !q->set[0] && !q->channel[0] && !q->snapshot[0];
        case REQUEST_TRIM:
                return q->keep_kib && !q->set[0] && !q->channel[0] && !q->snapshot[0];
        default:
                return false;
        }
}

/* Where a file is there, its directory is. */
static int descend(int *fd, const struct request *q, const char *name) {
        return q->existing ? tree_descend_existing(fd, name) : tree_descend(fd, name);
}

static int descend_to_set(int *fd, const struct request *q) {
        char uid[sizeof("4294967295")];
        int r;

        snprintf(uid, sizeof(uid), "%" PRIu32, q->uid);
        r = descend(fd, q, "user");
        if (r >= 0)
                r = descend(fd, q, uid);
        return r < 0 ? r : descend(fd, q, q->set);
}

/* Where the trace is: a new snapshot is made elsewhere, if there is such a place. */
static int open_trace_directory(const struct opener *opener, const struct request *q, int *ret_fd) {
        int fd;

        if (q->snapshot[0] && !q->existing && opener->has_rings)
                return ring_place_open_snapshot(opener->directory, ret_fd);
        fd = fcntl(opener->directory, F_DUPFD_CLOEXEC, 3);
        if (fd < 0)
                return -errno;
        *ret_fd = fd;
        return q->snapshot[0] ? descend(ret_fd, q, q->snapshot) : 0;
}

static int open_set_directory(const struct opener *opener, const struct request *q, int *ret_fd) {
        _cleanup_close_ int fd = -1;
        int r;

        r = open_trace_directory(opener, q, &fd);
        if (r < 0)
                return r;
        r = q->kernel ? descend(&fd, q, "kernel") : descend_to_set(&fd, q);
        if (r >= 0 && q->kind == REQUEST_INDEX)
                r = descend(&fd, q, "index");
        if (r < 0)
                return r;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

/* Whether fd is a file that our predecessor can have made. */
static bool is_ours(int fd) {
        struct stat st;

        return fstat(fd, &st) >= 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() && st.st_nlink == 1;
}

static int open_file(int directory, const char *name, bool existing, int *ret_fd) {
        int flags = existing ? O_RDWR | O_NONBLOCK : O_WRONLY | O_CREAT | O_EXCL;
        _cleanup_close_ int fd = -1;

        fd = openat(directory, name, flags | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        if (existing && !is_ours(fd))
                return -EPERM;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

/* Whether the answer has a descriptor. */
static bool request_opens(const struct request *q) {
        return q->kind <= REQUEST_INDEX || (q->kind >= REQUEST_JOURNAL && q->kind <= REQUEST_POSITIONS_READER);
}

int opener_open(const struct opener *opener, const struct request *q, int *ret_fd) {
        char name[CONSUMER_NAME_MAX + sizeof("_4294967295.idx")];
        _cleanup_close_ int set = -1;
        int r;

        if (!request_is_valid(q) || !request_opens(q))
                return -EBADMSG;
        if (q->kind >= REQUEST_JOURNAL)
                return opener->has_rings ? ring_place_open(opener->directory, q, ret_fd) : -EPERM;
        if (q->existing && !opener->resumed)
                return -EPERM;
        r = open_set_directory(opener, q, &set);
        if (r < 0)
                return r;
        if (q->kind == REQUEST_METADATA)
                snprintf(name, sizeof(name), "metadata");
        else
                snprintf(name, sizeof(name), "%s_%" PRIu32 "%s", q->channel, q->cpu,
                         q->kind == REQUEST_INDEX ? ".idx" : "");
        return open_file(set, name, q->existing, ret_fd);
}

/* A process of its own: the disk may take its time, and the drainer waits for our answers. */
static int start_syncer(struct opener *opener, uint64_t msec) {
        int r = 0;

        if (opener->syncer > 0)
                return 0;
        /* What a session's earlier consumer wrote can be on the disk. */
        if (!opener->resumed)
                r = kernel_synced_begin(opener->directory);
        return r < 0 ? r : syncer_start(opener->directory, msec, &opener->syncer);
}

/* It would make a file in the directory that is removed. */
static int end_rings(struct opener *opener, const struct request *q) {
        syncer_end(&opener->syncer);
        return ring_place_change(opener->directory, q);
}

/* A trace that goes to another place, or without which its rings would be gone, is on the disk first. */
static int sync_first(const struct opener *opener) {
        return opener->syncer > 0 ? syncer_sync(opener->directory, NULL) : 0;
}

static int prepare(const struct opener *opener, const char *name) {
        int r = 0;

        if (opener->has_rings)
                r = strcmp(name, RING_PLACE) == 0 ? -EEXIST : ring_place_clear(opener->directory);
        return r < 0 ? r : tree_prepare(opener->directory, name);
}

int opener_change(struct opener *opener, const struct request *q) {
        if (!request_is_valid(q))
                return -EBADMSG;
        if ((q->kind == REQUEST_MOVE || q->kind == REQUEST_END) && sync_first(opener) < 0)
                return -EIO;
        switch (q->kind) {
        case REQUEST_PREPARE:
                return prepare(opener, q->snapshot);
        case REQUEST_PUBLISH:
                return opener->has_rings ? ring_place_publish(opener->directory, q->snapshot, opener->syncer > 0) : -EPERM;
        case REQUEST_MOVE:
                return tree_move(opener->directory, q->snapshot);
        case REQUEST_REMOVE:
                /* A snapshot is removed only where somebody died while he made it. */
                return q->snapshot[0] && !opener->resumed ? -EPERM : tree_remove(opener->directory, q->snapshot);
        case REQUEST_FORGET:
                return opener->has_rings ? ring_place_change(opener->directory, q) : -EPERM;
        case REQUEST_END:
                return opener->has_rings ? end_rings(opener, q) : -EPERM;
        case REQUEST_SYNC:
                return opener->has_rings ? start_syncer(opener, q->size) : -EPERM;
        default:
                return -EBADMSG;
        }
}

int opener_trim(const struct opener *opener, const struct request *q, uint32_t *ret_removed) {
        *ret_removed = 0;
        return request_is_valid(q) ? trim_chunks(opener->directory, (uint64_t) q->keep_kib * 1024, ret_removed)
                                   : -EBADMSG;
}

/* Whether it is a directory, and whose, is seen when something is opened there. */
int opener_next(struct opener *opener, const struct request *q, char ret[CONSUMER_NAME_MAX]) {
        const struct dirent *entry;

        if (!request_is_valid(q))
                return -EBADMSG;
        if (!opener->resumed)
                return -EPERM;
        if (!opener->names) {
                int fd = openat(opener->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

                if (fd < 0)
                        return -errno;
                opener->names = fdopendir(fd);
                if (!opener->names) {
                        close(fd);
                        return -ENOMEM;
                }
        }
        while ((entry = readdir(opener->names)))
                if (name_is_valid(entry->d_name)) {
                        strcpy(ret, entry->d_name);
                        return 0;
                }
        closedir(opener->names);
        opener->names = NULL;
        return -ENOENT;
}

static int answer(struct opener *opener, const struct request *request, struct reply *reply, int *ret_fd) {
        if (request->kind == REQUEST_TRIM)
                return opener_trim(opener, request, &reply->removed);
        if (request->kind == REQUEST_NEXT)
                return opener_next(opener, request, reply->name);
        return request_opens(request) ? opener_open(opener, request, ret_fd) : opener_change(opener, request);
}

int opener_serve(struct opener *opener, int socket) {
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
                                reply.error = -answer(opener, &request, &reply, &fd);
                }
                r = datagram_send(socket, &reply, sizeof(reply), &fd, fd >= 0 ? 1 : 0, 0);
                if (r == -EPIPE)
                        return 0;
                if (r < 0)
                        return r;
        }
}
