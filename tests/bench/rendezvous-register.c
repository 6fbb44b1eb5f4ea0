/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One application at a time: what it takes to register, step by step, beside the
 * floor: to connect, send a datagram with a descriptor and get one back with a
 * descriptor, from a server that does nothing else.
 */

#include "rendezvous.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/datagram.h"
#include "common/fd.h"
#include "common/hash.h"
#include "protocol/definitions.h"
#include "protocol/handshake.h"

/* One in front, that nobody counts: definitions and view are made for it. */
#define WARM_UP 200

static void serve(int listening) {
        for (;;) {
                char buffer[HANDSHAKE_SIZE_MAX];
                int fds[DATAGRAM_FDS_MAX], n, fd = accept(listening, NULL, NULL);
                size_t n_fds = 0;

                if (fd < 0)
                        _exit(1);
                n = datagram_recv(fd, buffer, sizeof(buffer), fds, &n_fds, 0);
                if (n > 0)
                        (void) datagram_send(fd, buffer, (size_t) n, fds, n_fds, 0);
                datagram_close_fds(fds, n_fds);
                (void) datagram_recv(fd, buffer, sizeof(buffer), fds, &n_fds, 0);
                close(fd);
        }
}

int bench_floor(int argc, char *argv[]) {
        size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
        double *times = calloc(n, sizeof(*times));
        int listening = bench_listen();

        if (!times)
                bench_fail("have memory");
        if (bench_fork() == 0)
                serve(listening);
        for (size_t i = 0; i < WARM_UP + n; i++) {
                char buffer[256] = "REGISTER";
                int fds[DATAGRAM_FDS_MAX], fd;
                double begin = bench_now();
                size_t n_fds = 0;

                fd = bench_connect(NULL, listening);
                bench_check(datagram_send(fd, buffer, 100, (const int[]) { listening }, 1, 0), "send");
                bench_check(datagram_recv(fd, buffer, sizeof(buffer), fds, &n_fds, 0), "receive");
                if (i >= WARM_UP)
                        times[i - WARM_UP] = bench_now() - begin;
                datagram_close_fds(fds, n_fds);
                close(fd);
        }
        bench_print("floor", times, n);
        free(times);
        return 0;
}

struct steps {
        double connect, send, wait, total, applied;
};

/* The definitions of a program with one event. */
static int make_definitions(uint64_t *ret_hash) {
        const struct definition event = {
                .provider = "bench", .name = "event", .loglevel = 6, .n_fields = 1,
                .fields = { { DEFINITION_U64, "value" } },
        };
        size_t offset = sizeof(struct definitions_header);
        char buffer[1024];
        int fd = -1;

        bench_check(definitions_append(buffer, sizeof(buffer), &offset, &event), "define an event");
        definitions_finish(buffer, 1, offset);
        *ret_hash = hash_bytes(HASH_INIT, buffer, offset);
        bench_check(memfd_new_constant("definitions", buffer, offset, &fd), "make definitions");
        return fd;
}

static void say(int fd, const struct handshake *h, const int *fds, size_t n_fds) {
        char buffer[HANDSHAKE_SIZE_MAX];
        size_t size = handshake_format(h, buffer, sizeof(buffer));

        bench_check(datagram_send(fd, buffer, size, fds, n_fds, 0), "send");
}

/* The next message; the descriptors that came with it are closed. */
static struct handshake hear(int fd) {
        char buffer[HANDSHAKE_SIZE_MAX];
        int fds[DATAGRAM_FDS_MAX], n;
        struct handshake h;
        size_t n_fds = 0;

        n = datagram_recv(fd, buffer, sizeof(buffer), fds, &n_fds, 0);
        if (n == 0)
                errno = ECONNRESET;
        bench_check(n > 0 ? 0 : -1, "hear from tracingd");
        datagram_close_fds(fds, n_fds);
        bench_check(handshake_parse(buffer, (size_t) n, &h), "understand tracingd");
        return h;
}

static void register_once(const char *path, int definitions, uint64_t hash, struct steps *ret) {
        struct handshake h = {
                .keys = HANDSHAKE_REGISTER | HANDSHAKE_ABI | HANDSHAKE_NAME | HANDSHAKE_EVENTS,
                .abi_major = HANDSHAKE_ABI_MAJOR, .name = "bench", .events = hash,
        };
        double begin = bench_now(), connected, sent, ready;
        int fd = bench_connect(path, -1);

        connected = bench_now();
        say(fd, &h, NULL, 0);
        sent = bench_now();
        h = hear(fd);
        if (h.keys & HANDSHAKE_NEED) {
                say(fd, &(struct handshake) { .keys = HANDSHAKE_EVENTS, .events = hash }, &definitions, 1);
                h = hear(fd);
        }
        ready = bench_now();
        if (!(h.keys & HANDSHAKE_READY))
                bench_fail("register");
        say(fd, &(struct handshake) { .keys = HANDSHAKE_APPLIED, .applied = h.generation }, NULL, 0);
        *ret = (struct steps) { connected - begin, sent - connected, ready - sent, ready - begin, bench_now() - ready };
        close(fd);
}

int bench_register(int argc, char *argv[]) {
        size_t n = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000;
        double *times[5];
        uint64_t hash;
        int definitions = make_definitions(&hash);

        if (argc < 2)
                return EXIT_FAILURE;
        for (int i = 0; i < 5; i++)
                if (!(times[i] = calloc(n, sizeof(double))))
                        bench_fail("have memory");
        for (size_t i = 0; i < WARM_UP + n; i++) {
                struct steps s;

                register_once(argv[1], definitions, hash, &s);
                if (i < WARM_UP)
                        continue;
                times[0][i - WARM_UP] = s.connect;
                times[1][i - WARM_UP] = s.send;
                times[2][i - WARM_UP] = s.wait;
                times[3][i - WARM_UP] = s.total;
                times[4][i - WARM_UP] = s.applied;
        }
        bench_print("register-connect", times[0], n);
        bench_print("register-send", times[1], n);
        bench_print("register-wait", times[2], n);
        bench_print("register", times[3], n);
        bench_print("register-applied", times[4], n);
        for (int i = 0; i < 5; i++)
                free(times[i]);
        return 0;
}
