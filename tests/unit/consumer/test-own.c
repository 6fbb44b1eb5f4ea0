/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the reader passes on of the kernel's sub-buffers, made by hand: threads that are the owner's for a while, and
 * others that have their numbers before and after.
 */

#undef NDEBUG
#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fd.h"
#include "consumer/kernel-record.h"
#include "consumer/kernel-stats.h"
#include "consumer/own-state.h"
#include "tests/unit/consumer/own-formats.h"

#define SUBBUF 4096
#define N_CPUS 2
#define STREAM 3

struct record {
        uint16_t id;
        uint16_t flags;
        int32_t pid;
        union {
                struct {
                        char parent_comm[16];
                        int32_t parent;
                        char child_comm[16];
                        int32_t child;
                } fork;
                struct {
                        int32_t pid, old;
                } exec;
                struct {
                        char comm[16];
                        int32_t pid;
                } exit;
                struct {
                        char prev_comm[16];
                        int32_t prev, prev_prio;
                        int64_t prev_state;
                        char next_comm[16];
                        int32_t next, next_prio;
                } sw;
                struct {
                        int32_t nr, hole;
                        int64_t pid;
                } call;
        };
};

static const uint32_t sizes[] = { [FORK] = 48, [EXEC] = 16, [EXIT] = 28, [SWITCH] = 64, [CALL] = 24 };

struct fixture {
        struct own_state state;
        struct kernel_layout layout;
        int ask, pipes[N_CPUS], to[N_CPUS], stats[N_CPUS], counts[N_CPUS];
        uint64_t last; /* time of the last record */
        struct record out[64];
        size_t n_out;
};

static int dispatch(struct fixture *f, uint32_t type, uint32_t cpu, int *fds, size_t n_fds) {
        const struct own_message m = {
                .header = { .type = type, .size = sizeof(m) },
                .clock = TRACE_CLOCK_MONOTONIC,
                .stream = STREAM,
                .subbuf_size = SUBBUF,
                .n_cpus = N_CPUS,
                .cpu = cpu,
        };
        int r = own_state_dispatch(&f->state, &m, fds, n_fds);

        for (size_t i = 0; i < n_fds; i++)
                if (fds[i] >= 0)
                        close(fds[i]);
        return r;
}

static int describe(unsigned first, unsigned end, bool head) {
        g_autofree char *text = own_formats(first, end, head);
        int fd;

        g_assert_cmpint(memfd_new_constant("formats", text, strlen(text), &fd), ==, 0);
        return fd;
}

static void set_lost(const struct fixture *f, uint32_t cpu, unsigned dropped) {
        char text[64];

        snprintf(text, sizeof(text), "overrun: 0\ndropped events: %u\n", dropped);
        g_assert_cmpint(pwrite(f->stats[cpu], text, strlen(text), 0), ==, strlen(text));
}

static void set_up_cpu(struct fixture *f, uint32_t cpu) {
        int pipe[2], to[2], fds[4];

        g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pipe), ==, 0);
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, to), ==, 0);
        g_assert_cmpint(memfd_new_shared("stats", 4096, &f->stats[cpu]), ==, 0);
        g_assert_cmpint(memfd_new_shared("counts", 4096, &f->counts[cpu]), ==, 0);
        set_lost(f, cpu, 0);
        f->pipes[cpu] = pipe[0];
        f->to[cpu] = to[0];
        memcpy(fds, (int[]) { pipe[1], dup(f->stats[cpu]), to[1], dup(f->counts[cpu]) }, sizeof(fds));
        g_assert_cmpint(dispatch(f, OWN_CPU, cpu, fds, 4), ==, 0);
}

static void set_up(struct fixture *f) {
        int pair[2], fd;

        *f = (struct fixture) { .layout = { 8, 16, SUBBUF } };
        g_assert_cmpint(own_state_init(&f->state, -1), ==, 0);
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), ==, 0);
        f->ask = pair[0];
        g_assert_cmpint(dispatch(f, OWN, 0, &pair[1], 1), ==, 0);
        fd = describe(0, 3, true);
        g_assert_cmpint(dispatch(f, OWN_CHANNEL, 0, &fd, 1), ==, 0);
        for (uint32_t cpu = 0; cpu < N_CPUS; cpu++)
                set_up_cpu(f, cpu);
        fd = describe(3, 5, false);
        g_assert_cmpint(dispatch(f, OWN_EVENTS, 0, &fd, 1), ==, 0);
}

static void tear_down(struct fixture *f) {
        for (uint32_t cpu = 0; cpu < N_CPUS; cpu++) {
                close(f->pipes[cpu]);
                close(f->to[cpu]);
                close(f->stats[cpu]);
                close(f->counts[cpu]);
        }
        close(f->ask);
        own_state_done(&f->state);
}

/* A sub-buffer of one record, later than all before. */
static void push(struct fixture *f, uint32_t cpu, uint16_t id, struct record record) {
        g_autofree struct own_page *page = g_new0(struct own_page, 1);

        do
                record.id = id;
        while (trace_clock_read(TRACE_CLOCK_MONOTONIC, 0) <= f->last + 1);
        f->last = trace_clock_read(TRACE_CLOCK_MONOTONIC, 0);
        own_page_begin(page, &f->layout, f->last);
        g_assert_true(own_page_add(page, &f->layout, (const char *) &record, sizes[id], f->last));
        g_assert_cmpint(send(f->pipes[cpu], page->data, page->size, 0), ==, page->size);
}

static void collect(struct fixture *f, uint32_t cpu) {
        char page[OWN_PAGE_MAX];
        ssize_t n;

        while ((n = recv(f->to[cpu], page, sizeof(page), 0)) > 0) {
                struct kernel_cursor c = { page + 16, page + n, kernel_page_time(page) };
                const char *record;
                uint32_t size;

                while ((record = kernel_cursor_next(&c, &size))) {
                        memset(&f->out[f->n_out], 0xee, sizeof(f->out[0]));
                        memcpy(&f->out[f->n_out++], record, size);
                }
        }
}

/* What comes out of what has been pushed. */
static size_t step(struct fixture *f) {
        uint64_t horizon;

        f->n_out = 0;
        (void) own_state_read(&f->state, &horizon);
        g_assert_true(own_state_pass(&f->state, horizon));
        for (uint32_t cpu = 0; cpu < N_CPUS; cpu++)
                collect(f, cpu);
        return f->n_out;
}

static bool has_asked(const struct fixture *f) {
        char byte;

        return recv(f->ask, &byte, 1, 0) == 1;
}

static void vouch(struct fixture *f, const struct own_thread *threads, size_t n) {
        int fd;

        g_assert_cmpint(dispatch(f, OWN_HOLD, 0, NULL, 0), ==, 0);
        g_assert_cmpint(memfd_new_constant("threads", threads, n * sizeof(*threads), &fd), ==, 0);
        g_assert_cmpint(dispatch(f, OWN_THREADS, 0, &fd, 1), ==, 0);
        g_assert_cmpuint(step(f), ==, 0);
}

static uint64_t withheld(const struct fixture *f) {
        uint64_t n, sum = 0;

        for (uint32_t cpu = 0; cpu < N_CPUS; cpu++)
                if (kernel_stats_read(f->counts[cpu], &n) >= 0)
                        sum += n;
        return sum;
}

static struct record call(int32_t tid) {
        return (struct record) { .pid = tid, .call = { .nr = 121, .hole = -1 } };
}

static void test_switch(void) {
        struct fixture f;
        struct record leaves = { .pid = 10, .sw = { "hers", 10, 120, 1, "secret", 99, 77 } },
                      comes = { .pid = 99, .sw = { "secret", 99, 77, 1, "hers", 10, 120 } },
                      others = { .pid = 98, .sw = { "secret", 98, 77, 1, "secret", 99, 77 } };

        set_up(&f);
        vouch(&f, &(struct own_thread) { 10, 1 }, 1);
        push(&f, 0, SWITCH, leaves);
        push(&f, 0, SWITCH, others);
        push(&f, 0, SWITCH, comes);
        push(&f, 1, CALL, call(10));
        push(&f, 1, CALL, call(99));
        g_assert_cmpuint(step(&f), ==, 3);
        g_assert_cmpstr(f.out[0].sw.prev_comm, ==, "hers");
        g_assert_cmpstr(f.out[0].sw.next_comm, ==, "-");
        g_assert_cmpint(f.out[0].sw.next, ==, 0);
        g_assert_cmpint(f.out[0].sw.next_prio, ==, 0);
        g_assert_cmpint(f.out[1].pid, ==, 0);
        g_assert_cmpstr(f.out[1].sw.prev_comm, ==, "-");
        g_assert_cmpint(f.out[1].sw.prev, ==, 0);
        g_assert_cmpint(f.out[1].sw.prev_state, ==, 0);
        g_assert_cmpint(f.out[1].sw.next, ==, 10);
        g_assert_cmpint(f.out[2].pid, ==, 10);
        g_assert_cmpint(f.out[2].call.hole, ==, 0);
        g_assert_cmpuint(withheld(&f), ==, 0);
        tear_down(&f);
}

/* In the order of time, on whichever processor it was. */
static void test_numbers(void) {
        struct fixture f;

        set_up(&f);
        vouch(&f, (struct own_thread[]) { { 10, 1 }, { 11, 1 } }, 2);
        push(&f, 1, CALL, call(12));
        push(&f, 0, FORK, (struct record) { .pid = 10, .fork = { .parent = 10, .child = 12 } });
        push(&f, 1, CALL, call(12));
        push(&f, 0, EXIT, (struct record) { .pid = 11, .exit = { .pid = 11 } });
        push(&f, 1, CALL, call(11));
        push(&f, 0, FORK, (struct record) { .pid = 99, .fork = { .parent = 99, .child = 12 } });
        push(&f, 1, CALL, call(12));
        g_assert_cmpuint(step(&f), ==, 1);
        g_assert_cmpint(f.out[0].pid, ==, 12);
        tear_down(&f);
}

static void test_exec(void) {
        struct fixture f;

        set_up(&f);
        vouch(&f, (struct own_thread[]) { { 10, 1 }, { 20, 0 } }, 2);
        push(&f, 0, EXEC, (struct record) { .pid = 10, .exec = { 10, 10 } });
        push(&f, 0, CALL, call(10));
        g_assert_cmpuint(step(&f), ==, 1);
        g_assert_false(has_asked(&f));
        push(&f, 0, EXEC, (struct record) { .pid = 20, .exec = { 20, 20 } });
        push(&f, 1, CALL, call(20));
        g_assert_cmpuint(step(&f), ==, 0);
        g_assert_true(has_asked(&f));
        g_assert_cmpuint(withheld(&f), ==, 1);
        vouch(&f, (struct own_thread[]) { { 10, 1 }, { 20, 0 } }, 2);
        push(&f, 1, CALL, call(20));
        g_assert_cmpuint(step(&f), ==, 1);
        tear_down(&f);
}

/* While somebody looks, a thread executes a program: what he has seen was before. */
static void test_hold(void) {
        const struct own_thread thread = { 20, 0 };
        struct fixture f;
        int fd;

        set_up(&f);
        g_assert_cmpint(dispatch(&f, OWN_HOLD, 0, NULL, 0), ==, 0);
        push(&f, 0, EXEC, (struct record) { .pid = 20, .exec = { 20, 20 } });
        push(&f, 1, CALL, call(20));
        g_assert_cmpuint(step(&f), ==, 0);
        g_assert_cmpint(memfd_new_constant("threads", &thread, sizeof(thread), &fd), ==, 0);
        g_assert_cmpint(dispatch(&f, OWN_THREADS, 0, &fd, 1), ==, 0);
        step(&f);
        g_assert_cmpuint(step(&f), ==, 0);
        g_assert_true(has_asked(&f));
        tear_down(&f);
}

static void test_lost(void) {
        const struct own_thread thread = { 10, 1 };
        struct fixture f;
        int fd;

        set_up(&f);
        vouch(&f, &thread, 1);
        push(&f, 0, CALL, call(10));
        g_assert_cmpuint(step(&f), ==, 1);
        set_lost(&f, 1, 7);
        push(&f, 0, CALL, call(10));
        g_assert_cmpuint(step(&f), ==, 0);
        g_assert_true(has_asked(&f));
        g_assert_cmpuint(withheld(&f), ==, 8);
        /* Who was asked before knows nothing of that. */
        g_assert_cmpint(memfd_new_constant("threads", &thread, sizeof(thread), &fd), ==, 0);
        g_assert_cmpint(dispatch(&f, OWN_THREADS, 0, &fd, 1), ==, 0);
        push(&f, 0, CALL, call(10));
        g_assert_cmpuint(step(&f), ==, 0);
        vouch(&f, &thread, 1);
        push(&f, 0, CALL, call(10));
        g_assert_cmpuint(step(&f), ==, 1);
        g_assert_cmpuint(withheld(&f), ==, 9);
        tear_down(&f);
}

static void test_refused(void) {
        struct fixture f;
        int fd;

        set_up(&f);
        fd = describe(5, 6, false);
        g_assert_cmpint(dispatch(&f, OWN_EVENTS, 0, &fd, 1), ==, -EPERM);
        g_assert_cmpint(dispatch(&f, OWN_HOLD, 0, (int[]) { dup(0) }, 1), ==, -EBADMSG);
        g_assert_cmpint(dispatch(&f, OWN_CPU, 0, (int[]) { dup(0), dup(0), dup(0), dup(0) }, 4), ==, -EBADMSG);
        tear_down(&f);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/own/switch", test_switch);
        g_test_add_func("/own/numbers", test_numbers);
        g_test_add_func("/own/exec", test_exec);
        g_test_add_func("/own/hold", test_hold);
        g_test_add_func("/own/lost", test_lost);
        g_test_add_func("/own/refused", test_refused);
        return g_test_run();
}
