/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What tracingd sends to a consumer. An input is a byte of options, then
 * messages: a byte of type, a byte of options, two bytes of size, the body
 * without its header. A type that no message has stands for what tracingd sends
 * first. Whatever comes, the consumer answers and does what it can.
 */

#undef NDEBUG

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/fd.h"
#include "tests/fuzz/consumer-world.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/kernel-example.h"
#include "tests/fuzz/make-definitions.h"

#define MESSAGES_MAX 40
#define KERNEL_SUBBUF 4096
/* Of an input. */
enum {
        RESUMED = 1,
        FILES = 2, /* rings can be files of the output */
};

/* Of a message. */
enum {
        OTHER_FDS = 1,  /* than belong to its type */
        SAME_SERIAL = 2, /* as the one before */
        TURN = 4,       /* the consumer does something first */
        RAW = 8,        /* the body has the header, too */
};

static struct consumer_world world;
static int definitions_fd, descriptions_fd, scratch_fd, processes_fd, page_fd, stats_fd;

static void make_page(void) {
        char page[KERNEL_SUBBUF] = "";

        kernel_example_page(page);
        page_fd = memfd_create("page", MFD_CLOEXEC);
        g_assert_cmpint(write(page_fd, page, sizeof(page)), ==, sizeof(page));
        stats_fd = memfd_create("stats", MFD_CLOEXEC);
        g_assert_cmpint(write(stats_fd, "entries: 1\noverrun: 2\n", 22), ==, 22);
}

static void set_up(void) {
        static const struct consumer_kernel_process process = { .tid = 1, .pid = 1, .state = 'S', .name = "init" };
        char definitions[MADE_DEFINITIONS_SIZE];
        size_t size = made_definitions_example(definitions);

        g_assert_cmpint(memfd_new_constant("definitions", definitions, size, &definitions_fd), ==, 0);
        g_assert_cmpint(memfd_new_constant("descriptions", kernel_example, strlen(kernel_example), &descriptions_fd), ==, 0);
        g_assert_cmpint(memfd_new_constant("processes", &process, sizeof(process), &processes_fd), ==, 0);
        g_assert_cmpint(memfd_new_shared("scratch", CONSUMER_KERNEL_SCRATCH_SIZE(1, KERNEL_SUBBUF), &scratch_fd), ==, 0);
        make_page();
}

/* What a message of this type brings. */
static size_t choose_fds(uint32_t type, int fds[static DATAGRAM_FDS_MAX]) {
        int own[2] = { -1, -1 };
        size_t n = 0;

        switch (type) {
        case CONSUMER_SESSION:
                own[0] = world.status_fd;
                break;
        case CONSUMER_RINGS:
                own[0] = world.ring_fd;
                own[1] = world.positions_fd;
                break;
        case CONSUMER_CLASSES:
                own[0] = definitions_fd;
                break;
        case CONSUMER_KERNEL:
                own[0] = scratch_fd;
                own[1] = descriptions_fd;
                break;
        case CONSUMER_KERNEL_CPUS:
                own[0] = page_fd;
                own[1] = stats_fd;
                break;
        case CONSUMER_KERNEL_EVENTS:
                own[0] = descriptions_fd;
                break;
        case CONSUMER_KERNEL_STATE:
                own[0] = processes_fd;
                break;
        }
        for (; n < G_N_ELEMENTS(own) && own[n] >= 0; n++)
                fds[n] = own[n];
        return n;
}

static size_t choose_any_fds(struct fuzz_input *input, int fds[static DATAGRAM_FDS_MAX]) {
        const int all[] = { world.status_fd, world.ring_fd, world.positions_fd, definitions_fd, descriptions_fd, scratch_fd,
                            processes_fd, page_fd, stats_fd };
        size_t n = fuzz_take_u8(input) % 4;

        for (size_t i = 0; i < n; i++)
                fds[i] = all[fuzz_take_u8(input) % G_N_ELEMENTS(all)];
        return n;
}

static bool send_stream(uint64_t serial) {
        struct consumer_header header = { .type = CONSUMER_STREAM, .size = sizeof(header), .serial = serial };
        int pair[2], life[2], fds[2], r;

        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), ==, 0);
        g_assert_cmpint(pipe2(life, O_CLOEXEC), ==, 0);
        fds[0] = pair[0];
        fds[1] = life[1];
        r = datagram_send(world.socket, &header, sizeof(header), fds, 2, MSG_DONTWAIT);
        for (unsigned i = 0; i < 2; i++) {
                close(pair[i]);
                close(life[i]);
        }
        return r >= 0;
}

/* False where no more fits into the socket. */
static bool send_message(struct fuzz_input *input, uint8_t type, uint8_t options) {
        size_t size = fuzz_take_u8(input) | (size_t) fuzz_take_u8(input) << 8, header = sizeof(struct consumer_header);
        char message[CONSUMER_MESSAGE_MAX] __attribute__((aligned(8)));
        int fds[DATAGRAM_FDS_MAX];
        size_t n_fds;

        n_fds = options & OTHER_FDS ? choose_any_fds(input, fds) : choose_fds(type, fds);
        size = MIN(MIN(size, input->size), sizeof(message) - header);
        world.serial -= options & SAME_SERIAL && world.serial > 0;
        if (type == CONSUMER_STREAM && !(options & OTHER_FDS))
                return send_stream(++world.serial);
        if (options & RAW) {
                memcpy(message, fuzz_take(input, size), size);
                return datagram_send(world.socket, message, size, fds, n_fds, MSG_DONTWAIT) >= 0;
        }
        memcpy(message + header, fuzz_take(input, size), size);
        return world_send(&world, type, message, header + size, fds, n_fds);
}

static void turn(void) {
        world.drainer->next_partial = 0;
        /* Before SESSION a step waits for a message. */
        if (world.drainer->session.output.status)
                (void) drainer_step(world.drainer);
        world_read_acks(&world);
}

static void describe(void) {
        world_send_session(&world);
        world_send_rings(&world, 0);
}

static void step(struct fuzz_input *input) {
        uint8_t type = fuzz_take_u8(input), options = fuzz_take_u8(input);

        if (options & TURN)
                turn();
        if (type > CONSUMER_RING_FILES && type != CONSUMER_ACK)
                describe();
        else if (send_message(input, type, options) && !world.drainer->session.output.status)
                (void) drainer_step(world.drainer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct fuzz_input input = { data, size };
        uint8_t options;

        if (definitions_fd == 0)
                set_up();
        g_assert_cmpint(lseek(page_fd, 0, SEEK_SET), ==, 0);
        options = fuzz_take_u8(&input);
        world_begin(&world, options & RESUMED, 0);
        world.drainer->session.has_rings = options & FILES;
        for (unsigned i = 0; i < MESSAGES_MAX && input.size > 0; i++) {
                step(&input);
                turn();
        }
        if (world.drainer->session.output.status)
                drainer_end(world.drainer);
        world_end(&world);
        return 0;
}

static void put(GByteArray *input, uint8_t type, uint8_t options, const void *message, size_t size) {
        size_t body = size - sizeof(struct consumer_header);
        const uint8_t head[] = { type, options, (uint8_t) body, (uint8_t) (body >> 8) };

        g_byte_array_append(input, head, sizeof(head));
        if (body > 0)
                g_byte_array_append(input, (const guint8 *) message + sizeof(struct consumer_header), (guint) body);
}

static void put_kernel(GByteArray *input) {
        const struct consumer_kernel kernel = { .set = 5, .stream = 1, .subbuf_size = KERNEL_SUBBUF, .n_cpus = 1,
                                                .buffer_size = 65536, .uuid = { 1 }, .channel = "kernel0" };
        const struct consumer_kernel_cpus cpus = { .set = 5, .stream = 1, .n_cpus = 1 };
        const struct consumer_kernel_events events = { .set = 5, .stream = 1 };
        const struct consumer_release release = { .set = 5, .stream = 1 };

        put(input, CONSUMER_KERNEL, 0, &kernel, sizeof(kernel));
        put(input, CONSUMER_KERNEL_EVENTS, 0, &events, sizeof(events));
        put(input, CONSUMER_KERNEL_STATE, 0, &events, sizeof(events));
        put(input, CONSUMER_KERNEL_CPUS, 0, &cpus, sizeof(cpus));
        put(input, CONSUMER_FLUSH, TURN, &cpus, sizeof(struct consumer_header));
        put(input, CONSUMER_RELEASE, TURN, &release, sizeof(release));
}

void fuzz_seeds(fuzz_add add) {
        const size_t classes_size = sizeof(struct consumer_classes) + 2 * sizeof(struct consumer_class);
        g_autofree struct consumer_classes *classes = g_malloc0(classes_size);
        const struct consumer_release release = { .set = WORLD_SET, .stream = WORLD_STREAM };
        const struct consumer_rotate rotate = { .name = "chunk-1" };
        const struct consumer_ring_files files = {
                .rings = { .set = 4, .stream = 1, .word_size = 64, .uuid = { 7 }, .set_name = "files", .channel = "c" },
                .flags = RING_LOCKED, .n_cpus = 1, .n_subbufs = 2, .subbuf_size = RING_SUBBUF_SIZE_MIN,
        };
        static const uint8_t requests[] = { CONSUMER_FLUSH, CONSUMER_STOP, CONSUMER_CLEAR, CONSUMER_STREAM, CONSUMER_RESUMED };

        *classes = (struct consumer_classes) { .set = WORLD_SET, .stream = WORLD_STREAM, .n_classes = 2 };
        for (uint32_t i = 0; i < 2; i++)
                classes->classes[i] = (struct consumer_class) { i, 1 + i };
        for (uint8_t options = 0; options <= (RESUMED | FILES); options++) {
                g_autoptr(GByteArray) input = g_byte_array_new();

                g_byte_array_append(input, &options, 1);
                g_byte_array_append(input, (const guint8 *) "\x7f", 2);
                put(input, CONSUMER_RING_FILES, 0, &files, sizeof(files));
                put(input, CONSUMER_CLASSES, 0, classes, classes_size);
                put(input, CONSUMER_ROTATE, 0, &rotate, sizeof(rotate));
                put(input, CONSUMER_SNAPSHOT, TURN, &rotate, sizeof(rotate));
                for (unsigned i = 0; i < sizeof(requests); i++)
                        put(input, requests[i], TURN, &release, sizeof(struct consumer_header));
                put_kernel(input);
                put(input, CONSUMER_FLUSH, SAME_SERIAL, &release, sizeof(struct consumer_header));
                put(input, CONSUMER_RELEASE, 0, &release, sizeof(release));
                add(input->data, input->len);
        }
}
