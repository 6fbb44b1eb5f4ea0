/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Messages that break the form, to the real consumer: answered, without any effect. */

#undef NDEBUG
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/datagram.h"
#include "common/fd.h"
#include "play-tracingd.h"

static const struct definition paid = {
        .provider = "shop", .name = "paid", .n_fields = 1, .fields = { { DEFINITION_U64, "id" } },
};
static const uint32_t paid_id = 1;

static int answer_to(struct play *p, const void *data, size_t size, const int *fds, size_t n_fds,
                     uint64_t *ret_serial) {
        int got[DATAGRAM_FDS_MAX];
        struct consumer_ack ack;
        size_t n_got;

        g_assert_cmpint(datagram_send(p->socket, data, size, fds, n_fds, 0), ==, 0);
        g_assert_cmpint(datagram_recv(p->socket, &ack, sizeof(ack), got, &n_got, 0), ==, sizeof(ack));
        *ret_serial = ack.header.serial;
        return ack.error;
}

static void test_sizes(void) {
        static char data[CONSUMER_MESSAGE_MAX + 100];
        struct consumer_header *header = (struct consumer_header *) data;
        struct play p;
        uint64_t serial;

        play_start(&p, NULL);
        g_assert_cmpint(answer_to(&p, "x", 1, NULL, 0, &serial), ==, EBADMSG);
        g_assert_cmpuint(serial, ==, 0);
        for (uint32_t type = 0; type < CONSUMER_RESUMED + 2; type++)
                for (unsigned size = sizeof(*header); size < 400; size += 4) {
                        *header = (struct consumer_header) { .type = type, .size = size + 1, .serial = 1000 + type };
                        g_assert_cmpint(answer_to(&p, data, size, NULL, 0, &serial), ==, EBADMSG);
                        g_assert_cmpuint(serial, ==, 1000 + type);
                }
        *header = (struct consumer_header) { .type = CONSUMER_CLASSES, .size = sizeof(data), .serial = 7 };
        g_assert_cmpint(answer_to(&p, data, sizeof(data), NULL, 0, &serial), ==, EBADMSG);
        g_assert_cmpuint(serial, ==, 7);
        g_assert_cmpint(play_flush(&p), ==, 0);
        play_done(&p);
}

/* Before OUTPUT, and between OUTPUT and SESSION, nothing else is accepted; a broken OUTPUT can be repeated. */
static void test_order(void) {
        struct consumer_output output = { .kind = CONSUMER_OUTPUT_FD };
        struct consumer_session session = { .name = "shop", .clock = TRACE_CLOCK_MONOTONIC, .clock_frequency = 1 };
        int directory, file;
        struct play p;

        play_start_silent(&p, NULL);
        directory = open(p.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        g_assert_cmpint(memfd_new_shared("status", 4096, &file), ==, 0);
        g_assert_cmpint(play_flush(&p), ==, EBADMSG);
        g_assert_cmpint(play_call(&p, CONSUMER_SESSION, &session, sizeof(session), &file, 1), ==, EBADMSG);
        g_assert_cmpint(play_call(&p, CONSUMER_OUTPUT, &output, sizeof(output), NULL, 0), ==, EBADMSG);
        g_assert_cmpint(play_call(&p, CONSUMER_OUTPUT, &output, sizeof(output), &file, 1), ==, ENOTDIR);
        g_assert_cmpint(play_call(&p, CONSUMER_OUTPUT, &output, sizeof(output), &directory, 1), ==, 0);
        g_assert_cmpint(play_call(&p, CONSUMER_OUTPUT, &output, sizeof(output), &directory, 1), ==, EBADMSG);
        g_assert_cmpint(play_flush(&p), ==, EBADMSG);
        /* A file of zeros is no status page. */
        g_assert_cmpint(play_call(&p, CONSUMER_SESSION, &session, sizeof(session), &file, 1), ==, EBADMSG);
        g_assert_cmpint(play_call(&p, CONSUMER_SESSION, &session, sizeof(session), &directory, 1), ==, EBADMSG);
        close(directory);
        close(file);
        play_done(&p);
}

static void test_hang_up_early(void) {
        struct play p;

        play_start_silent(&p, NULL);
        play_done(&p);
}

static int call_session(struct play *p, struct consumer_session session) {
        struct consumer_status status = { .magic = CONSUMER_STATUS_MAGIC };
        int fd, r;

        g_assert_cmpint(memfd_new_shared("status", 4096, &fd), ==, 0);
        g_assert_cmpint(pwrite(fd, &status, sizeof(status), 0), ==, sizeof(status));
        r = play_call(p, CONSUMER_SESSION, &session, sizeof(session), &fd, 1);
        close(fd);
        return r;
}

static void test_session(void) {
        const struct consumer_session good = { .name = "shop", .clock = TRACE_CLOCK_MONOTONIC, .clock_frequency = 10 };
        struct consumer_session bad;
        struct consumer_output output = { .kind = CONSUMER_OUTPUT_FD };
        struct play p;
        int fd;

        play_start_silent(&p, NULL);
        fd = open(p.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        g_assert_cmpint(play_call(&p, CONSUMER_OUTPUT, &output, sizeof(output), &fd, 1), ==, 0);
        close(fd);
        bad = good;
        bad.name[0] = '\0';
        g_assert_cmpint(call_session(&p, bad), ==, EBADMSG);
        strcpy(bad.name, "a\"; }; env { x");
        g_assert_cmpint(call_session(&p, bad), ==, EBADMSG);
        memset(bad.name, 'a', sizeof(bad.name));
        g_assert_cmpint(call_session(&p, bad), ==, EBADMSG);
        bad = good;
        bad.clock = _TRACE_CLOCK_MAX;
        g_assert_cmpint(call_session(&p, bad), ==, EBADMSG);
        bad = good;
        bad.clock_frequency = 0;
        g_assert_cmpint(call_session(&p, bad), ==, EBADMSG);
        bad = good;
        bad.clock_offset_ticks = 10;
        g_assert_cmpint(call_session(&p, bad), ==, EBADMSG);
        g_assert_cmpint(call_session(&p, good), ==, 0);
        g_assert_cmpint(call_session(&p, good), ==, EBADMSG);
        play_done(&p);
}

static void test_rings(void) {
        struct play_ring ring, broken;
        struct play p;

        play_start(&p, NULL);
        play_ring_new(&ring, 0, 1, 4, RING_SUBBUF_SIZE_MIN, p.created);
        play_ring_new(&broken, 0, 1, 4, RING_SUBBUF_SIZE_MIN, p.created);
        g_assert_cmpint(play_rings(&p, 1, 0, "../x", "default", &ring), ==, EBADMSG);
        g_assert_cmpint(play_rings(&p, 1, 0, "", "default", &ring), ==, EBADMSG);
        g_assert_cmpint(play_rings(&p, 1, 0, "shared", "a/b", &ring), ==, EBADMSG);
        ((struct ring_header *) broken.ring)->total_size++;
        g_assert_cmpint(play_rings(&p, 1, 0, "shared", "default", &broken), ==, EBADMSG);
        ((struct ring_header *) broken.ring)->total_size--;
        ((struct ring_header *) broken.ring)->clock = TRACE_CLOCK_TSC;
        g_assert_cmpint(play_rings(&p, 1, 0, "shared", "default", &broken), ==, EBADMSG);
        ((struct ring_header *) broken.ring)->major = 9;
        g_assert_cmpint(play_rings(&p, 1, 0, "shared", "default", &broken), ==, EPROTONOSUPPORT);
        close(broken.ring_fd);
        g_assert_cmpint(memfd_new_constant("x", "x", 1, &broken.ring_fd), ==, 0);
        g_assert_cmpint(play_rings(&p, 1, 0, "shared", "default", &broken), !=, 0);
        g_assert_cmpint(play_rings(&p, 1, 0, "shared", "default", &ring), ==, 0);
        g_assert_cmpint(play_rings(&p, 1, 0, "shared", "default", &ring), ==, EEXIST);
        g_assert_cmpint(play_rings(&p, 1, 1, "shared", "default", &ring), ==, EEXIST);
        g_assert_cmpint(play_rings(&p, 1, 1, "other", "extra", &ring), ==, EBADMSG);
        g_assert_cmpint(play_release(&p, 1, 5), ==, ENOENT);
        g_assert_cmpint(play_release(&p, 5, 0), ==, ENOENT);
        g_assert_cmpint(play_snapshot(&p, "../up"), ==, EBADMSG);
        play_ring_done(&ring);
        play_ring_done(&broken);
        play_done(&p);
}

static int call_classes(struct play *p, const void *definitions, size_t size, struct consumer_class class) {
        g_autofree struct consumer_classes *m = g_malloc0(sizeof(*m) + sizeof(class));
        int fd, r;

        g_assert_cmpint(memfd_new_constant("definitions", definitions, size, &fd), ==, 0);
        m->set = 1;
        m->n_classes = 1;
        m->classes[0] = class;
        r = play_call(p, CONSUMER_CLASSES, m, sizeof(*m) + sizeof(class), &fd, 1);
        close(fd);
        return r;
}

static void test_classes(void) {
        size_t size = sizeof(struct definitions_header);
        g_autofree char *before = NULL, *after = NULL, *path = NULL;
        struct play_ring ring;
        char buffer[1024] = {};
        struct play p;

        play_start(&p, NULL);
        play_ring_new(&ring, 0, 1, 4, RING_SUBBUF_SIZE_MIN, p.created);
        g_assert_cmpint(play_classes(&p, 1, 0, &paid, &paid_id, 1), ==, ENOENT);
        g_assert_cmpint(play_rings(&p, 1, 0, "shared", "default", &ring), ==, 0);
        path = play_path(&p, "shared/metadata");
        g_assert_true(g_file_get_contents(path, &before, NULL, NULL));
        g_assert_cmpint(definitions_append(buffer, sizeof(buffer), &size, &paid), ==, 0);
        definitions_finish(buffer, 1, size);
        g_assert_cmpint(call_classes(&p, buffer, size, (struct consumer_class) { 1, 1 }), ==, EBADMSG);
        g_assert_cmpint(call_classes(&p, buffer, size, (struct consumer_class) { 0, 0 }), ==, EBADMSG);
        g_assert_cmpint(call_classes(&p, buffer, size, (struct consumer_class) { 0, 31 }), ==, EBADMSG);
        g_assert_cmpint(call_classes(&p, buffer, size, (struct consumer_class) { 0, UINT32_MAX }), ==, EBADMSG);
        g_assert_cmpint(call_classes(&p, buffer, size - 1, (struct consumer_class) { 0, 1 }), ==, EBADMSG);
        g_assert_cmpint(call_classes(&p, "nonsense", 8, (struct consumer_class) { 0, 1 }), ==, EBADMSG);
        buffer[size - 2] = '"';
        g_assert_cmpint(call_classes(&p, buffer, size, (struct consumer_class) { 0, 1 }), ==, EBADMSG);
        g_assert_true(g_file_get_contents(path, &after, NULL, NULL));
        g_assert_cmpstr(before, ==, after);
        /* The same class twice is there once. */
        g_assert_cmpint(play_classes(&p, 1, 0, &paid, &paid_id, 1), ==, 0);
        g_assert_cmpint(play_classes(&p, 1, 0, &paid, &paid_id, 1), ==, 0);
        g_free(after);
        g_assert_true(g_file_get_contents(path, &after, NULL, NULL));
        g_assert_nonnull(strstr(after, "shop:paid"));
        g_assert_null(strstr(strstr(after, "shop:paid") + 1, "shop:paid"));
        g_strfreev(play_read(p.directory, NULL));
        play_ring_done(&ring);
        play_done(&p);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/message/sizes", test_sizes);
        g_test_add_func("/message/order", test_order);
        g_test_add_func("/message/hang-up-early", test_hang_up_early);
        g_test_add_func("/message/session", test_session);
        g_test_add_func("/message/rings", test_rings);
        g_test_add_func("/message/classes", test_classes);
        return g_test_run();
}
