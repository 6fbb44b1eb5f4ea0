/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The reader of an owner's own kernel events: tracingd's messages to it, and the
 * kernel's sub-buffers. An input is steps: a record or bytes in the pipe of a
 * processor, a message, a turn of the reader. What comes out are whole
 * sub-buffers; none before threads were vouched for; and where all records were
 * made here, in which only even numbers can become the owner's, no other number.
 */

#undef NDEBUG

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fd.h"
#include "consumer/kernel-record.h"
#include "consumer/own-state.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/consumer/own-formats.h"

#define CPUS 2
#define STREAM 3
#define STEPS_MAX 100
#define RECORD_MAX 96

static const struct kernel_layout layout = { 8, 16, 4096 };
static int head_fd, events_fd, stats_fd, counts_fd;

struct play {
        struct own_state state;
        struct fuzz_input input;
        int ask, pipes[CPUS], to[CPUS];
        bool vouched, wild; /* what is recorded, and how it is described, is not made here alone */
};

static int memory(const void *data, size_t size) {
        int fd;

        g_assert_cmpint(memfd_new_constant("memory", data, size, &fd), ==, 0);
        return fd;
}

static void set_up(void) {
        g_autofree char *head = own_formats(0, 3, true), *events = own_formats(3, 5, false);

        head_fd = memory(head, strlen(head));
        events_fd = memory(events, strlen(events));
        g_assert_cmpint(memfd_new_shared("stats", 4096, &stats_fd), ==, 0);
        g_assert_cmpint(memfd_new_shared("counts", 4096, &counts_fd), ==, 0);
}

static void set_lost(unsigned n) {
        char text[64];
        int size = g_snprintf(text, sizeof(text), "overrun: %u\ndropped events: 0\n", n);

        g_assert_cmpint(pwrite(stats_fd, text, (size_t) size, 0), ==, size);
}

static int tell(struct play *p, const struct own_message *m, int *fds, size_t n) {
        int r = own_state_dispatch(&p->state, m, fds, n);

        for (size_t i = 0; i < n; i++)
                if (fds[i] >= 0)
                        close(fds[i]);
        return r;
}

static struct own_message message(uint32_t type) {
        return (struct own_message) {
                .header = { .type = type, .size = sizeof(struct own_message) },
                .clock = TRACE_CLOCK_MONOTONIC, .stream = STREAM, .subbuf_size = layout.subbuf_size, .n_cpus = CPUS,
        };
}

static void tell_plainly(struct play *p, uint32_t type, int fd) {
        const struct own_message m = message(type);

        g_assert_cmpint(tell(p, &m, &fd, fd >= 0), ==, 0);
}

static void make_pair(int type, int pair[2]) {
        g_assert_cmpint(socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), ==, 0);
}

static void begin_cpu(struct play *p, uint32_t cpu) {
        struct own_message m = message(OWN_CPU);
        int in[2], out[2], fds[4];

        make_pair(SOCK_SEQPACKET, in);
        make_pair(SOCK_SEQPACKET, out);
        p->pipes[cpu] = in[0];
        p->to[cpu] = out[0];
        m.cpu = cpu;
        memcpy(fds, (int[]) { in[1], dup(stats_fd), out[1], dup(counts_fd) }, sizeof(fds));
        g_assert_cmpint(tell(p, &m, fds, 4), ==, 0);
}

static void begin(struct play *p) {
        int pair[2];

        set_lost(0);
        g_assert_cmpint(own_state_init(&p->state, -1), ==, 0);
        make_pair(SOCK_SEQPACKET, pair);
        p->ask = pair[0];
        tell_plainly(p, OWN, pair[1]);
        tell_plainly(p, OWN_CHANNEL, dup(head_fd));
        for (uint32_t cpu = 0; cpu < CPUS; cpu++)
                begin_cpu(p, cpu);
        tell_plainly(p, OWN_EVENTS, dup(events_fd));
}

static void end(struct play *p) {
        for (unsigned i = 0; i < CPUS; i++) {
                close(p->pipes[i]);
                close(p->to[i]);
        }
        close(p->ask);
        own_state_done(&p->state);
}

static int32_t number_at(const char *record, size_t at) {
        int32_t n;

        memcpy(&n, record + at, sizeof(n));
        return n;
}

/* Of those that the owner's threads give their numbers to, too. */
static void make_even(char *record, size_t at) {
        record[at] &= ~1;
}

static void push_record(struct play *p, unsigned cpu) {
        static struct own_page page;
        char record[RECORD_MAX] = { 0 };
        uint16_t id = 1 + fuzz_take_u8(&p->input) % 6;
        size_t n = fuzz_take_u8(&p->input) % (RECORD_MAX - 4);
        const uint8_t *bytes = fuzz_take(&p->input, n);
        uint64_t now = trace_clock_read_monotonic(0);

        if (!bytes)
                return;
        memcpy(record, &id, sizeof(id));
        memcpy(record + 4, bytes, n);
        if (id == FORK)
                make_even(record, 44);
        if (id == EXEC)
                make_even(record, 8);
        own_page_begin(&page, &layout, now);
        g_assert_true(own_page_add(&page, &layout, record, (uint32_t) (n + 4 + 3) / 4 * 4, now));
        (void) send(p->pipes[cpu], page.data, page.size, MSG_NOSIGNAL);
}

static void push_bytes(struct play *p, unsigned cpu) {
        size_t n = fuzz_take_u8(&p->input) | (size_t) fuzz_take_u8(&p->input) << 8;
        const uint8_t *bytes;

        n = MIN(MIN(n, p->input.size), layout.subbuf_size);
        bytes = fuzz_take(&p->input, n);
        p->wild = true;
        if (n > 0)
                (void) send(p->pipes[cpu], bytes, n, MSG_NOSIGNAL);
}

static void vouch(struct play *p) {
        struct own_thread threads[4];
        size_t n = 1 + fuzz_take_u8(&p->input) % G_N_ELEMENTS(threads);

        for (size_t i = 0; i < n; i++)
                threads[i] = (struct own_thread) { 2 + fuzz_take_u8(&p->input) / 2 * 2, fuzz_take_u8(&p->input) % 2 };
        p->vouched = true;
        tell_plainly(p, OWN_THREADS, memory(threads, n * sizeof(threads[0])));
}

static void describe(struct play *p) {
        size_t n = fuzz_take_u8(&p->input) | (size_t) fuzz_take_u8(&p->input) << 8;
        struct own_message m = message(OWN_EVENTS);
        int fd;

        n = MIN(n, p->input.size);
        p->wild = true;
        fd = memory(fuzz_take(&p->input, n), n);
        (void) tell(p, &m, &fd, 1);
}

static void tell_anything(struct play *p) {
        const int all[] = { head_fd, events_fd, stats_fd, p->to[0], p->ask };
        struct own_message m = message(OWN + fuzz_take_u8(&p->input) % 8);
        size_t n = fuzz_take_u8(&p->input) % 5;
        int fds[4];

        p->wild = p->vouched = true;
        m.clock = fuzz_take_u8(&p->input);
        m.stream = fuzz_take_u8(&p->input) % 4;
        m.n_cpus = fuzz_take_u8(&p->input) % 8; /* more cost much memory each */
        m.cpu = fuzz_take_u8(&p->input);
        m.subbuf_size = (uint32_t) (fuzz_take_u64(&p->input) >> (fuzz_take_u8(&p->input) % 64));
        for (size_t i = 0; i < n; i++)
                fds[i] = dup(all[fuzz_take_u8(&p->input) % G_N_ELEMENTS(all)]);
        (void) tell(p, &m, fds, n);
}

static void check_number(const struct play *p, const char *record, size_t at) {
        g_assert_true(p->wild || number_at(record, at) % 2 == 0);
}

static void check_page(const struct play *p, const char *page, size_t size) {
        struct kernel_cursor c = { page + layout.data_at, page + size, kernel_page_time(page) };
        const char *record, *last = NULL;
        uint32_t n;

        g_assert_true(p->vouched);
        g_assert_cmpuint(size, >, layout.data_at);
        while ((record = kernel_cursor_next(&c, &n))) {
                uint16_t id;

                memcpy(&id, record, sizeof(id));
                g_assert_true(p->wild || (id > 0 && id <= CALL));
                check_number(p, record, 4);
                if (id == SWITCH) {
                        check_number(p, record, 24);
                        check_number(p, record, 56);
                }
                last = record + n;
        }
        g_assert_true(last == page + size);
}

static void turn(struct play *p) {
        static char page[OWN_PAGE_MAX];
        uint64_t horizon;
        ssize_t n;
        char byte;

        (void) own_state_read(&p->state, &horizon);
        (void) own_state_pass(&p->state, horizon);
        (void) own_state_collect(&p->state, own_state_is_empty(&p->state));
        for (unsigned i = 0; i < CPUS; i++)
                while ((n = recv(p->to[i], page, sizeof(page), 0)) > 0)
                        check_page(p, page, (size_t) n);
        (void) recv(p->ask, &byte, 1, 0);
}

static void step(struct play *p) {
        uint8_t n = fuzz_take_u8(&p->input);

        switch (n % 16) {
        case 0:
                push_bytes(p, n / 16 % CPUS);
                break;
        case 1:
                tell_anything(p);
                break;
        case 2:
                describe(p);
                break;
        case 3:
                set_lost(fuzz_take_u8(&p->input));
                break;
        case 4:
        case 5:
                tell_plainly(p, OWN_HOLD, -1);
                break;
        case 6:
        case 7:
                vouch(p);
                break;
        case 8:
        case 9:
        case 10:
                turn(p);
                break;
        default:
                push_record(p, n / 16 % CPUS);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct play p = { .input = { data, size } };

        if (head_fd == 0)
                set_up();
        begin(&p);
        for (unsigned i = 0; i < STEPS_MAX && p.input.size > 0; i++)
                step(&p);
        turn(&p);
        end(&p);
        return 0;
}

static void put_record(GByteArray *input, uint8_t cpu, uint8_t id, const int32_t *words, uint8_t n) {
        const uint8_t head[] = { 15 | cpu << 4, id - 1, n * 4 };

        g_byte_array_append(input, head, sizeof(head));
        g_byte_array_append(input, (const guint8 *) words, n * 4);
}

void fuzz_seeds(fuzz_add add) {
        /* Thread 10 forks 12, switches to 99 and back, calls; 20 executes a program, and it is asked about. */
        static const uint8_t hold[] = { 4, 6, 1, 8, 1, 18, 0, 8 }, again[] = { 8, 4, 6, 0, 18, 0, 8 };
        static const uint8_t others[] = { 0, 20, 0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 7,
                                          2, 16, 0, '@', ' ', 'a', ' ', 'b', ' ', '3', '\n', 'n', 'a', 'm', 'e', ':', ' ', 'c', '\n',
                                          1, 1, 1, 1, 2, 4, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 3, 9, 8 };
        const int32_t fork[] = { 10, 0, 0, 0, 0, 10, 0, 0, 0, 0, 12 }, exec[] = { 20, 20, 20 };
        const int32_t leaves[] = { 10, 1, 1, 1, 1, 10, 120, 1, 0, 7, 7, 7, 7, 99, 77 };
        const int32_t comes[] = { 99, 7, 7, 7, 7, 99, 77, 1, 0, 1, 1, 1, 1, 10, 120 };
        const int32_t exits[] = { 12, 0, 0, 0, 0, 12 }, call[] = { 12, 121, -1, 5, 0 };
        g_autoptr(GByteArray) input = g_byte_array_new();

        g_byte_array_append(input, hold, sizeof(hold));
        put_record(input, 0, FORK, fork, G_N_ELEMENTS(fork));
        put_record(input, 1, CALL, call, G_N_ELEMENTS(call));
        put_record(input, 0, SWITCH, leaves, G_N_ELEMENTS(leaves));
        put_record(input, 0, SWITCH, comes, G_N_ELEMENTS(comes));
        put_record(input, 1, EXIT, exits, G_N_ELEMENTS(exits));
        put_record(input, 0, EXEC, exec, G_N_ELEMENTS(exec));
        g_byte_array_append(input, again, sizeof(again));
        add(input->data, input->len);
        g_byte_array_append(input, others, sizeof(others));
        add(input->data, input->len);
}
