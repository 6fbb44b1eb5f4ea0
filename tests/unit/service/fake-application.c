/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "fixture.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/hash.h"
#include "protocol/definitions.h"

int make_definitions(const char *const *events, uint64_t *ret_hash) {
        size_t offset = sizeof(struct definitions_header), n;
        static char buffer[1 << 20];
        int fd = -1;

        for (n = 0; events[n]; n++) {
                g_auto(GStrv) parts = g_strsplit_set(events[n], ":@", 3);
                const struct definition d = {
                        .provider = parts[0],
                        .name = parts[1],
                        .loglevel = parts[2] ? (uint8_t) atoi(parts[2]) : 6,
                        .n_fields = 1,
                        .fields = { { DEFINITION_U64, "value" } },
                };

                g_assert_cmpint(definitions_append(buffer, sizeof(buffer), &offset, &d), ==, 0);
        }
        definitions_finish(buffer, (uint32_t) n, offset);
        *ret_hash = hash_bytes(HASH_INIT, buffer, offset);
        g_assert_cmpint(memfd_new_constant("definitions", buffer, offset, &fd), ==, 0);
        return fd;
}

/* As tracingd when it starts: a login often has 1024 descriptors, and may have more. */
static void __attribute__((constructor)) raise_limits(void) {
        struct rlimit limit;

        g_assert_no_errno(getrlimit(RLIMIT_NOFILE, &limit));
        limit.rlim_cur = limit.rlim_max;
        g_assert_no_errno(setrlimit(RLIMIT_NOFILE, &limit));
}

struct fake_application *fake_application_connect(struct fixture *f) {
        struct fake_application *a = g_new0(struct fake_application, 1);
        struct timeval timeout = { .tv_sec = WAIT_SECONDS };
        struct sockaddr_un address;
        socklen_t size = sizeof(address);

        a->definitions_fd = -1;
        a->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        g_assert_no_errno(getsockname(f->register_fd, (struct sockaddr *) &address, &size));
        g_assert_no_errno(setsockopt(a->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)));
        g_assert_no_errno(connect(a->fd, (struct sockaddr *) &address, size));
        return a;
}

void fake_application_send(struct fake_application *a, const struct handshake *h, const int *fds, size_t n_fds) {
        char buffer[HANDSHAKE_SIZE_MAX];
        size_t size = handshake_format(h, buffer, sizeof(buffer));

        g_assert_cmpint(datagram_send(a->fd, buffer, size, fds, n_fds, 0), ==, 0);
}

static void drop_view(struct fake_application *a) {
        if (a->data && !a->inline_data)
                munmap((void *) a->data, a->size);
        a->data = NULL;
        g_clear_pointer(&a->inline_data, g_free);
        datagram_close_fds(a->fds, a->n_fds);
        a->n_fds = 0;
}

static void take_view(struct fake_application *a, const int *fds, size_t n_fds) {
        drop_view(a);
        memcpy(a->fds, fds, n_fds * sizeof(int));
        a->n_fds = n_fds;
        g_assert_cmpint(memfd_map_constant(fds[0], VIEW_SIZE_MAX, &a->data, &a->size), ==, 0);
        g_assert_cmpint(view_check(a->data, a->size, n_fds - 1, &a->view), ==, 0);
        g_assert_cmpuint(a->view.header->definitions, ==, a->hash);
}

static void take_inline_view(struct fake_application *a, const char *data, size_t size) {
        drop_view(a);
        a->data = a->inline_data = g_memdup2(data, size);
        a->size = size;
        g_assert_cmpint(view_check(a->data, a->size, VIEW_FDS_KEPT, &a->view), ==, 0);
        g_assert_cmpuint(a->view.header->definitions, ==, a->hash);
}

struct handshake fake_application_recv(struct fake_application *a) {
        char buffer[HANDSHAKE_SIZE_MAX];
        int fds[DATAGRAM_FDS_MAX], n, text_size;
        struct handshake h;
        size_t n_fds = 0, view;

        n = datagram_recv(a->fd, buffer, sizeof(buffer), fds, &n_fds, 0);
        g_assert_cmpint(n, >, 0);
        text_size = handshake_find_view(buffer, (size_t) n, &view);
        g_assert_cmpint(text_size, >, 0);
        g_assert_cmpint(handshake_parse(buffer, (size_t) text_size, &h), ==, 0);
        if (n_fds > 0)
                take_view(a, fds, n_fds);
        else if (view < (size_t) n)
                take_inline_view(a, buffer + view, (size_t) n - view);
        if (h.keys & HANDSHAKE_APPLICATION)
                a->id = h.application;
        if (h.keys & HANDSHAKE_GENERATION)
                a->generation = h.generation;
        return h;
}

static void acknowledge(struct fake_application *a) {
        const struct handshake applied = { .keys = HANDSHAKE_APPLIED, .applied = a->generation };

        fake_application_send(a, &applied, NULL, 0);
}

void fake_application_apply(struct fake_application *a) {
        struct handshake h = fake_application_recv(a);

        g_assert_true(h.keys & HANDSHAKE_CONFIG);
        g_assert_cmpuint(a->view.header->generation, ==, h.generation);
        acknowledge(a);
}

void fake_application_begin(struct fake_application *a, const char *const *events, uint32_t keys) {
        struct handshake h = {
                .keys = HANDSHAKE_REGISTER | HANDSHAKE_ABI | HANDSHAKE_NAME | HANDSHAKE_EVENTS | HANDSHAKE_PID | keys,
                .abi_major = HANDSHAKE_ABI_MAJOR,
                .abi_minor = a->minor,
                .pid = (uint64_t) getpid(),
                .word = 32, /* with HANDSHAKE_WORD */
                .name = "fake",
        };

        a->definitions_fd = make_definitions(events, &a->hash);
        h.events = a->hash;
        fake_application_send(a, &h, NULL, 0);
        h = fake_application_recv(a);
        if (h.keys & HANDSHAKE_NEED) {
                h = (struct handshake) { .keys = HANDSHAKE_EVENTS | keys, .events = a->hash };
                fake_application_send(a, &h, &a->definitions_fd, 1);
                h = fake_application_recv(a);
        }
        g_assert_true(h.keys & HANDSHAKE_READY);
        g_assert_cmpuint(a->n_fds, >, 0);
        a->ready = h;
}

struct fake_application *fake_application_register_only(struct fixture *f, const char *const *events, uint32_t keys) {
        struct fake_application *a = fake_application_connect(f);

        fake_application_begin(a, events, keys);
        return a;
}

struct fake_application *fake_application_register(struct fixture *f, const char *const *events, uint32_t keys) {
        struct fake_application *a = fake_application_register_only(f, events, keys);

        acknowledge(a);
        return a;
}

void fake_application_assert_closed(struct fake_application *a) {
        char buffer[HANDSHAKE_SIZE_MAX];
        ssize_t n;

        /* Answers to what came before may still be there; what we sent and was not read makes a reset of it. */
        do
                n = recv(a->fd, buffer, sizeof(buffer), 0);
        while (n > 0);
        if (n < 0)
                g_assert_cmpint(errno, ==, ECONNRESET);
}

uint32_t fake_application_class(struct fake_application *a, uint32_t event, uint32_t *ret_ring) {
        for (uint32_t i = 0; i < a->view.n_actions; i++) {
                const struct view_action *action = view_action_at(&a->view, i);

                if (action->event != event)
                        continue;
                if (ret_ring)
                        *ret_ring = action->ring;
                return action->id;
        }
        return 0;
}

void fake_application_free(struct fake_application *a) {
        drop_view(a);
        close(a->fd);
        if (a->definitions_fd >= 0)
                close(a->definitions_fd);
        g_free(a);
}
