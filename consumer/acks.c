/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/datagram.h"
#include "consumer/acks.h"

static void waiting_done(struct waiting_ack *w) {
        closep(&w->fds[0]);
        closep(&w->fds[1]);
}

void acks_done(struct acks *acks) {
        for (size_t i = 0; i < acks->n_waiting; i++)
                waiting_done(&acks->waiting[i]);
        free(acks->waiting);
        *acks = (struct acks) {};
}

static int add(struct acks *acks, int socket, const struct waiting_ack *w) {
        if (acks->n_waiting == acks->allocated) {
                size_t n = acks->allocated ? acks->allocated * 2 : 16;
                struct waiting_ack *waiting = realloc(acks->waiting, n * sizeof(waiting[0]));

                if (!waiting)
                        return -ENOMEM;
                acks->waiting = waiting;
                acks->allocated = n;
        }
        acks->waiting[acks->n_waiting++] = *w;
        acks_flush(acks, socket);
        return 0;
}

int acks_send(struct acks *acks, int socket, uint64_t serial, int r) {
        const struct waiting_ack w = {
                .ack.header = { .type = CONSUMER_ACK, .size = sizeof(w.ack), .serial = serial },
                .ack.error = -r,
                .fds = { -1, -1 },
        };

        return add(acks, socket, &w);
}

int acks_send_files(struct acks *acks, int socket, uint64_t serial, const int fds[2]) {
        const struct waiting_ack w = {
                .ack.header = { .type = CONSUMER_ACK, .size = sizeof(w.ack), .serial = serial },
                .fds = { fds[0], fds[1] },
        };

        return add(acks, socket, &w);
}

int acks_send_notice(struct acks *acks, int socket) {
        const struct waiting_ack w = {
                .ack.header = { .type = CONSUMER_NOTICE, .size = sizeof(w.ack) },
                .fds = { -1, -1 },
        };

        return add(acks, socket, &w);
}

void acks_flush(struct acks *acks, int socket) {
        size_t sent;

        for (sent = 0; sent < acks->n_waiting; sent++) {
                struct waiting_ack *w = &acks->waiting[sent];
                int r = datagram_send(socket, &w->ack, sizeof(w->ack), w->fds, w->fds[0] >= 0 ? 2 : 0, MSG_DONTWAIT);

                /* Any other failure is a hang-up, which the drainer finds by reading. */
                if (r == -EAGAIN || r == -ETOOMANYREFS)
                        break;
                waiting_done(w);
        }
        acks->n_waiting -= sent;
        if (acks->n_waiting > 0)
                memmove(acks->waiting, acks->waiting + sent, acks->n_waiting * sizeof(acks->waiting[0]));
}
