/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the choice of a transport rests on: one way of a message between two
 * processes, and the system call of each side alone, for messages of 16 bytes
 * to 16 KiB.
 */

#include "rendezvous.h"

#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SIZE_MAX_BYTES 16384

struct ipc {
        const char *name;
        int there[2], back[2]; /* what one side writes to and the other reads from */
};

static void read_all(int fd, char *buffer, size_t size) {
        for (size_t n = 0; n < size;) {
                ssize_t k = read(fd, buffer + n, size - n);

                if (k <= 0)
                        bench_fail("read");
                n += (size_t) k;
        }
}

static void write_all(int fd, const char *buffer, size_t size) {
        for (size_t n = 0; n < size;) {
                ssize_t k = write(fd, buffer + n, size - n);

                if (k <= 0)
                        bench_fail("write");
                n += (size_t) k;
        }
}

/* Both calls by one process: nobody has to be woken. */
static void measure_calls(const struct ipc *ipc, size_t size, size_t n, double *times) {
        static char out[SIZE_MAX_BYTES], in[SIZE_MAX_BYTES];
        char name[64];

        for (int reads = 0; reads < 2; reads++) {
                for (size_t i = 0; i < n; i++) {
                        double begin, middle, end;

                        memset(out, (int) i % 100 + 1, size);
                        begin = bench_now();
                        write_all(ipc->there[1], out, size);
                        middle = bench_now();
                        read_all(ipc->there[0], in, size);
                        end = bench_now();
                        if (memcmp(in, out, size) != 0)
                                bench_fail("get what was sent");
                        times[i] = reads ? end - middle : middle - begin;
                }
                snprintf(name, sizeof(name), "ipc-%s-%s-%zu", ipc->name, reads ? "read" : "write", size);
                bench_print(name, times, n);
        }
}

/* There and back between two processes that sleep meanwhile, halved. */
static void measure_way(const struct ipc *ipc, size_t size, size_t n, double *times) {
        static char buffer[SIZE_MAX_BYTES];
        char name[64];

        /* An eventfd takes no zero for an event. */
        memset(buffer, 1, size);
        if (bench_fork() == 0) {
                for (size_t i = 0; i < n; i++) {
                        read_all(ipc->there[0], buffer, size);
                        write_all(ipc->back[1], buffer, size);
                }
                _exit(0);
        }
        for (size_t i = 0; i < n; i++) {
                double begin = bench_now();

                write_all(ipc->there[1], buffer, size);
                read_all(ipc->back[0], buffer, size);
                times[i] = (bench_now() - begin) / 2;
        }
        snprintf(name, sizeof(name), "ipc-%s-way-%zu", ipc->name, size);
        bench_print(name, times, n);
}

static void measure(const struct ipc *ipc, const size_t *sizes, size_t n_sizes, size_t n, double *times) {
        for (size_t i = 0; i < n_sizes; i++) {
                measure_calls(ipc, sizes[i], n, times);
                measure_way(ipc, sizes[i], n, times);
        }
}

static void futex_wait_for(_Atomic uint32_t *word, uint32_t wanted) {
        uint32_t now;

        while ((now = atomic_load(word)) != wanted)
                (void) syscall(SYS_futex, word, FUTEX_WAIT, now, NULL, NULL, 0);
}

static void futex_set(_Atomic uint32_t *word, uint32_t value) {
        atomic_store(word, value);
        (void) syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* A futex carries nothing: what is to be told lies in the shared page. */
static void measure_futex(size_t n, double *times) {
        _Atomic uint32_t *words = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        if (words == MAP_FAILED)
                bench_fail("map a page");
        if (bench_fork() == 0) {
                for (uint32_t i = 1; i <= n; i++) {
                        futex_wait_for(&words[0], i);
                        futex_set(&words[64], i);
                }
                _exit(0);
        }
        for (uint32_t i = 1; i <= n; i++) {
                double begin = bench_now();

                futex_set(&words[0], i);
                futex_wait_for(&words[64], i);
                times[i - 1] = (bench_now() - begin) / 2;
        }
        bench_print("ipc-futex-way-0", times, n);
        munmap(words, 4096);
}

int bench_ipc(int argc, char *argv[]) {
        static const size_t sizes[] = { 16, 1024, 4096, 8192, 16384 };
        size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000, n_sizes = sizeof(sizes) / sizeof(sizes[0]);
        struct ipc pipes = { .name = "pipe" }, stream = { .name = "stream" }, seqpacket = { .name = "seqpacket" },
                   event = { .name = "eventfd" };
        double *times = calloc(n, sizeof(*times));
        int pair[2];

        if (!times)
                bench_fail("have memory");
        bench_check(pipe(pipes.there), "make a pipe");
        bench_check(pipe(pipes.back), "make a pipe");
        measure(&pipes, sizes, n_sizes, n, times);
        bench_check(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "make sockets");
        stream.there[0] = stream.back[1] = pair[0];
        stream.there[1] = stream.back[0] = pair[1];
        measure(&stream, sizes, n_sizes, n, times);
        bench_check(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), "make sockets");
        seqpacket.there[0] = seqpacket.back[1] = pair[0];
        seqpacket.there[1] = seqpacket.back[0] = pair[1];
        measure(&seqpacket, sizes, n_sizes, n, times);
        event.there[0] = event.there[1] = eventfd(0, EFD_CLOEXEC);
        event.back[0] = event.back[1] = eventfd(0, EFD_CLOEXEC);
        measure(&event, (const size_t[]) { 8 }, 1, n, times);
        measure_futex(n, times);
        free(times);
        return 0;
}
