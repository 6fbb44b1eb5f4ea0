/* SPDX-License-Identifier: LGPL-2.1-or-later */

#undef NDEBUG
#include <errno.h>
#include <glib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/datagram.h"
#include "consumer/acks.h"

static int receive(int socket, struct consumer_ack *ret) {
        int fds[DATAGRAM_FDS_MAX];
        size_t n_fds;

        return datagram_recv(socket, ret, sizeof(*ret), fds, &n_fds, MSG_DONTWAIT);
}

/* A peer that does not read delays nobody, and gets every answer in order when it does. */
static void test_slow_peer(void) {
        const uint64_t n = 5000;
        struct acks acks = {};
        struct consumer_ack ack;
        int pair[2];

        g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), ==, 0);
        for (uint64_t i = 0; i < n; i++)
                g_assert_cmpint(acks_send(&acks, pair[0], i, i % 2 ? -ENOENT : 0), ==, 0);
        g_assert_cmpuint(acks.n_waiting, >, 0);
        for (uint64_t i = 0; i < n; i++) {
                int r = receive(pair[1], &ack);

                if (r == -EAGAIN) {
                        acks_flush(&acks, pair[0]);
                        r = receive(pair[1], &ack);
                }
                g_assert_cmpint(r, ==, sizeof(ack));
                g_assert_cmpuint(ack.header.serial, ==, i);
                g_assert_cmpint(ack.error, ==, i % 2 ? ENOENT : 0);
        }
        g_assert_cmpuint(acks.n_waiting, ==, 0);
        g_assert_cmpint(receive(pair[1], &ack), ==, -EAGAIN);
        acks_done(&acks);
        close(pair[0]);
        close(pair[1]);
}

/* Answers for somebody who is gone are dropped, not kept for ever. */
static void test_gone_peer(void) {
        struct acks acks = {};
        int pair[2];

        g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), ==, 0);
        close(pair[1]);
        g_assert_cmpint(acks_send(&acks, pair[0], 1, 0), ==, 0);
        g_assert_cmpuint(acks.n_waiting, ==, 0);
        acks_done(&acks);
        close(pair[0]);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/acks/slow-peer", test_slow_peer);
        g_test_add_func("/acks/gone-peer", test_gone_peer);
        return g_test_run();
}
