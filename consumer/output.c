/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/datagram.h"
#include "common/fd.h"
#include "consumer/output.h"

int output_map_status(struct output *output, int fd) {
        struct consumer_status *status;
        uint64_t size;

        if (memfd_check_shared(fd, &size) < 0 || size < CONSUMER_STATUS_SIZE_MIN)
                return -EBADMSG;
        status = mmap(NULL, sizeof(*status), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (status == MAP_FAILED)
                return -errno;
        if (status->magic != CONSUMER_STATUS_MAGIC) {
                munmap(status, sizeof(*status));
                return -EBADMSG;
        }
        output->status = status;
        return 0;
}

void output_done(struct output *output) {
        if (output->status)
                munmap(output->status, sizeof(*output->status));
        output->status = NULL;
}

/*
 * Without its opener a drainer could only count away what it has no file for. So
 * it ends like one that was killed: its successor, which has an opener, goes on
 * from what was saved, and nothing is lost.
 */
static _Noreturn void die(void) {
        static const char message[] = "tracectl-consumer: the process that opens its files has died.\n";

        (void) !write(STDERR_FILENO, message, sizeof(message) - 1);
        _exit(EXIT_FAILURE);
}

/* With ret_fd NULL no file is expected. *ret_reply is touched on success of the asking alone. */
static int ask_for(struct output *output, const struct request *request, int *ret_fd, struct reply *ret_reply) {
        int fds[DATAGRAM_FDS_MAX];
        struct reply reply;
        size_t n_fds;
        int r;

        r = datagram_send(output->opener, request, sizeof(*request), NULL, 0, 0);
        if (r == -EPIPE || r == -ECONNRESET)
                die();
        if (r < 0)
                return r;
        r = datagram_recv(output->opener, &reply, sizeof(reply), fds, &n_fds, 0);
        if (r == 0 || r == -ECONNRESET)
                die();
        if (r < 0)
                return r;
        if (r != (int) sizeof(reply) || reply.error < 0 || n_fds != (reply.error || !ret_fd ? 0 : 1)) {
                datagram_close_fds(fds, n_fds);
                return -EPROTO;
        }
        if (ret_reply)
                *ret_reply = reply;
        if (reply.error)
                return -reply.error;
        if (ret_fd)
                *ret_fd = fds[0];
        return 0;
}

static int ask(struct output *output, const struct request *request, int *ret_fd) {
        return ask_for(output, request, ret_fd, NULL);
}

int output_open(struct output *output, const struct request *request, int *ret_fd) {
        return ask(output, request, ret_fd);
}

int output_ask(struct output *output, const struct request *request) {
        return ask(output, request, NULL);
}

static int ask_about(struct output *output, enum request_kind kind, const char *name) {
        struct request request = { .kind = kind };

        memcpy(request.snapshot, name, strlen(name) + 1);
        return ask(output, &request, NULL);
}

int output_prepare(struct output *output, const char *name) {
        return ask_about(output, REQUEST_PREPARE, name);
}

int output_move(struct output *output, const char *name) {
        return ask_about(output, REQUEST_MOVE, name);
}

int output_remove(struct output *output, const char *name) {
        return ask_about(output, REQUEST_REMOVE, name);
}

int output_trim(struct output *output, uint32_t keep_kib, uint32_t *ret_removed) {
        const struct request request = { .kind = REQUEST_TRIM, .keep_kib = keep_kib };
        struct reply reply = {};
        int r;

        r = ask_for(output, &request, NULL, &reply);
        *ret_removed = reply.removed;
        return r;
}

int output_next(struct output *output, char ret[CONSUMER_NAME_MAX]) {
        const struct request request = { .kind = REQUEST_NEXT };
        struct reply reply;
        int r;

        r = ask_for(output, &request, NULL, &reply);
        if (r < 0)
                return r;
        if (!memchr(reply.name, '\0', sizeof(reply.name)))
                return -EPROTO;
        memcpy(ret, reply.name, sizeof(reply.name));
        return 0;
}
