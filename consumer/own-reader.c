/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/datagram.h"
#include "common/fd.h"
#include "consumer/own-reader.h"
#include "consumer/own-state.h"
#include "consumer/sandbox.h"

#define BUSY_MSEC 5
#define IDLE_MSEC 100
#define LAST_NSEC UINT64_C(5000000000)

bool own_reader_is_meant(int socket) {
        struct consumer_header header = {};
        ssize_t n;

        do
                n = recv(socket, &header, sizeof(header), MSG_PEEK);
        while (n < 0 && errno == EINTR);
        return n == (ssize_t) sizeof(header) && header.type == OWN;
}

static int acknowledge(int socket, uint64_t serial, int r) {
        const struct consumer_ack ack = {
                .header = { .type = CONSUMER_ACK, .size = sizeof(ack), .serial = serial },
                .error = r < 0 ? -r : 0,
        };

        return datagram_send(socket, &ack, sizeof(ack), NULL, 0, 0);
}

/* 1; 0 where none waits, or tracingd is gone. */
static int receive(struct own_state *state, int flags) {
        int fds[DATAGRAM_FDS_MAX], r;
        union {
                struct own_message m;
                char bytes[OWN_MESSAGE_MAX];
        } u = {};
        struct own_message *m = &u.m;
        size_t n_fds = 0;

        r = datagram_recv(state->socket, &u, sizeof(u), fds, &n_fds, flags);
        if (r == -EAGAIN)
                return 0;
        if (r <= 0 && r != -EBADMSG) {
                state->ending = true;
                return r == 0 || r == -ECONNRESET ? 0 : r;
        }
        if (r < (int) SIZE_BEFORE_LATER(*m) || m->header.size != (uint32_t) r) {
                m->header.serial = 0;
                r = -EBADMSG;
        } else if (m->header.type == OWN_FLUSH) {
                state->flush = m->header.serial;
                state->flush_time = trace_clock_read(state->clock, 0);
                datagram_close_fds(fds, n_fds);
                return 1;
        } else
                r = own_state_dispatch(state, m, fds, n_fds);
        datagram_close_fds(fds, n_fds);
        (void) acknowledge(state->socket, m->header.serial, r);
        return 1;
}

/* Whether everything before a request is passed on. */
static void finish_flush(struct own_state *state, uint64_t horizon, bool passed) {
        if (state->flush == 0 || !passed || own_state_oldest(state, horizon) < state->flush_time)
                return;
        (void) acknowledge(state->socket, state->flush, 0);
        state->flush = 0;
}

static int own_poll(struct own_state *state, bool worked) {
        size_t n = own_state_collect(state, worked);
        int r;

        do
                r = poll(state->polls, n, worked ? BUSY_MSEC : IDLE_MSEC);
        while (r < 0 && errno == EINTR);
        return r < 0 ? -errno : 0;
}

static int own_loop(struct own_state *state) {
        uint64_t end = 0, horizon;
        bool worked, passed;
        int r = 0;

        while (r >= 0) {
                worked = own_state_read(state, &horizon);
                passed = own_state_pass(state, horizon);
                finish_flush(state, horizon, passed);
                while (!state->ending && (r = receive(state, MSG_DONTWAIT)) > 0)
                        ;
                if (r < 0)
                        break;
                if (state->ending) {
                        uint64_t now = trace_clock_read_monotonic(0);

                        end = end ?: now + LAST_NSEC;
                        if ((!worked && passed && own_state_is_empty(state)) || now > end)
                                break;
                }
                r = own_poll(state, worked || !passed || state->flush > 0);
        }
        return r;
}

int own_reader_run(int socket) {
        struct own_state state;
        int r;

        r = own_state_init(&state, socket);
        if (r >= 0)
                r = sandbox_enter();
        while (r >= 0 && !state.ending && !state.begun)
                r = receive(&state, 0);
        if (r >= 0)
                r = own_loop(&state);
        own_state_done(&state);
        return r < 0 ? r : 0;
}
