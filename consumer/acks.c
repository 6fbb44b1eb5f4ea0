/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/datagram.h"
#include "consumer/acks.h"

void acks_done(struct acks *acks) {
        free(acks->waiting);
        *acks = (struct acks) {};
}

int acks_send(struct acks *acks, int socket, uint64_t serial, int r) {
        struct consumer_ack ack = {
                .header = { .type = CONSUMER_ACK, .size = sizeof(ack), .serial = serial },
                .error = -r,
        };

        if (acks->n_waiting == acks->allocated) {
                size_t n = acks->allocated ? acks->allocated * 2 : 16;
                struct consumer_ack *waiting = realloc(acks->waiting, n * sizeof(waiting[0]));

                if (!waiting)
                        return -ENOMEM;
                acks->waiting = waiting;
                acks->allocated = n;
        }
        acks->waiting[acks->n_waiting++] = ack;
        acks_flush(acks, socket);
        return 0;
}

void acks_flush(struct acks *acks, int socket) {
        size_t sent;

        for (sent = 0; sent < acks->n_waiting; sent++) {
                int r = datagram_send(socket, &acks->waiting[sent], sizeof(acks->waiting[0]), NULL, 0, MSG_DONTWAIT);

                /* Any other failure is a hang-up, which the drainer finds by reading. */
                if (r == -EAGAIN)
                        break;
        }
        acks->n_waiting -= sent;
        if (acks->n_waiting > 0)
                memmove(acks->waiting, acks->waiting + sent, acks->n_waiting * sizeof(acks->waiting[0]));
}
