/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * An input is what an application sends, messages with 0xff between them, those
 * that begin with 0xfe with definitions. Each is parsed, and written again where
 * it is good; and tracingd's registry is told all of them by one connection, as
 * its workers would, but in this thread.
 */

#undef NDEBUG

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/hash.h"
#include "service/domain/user.h"
#include "service/registry/internal.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/make-definitions.h"
#include "tests/unit/service/bare-registry.h"
#include "tracer/contexts.h"

#define BARRIER 1000 /* applications that wait to be freed */

static struct bare_registry world;
static int definitions_fd;
static uint64_t definitions_hash;

static void set_up(void) {
        char *buffer = g_malloc(MADE_DEFINITIONS_SIZE);
        size_t size = made_definitions_example(buffer);

        definitions_hash = hash_bytes(HASH_INIT, buffer, size);
        g_assert_cmpint(memfd_new_constant("definitions", buffer, size, &definitions_fd), ==, 0);
        g_free(buffer);
        bare_registry_init(&world, NULL);
        registry_stop(world.registry);
}

static void check_form(const char *data, size_t size) {
        char buffer[HANDSHAKE_SIZE_MAX], again_buffer[HANDSHAKE_SIZE_MAX];
        struct context_process process;
        struct handshake h, again;
        size_t n;

        if (handshake_parse(data, size, &h) < 0)
                return;
        contexts_read_process(&h, &process);
        n = handshake_format(&h, buffer, sizeof(buffer));
        g_assert_cmpuint(n, <=, sizeof(buffer));
        /* Of keys that are not known here nothing is left, and without any there is no message. */
        if (h.keys == 0)
                return;
        g_assert_cmpint(handshake_parse(buffer, n, &again), ==, 0);
        g_assert_cmpuint(again.keys, ==, h.keys);
        g_assert_cmpmem(again_buffer, handshake_format(&again, again_buffer, sizeof(again_buffer)), buffer, n);
}

/* What it is told makes sense. */
static void read_answers(int peer) {
        char buffer[HANDSHAKE_SIZE_MAX];
        int fds[DATAGRAM_FDS_MAX], r;
        struct handshake h;
        size_t n_fds, view;

        while ((r = datagram_recv(peer, buffer, sizeof(buffer), fds, &n_fds, MSG_DONTWAIT)) > 0) {
                int text_size = handshake_find_view(buffer, (size_t) r, &view);

                g_assert_cmpint(text_size, >, 0);
                g_assert_true(view == (size_t) r || n_fds == 0);
                g_assert_cmpint(handshake_parse(buffer, (size_t) text_size, &h), ==, 0);
                g_assert_true(h.keys & (HANDSHAKE_NEED | HANDSHAKE_READY | HANDSHAKE_CONFIG));
                datagram_close_fds(fds, n_fds);
        }
}

static bool serve(struct application *a, int peer) {
        int r = application_read(a);

        if (r >= 0 && a->state == APPLICATION_REGISTERED) {
                a->resend = true;
                r = application_push(a);
        }
        read_answers(peer);
        return r >= 0;
}

/* Until one of them breaks the form. */
static void converse(struct application *a, int peer, const uint8_t *data, size_t size) {
        const uint8_t *end = data + size, *next;
        bool good = true;

        for (const uint8_t *p = data; p < end && good; p = next + 1) {
                bool has_fd = *p == 0xfe;

                next = memchr(p, 0xff, (size_t) (end - p)) ?: end;
                p += has_fd;
                check_form((const char *) p, (size_t) (next - p));
                if (datagram_send(peer, p, (size_t) (next - p), &definitions_fd, has_fd, MSG_DONTWAIT) < 0)
                        break;
                good = serve(a, peer);
        }
}

static void ignore(struct application *a, void *userdata) {
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct application *a;
        static unsigned n;
        int pair[2];

        if (!world.registry)
                set_up();
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), ==, 0);
        g_assert_cmpint(registry_connect(world.registry, pair[0], &a), ==, 0);
        converse(a, pair[1], data, size);
        registry_disconnect(a, false);
        registry_take_news(world.registry, UINT_MAX, ignore, ignore, NULL);
        application_unref(a);
        close(pair[1]);
        if (n++ % BARRIER == 0)
                rcu_barrier();
        return 0;
}

static void put(GByteArray *input, const struct handshake *h, bool fd) {
        char buffer[HANDSHAKE_SIZE_MAX];
        size_t n = handshake_format(h, buffer, sizeof(buffer));

        if (input->len > 0)
                g_byte_array_append(input, (const guint8 *) "\xff", 1);
        if (fd)
                g_byte_array_append(input, (const guint8 *) "\xfe", 1);
        g_byte_array_append(input, (const guint8 *) buffer, (guint) n);
}

void fuzz_seeds(fuzz_add add) {
        g_autoptr(GByteArray) input = g_byte_array_new(), other = g_byte_array_new();

        if (!world.registry)
                set_up();
        put(input, &(struct handshake) {
                    .keys = HANDSHAKE_REGISTER | HANDSHAKE_ABI | HANDSHAKE_NAME | HANDSHAKE_EVENTS | HANDSHAKE_PID |
                            HANDSHAKE_WORD | HANDSHAKE_EXECUTABLE | HANDSHAKE_RESUME,
                    .abi_major = HANDSHAKE_ABI_MAJOR, .events = definitions_hash, .pid = 77, .word = 32, .resume = 3,
                    .name = "till", .executable = "/usr/bin/till" }, false);
        put(input, &(struct handshake) { .keys = HANDSHAKE_EVENTS, .events = definitions_hash }, true);
        put(input, &(struct handshake) { .keys = HANDSHAKE_APPLIED, .applied = 1 }, false);
        put(input, &(struct handshake) { .keys = HANDSHAKE_GET, .get = 1 }, false);
        put(input, &(struct handshake) { .keys = HANDSHAKE_EVENTS | HANDSHAKE_FORM_LOCKED, .events = 5 }, false);
        put(input, &(struct handshake) { .keys = HANDSHAKE_ERRNO | HANDSHAKE_GENERATION, .error = 12, .generation = 1 },
            false);
        add(input->data, input->len);
        put(other, &(struct handshake) {
                    .keys = HANDSHAKE_READY | HANDSHAKE_APPLICATION | HANDSHAKE_GENERATION | HANDSHAKE_PID |
                            HANDSHAKE_UID | HANDSHAKE_GID | HANDSHAKE_CGROUP | HANDSHAKE_NAMESPACE_SAME,
                    .application = 9, .generation = 4, .pid = 77, .uid = 1000, .gid = 100, .cgroup = "/till.service" },
            false);
        put(other, &(struct handshake) { .keys = HANDSHAKE_NEED | HANDSHAKE_CONFIG }, false);
        add(other->data, other->len);
}
