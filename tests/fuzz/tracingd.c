/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a tracingd sends to the library, of which the program need not think well:
 * anybody's, where a variable names the socket. An input is messages: a byte of
 * options, two bytes of size, the text; and where a view comes with it, two bytes
 * of size and the view. The library takes them all, the program records events in
 * between, and what it answers has the form.
 */

#undef NDEBUG

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/datagram.h"
#include "common/fd.h"
#include "protocol/handshake.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/make-view.h"
#include "tests/unit/tracer/program.h"
#include "tracer/client.h"
#include "tracer/retry.h"

#define RINGS 8
#define DESCRIPTORS 64 /* more than an input needs at once */
#define MESSAGES_MAX 8 /* as many answers do not fill the socket */

/* Of a message. */
enum {
        N_RINGS = 7, /* descriptors of rings, less one */
        VIEW = 8,
        NO_RINGS = 16,
        UNSEALED = 32, /* the view's memory may change */
};

static struct daemon tracingd = { .lock = PTHREAD_MUTEX_INITIALIZER };
static int rings[RINGS];

static void set_up(void) {
        made_rings(rings, RINGS);
        objects_lock();
        (void) objects_add(program_object());
        g_assert_cmpint(objects_snapshot(&tracingd.snapshot), ==, 0);
        objects_unlock();
}

static const uint8_t *take_sized(struct fuzz_input *input, size_t max, size_t *ret_size) {
        size_t size = fuzz_take_u8(input) | (size_t) fuzz_take_u8(input) << 8;

        *ret_size = MIN(MIN(size, input->size), max);
        return fuzz_take(input, *ret_size);
}

static int make_view(struct fuzz_input *input, bool sealed) {
        const uint8_t *view;
        size_t size;
        int fd;

        view = take_sized(input, UINT16_MAX, &size);
        if (sealed) {
                g_assert_cmpint(memfd_new_constant("view", view, size, &fd), ==, 0);
                return fd;
        }
        fd = memfd_create("view", MFD_CLOEXEC);
        g_assert_cmpint(fd, >=, 0);
        g_assert_cmpint(write(fd, view, size), ==, size);
        return fd;
}

static bool send_message(int socket, struct fuzz_input *input) {
        uint8_t options = fuzz_take_u8(input);
        int fds[1 + RINGS], view = -1;
        const uint8_t *text;
        size_t size, n = 0;
        bool sent;

        text = take_sized(input, HANDSHAKE_SIZE_MAX, &size);
        if (options & VIEW)
                fds[n++] = view = make_view(input, !(options & UNSEALED));
        for (unsigned i = 0; !(options & NO_RINGS) && i <= (options & N_RINGS); i++)
                fds[n++] = rings[i];
        sent = datagram_send(socket, text, size, fds, n, MSG_DONTWAIT) >= 0;
        closep(&view);
        return sent;
}

static void read_answers(int socket) {
        char buffer[HANDSHAKE_SIZE_MAX];
        int fds[DATAGRAM_FDS_MAX], r;
        struct handshake h;
        size_t n_fds;

        while ((r = datagram_recv(socket, buffer, sizeof(buffer), fds, &n_fds, MSG_DONTWAIT)) > 0) {
                g_assert_cmpint(handshake_parse(buffer, (size_t) r, &h), ==, 0);
                g_assert_true(h.keys & (HANDSHAKE_APPLIED | HANDSHAKE_ERRNO | HANDSHAKE_GET | HANDSHAKE_EVENTS));
                g_assert_cmpuint(n_fds, <=, 1);
                datagram_close_fds(fds, n_fds);
        }
}

/* Each time that a view has been answered for, until the other end is heard of no more. */
static void converse(int socket) {
        int64_t deadline = retry_now() + 5000;
        int r;

        tracingd.connection = socket;
        tracingd.application = 0;
        do {
                tracingd.applied = tracingd.snapshot->version + 1;
                r = client_receive_first(&tracingd, deadline);
                program_trace(7);
        } while (r == 0);
        g_assert_cmpint(r, !=, -EAGAIN);
        actions_clear(&tracingd.view);
        g_assert_cmpuint(program_enabled(), ==, 0);
}

/* No descriptor has stayed: of the lowest that were free at first, none is in use. */
static void check_descriptors(void) {
        static struct pollfd fds[DESCRIPTORS];

        if (fds[0].fd == 0) {
                int lowest = dup(rings[0]);

                g_assert_cmpint(lowest, >=, 0);
                close(lowest);
                for (int i = 0; i < DESCRIPTORS; i++)
                        fds[i].fd = lowest + i;
        }
        g_assert_cmpint(poll(fds, DESCRIPTORS, 0), ==, DESCRIPTORS);
        for (unsigned i = 0; i < DESCRIPTORS; i++)
                g_assert_cmpint(fds[i].revents, ==, POLLNVAL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct fuzz_input input = { data, size };
        int pair[2];

        if (!tracingd.snapshot)
                set_up();
        check_descriptors();
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), ==, 0);
        for (unsigned i = 0; i < MESSAGES_MAX && input.size > 0; i++)
                if (!send_message(pair[0], &input))
                        break;
        g_assert_cmpint(shutdown(pair[0], SHUT_WR), ==, 0);
        converse(pair[1]);
        read_answers(pair[0]);
        close(pair[0]);
        close(pair[1]);
        check_descriptors();
        return 0;
}

static void put_sized(GByteArray *input, const void *data, size_t size) {
        const uint8_t head[] = { (uint8_t) size, (uint8_t) (size >> 8) };

        g_byte_array_append(input, head, sizeof(head));
        g_byte_array_append(input, data, (guint) size);
}

static void put(GByteArray *input, uint8_t options, const struct handshake *h, const GByteArray *view) {
        char buffer[HANDSHAKE_SIZE_MAX];

        g_byte_array_append(input, &options, 1);
        put_sized(input, buffer, handshake_format(h, buffer, sizeof(buffer)));
        if (view)
                put_sized(input, view->data, view->len);
}

void fuzz_seeds(fuzz_add add) {
        static const char *const filters[] = { "value == 7 && text == \"a*g\"", "$ctx.vtid > 1 || value < 2" };
        struct handshake ready = {
                .keys = HANDSHAKE_READY | HANDSHAKE_APPLICATION | HANDSHAKE_GENERATION | HANDSHAKE_PID | HANDSHAKE_UID |
                        HANDSHAKE_GID | HANDSHAKE_CGROUP | HANDSHAKE_NAMESPACE_SAME,
                .application = 9, .generation = 1, .pid = 77, .uid = 1000, .gid = 100, .cgroup = "/till.service",
        };
        struct handshake need = { .keys = HANDSHAKE_NEED }, config = ready;
        g_autoptr(GByteArray) input = g_byte_array_new(), plain = NULL, filtered = NULL;

        if (!tracingd.snapshot)
                set_up();
        plain = made_view(1, NULL, 0, tracingd.snapshot->hash);
        filtered = made_view(2, filters, G_N_ELEMENTS(filters), tracingd.snapshot->hash);
        config.keys = HANDSHAKE_CONFIG | HANDSHAKE_GENERATION;
        put(input, NO_RINGS, &need, NULL);
        put(input, VIEW | 3, &ready, plain);
        config.generation = 2;
        put(input, VIEW | 7, &config, filtered);
        config.generation = 3;
        put(input, NO_RINGS, &config, NULL);
        put(input, VIEW | UNSEALED | 3, &config, plain);
        put(input, VIEW | 3, &config, plain);
        add(input->data, input->len);
}
