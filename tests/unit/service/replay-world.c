/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "replay-world.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"

static void on_failed(const char *reason, void *userdata) {
        struct world *w = userdata;

        w->failures++;
        g_free(w->reason);
        w->reason = g_strdup(reason);
}

static void on_drained(void *userdata) {
}

static void on_ended(void *userdata) {
        struct world *w = userdata;

        w->ends++;
}

void on_answer(int error, const char *path, void *userdata) {
        struct world *w = userdata;

        w->answers++;
        w->last_error = error;
}

struct world *world_new(void) {
        const struct consumer_handlers handlers = { on_failed, on_drained, on_ended, g_new0(struct world, 1) };
        const struct consumer_spec spec = { .owner = 1000, .session = "s", .kind = CONSUMER_OUTPUT_FD };
        struct world *w = handlers.userdata;

        w->systemd = fake_systemd_new(false, 0);
        w->fd = -1;
        for (size_t i = 0; i < G_N_ELEMENTS(w->files); i++)
                g_assert_no_errno(w->files[i] = memfd_create("test", MFD_CLOEXEC));
        g_assert_cmpint(consumer_new(w->systemd->event, &(struct consumer_starter) { .units = w->systemd->starter },
                                     &spec, &handlers, &w->consumer), ==, 0);
        return w;
}

void die(struct world *w) {
        close(w->fd);
        w->fd = -1;
}

void world_free(struct world *w) {
        consumer_free(w->consumer);
        if (w->fd >= 0)
                die(w);
        fake_systemd_free(w->systemd);
        for (size_t i = 0; i < G_N_ELEMENTS(w->files); i++)
                close(w->files[i]);
        g_free(w->reason);
        g_free(w);
}

int receive_now(struct world *w, union any *m, int *fds, size_t *n_fds) {
        int n = datagram_recv(w->fd, m, sizeof(*m), fds, n_fds, MSG_DONTWAIT);

        if (n == -EAGAIN)
                return 0;
        g_assert_cmpint(n, ==, (int) m->header.size);
        return 1;
}

static bool is_file(int a, int b) {
        struct stat s, t;

        g_assert_no_errno(fstat(a, &s));
        g_assert_no_errno(fstat(b, &t));
        return s.st_ino == t.st_ino;
}

void expect(struct world *w, enum consumer_type type, union any *m, const int *files, size_t n_files) {
        int fds[DATAGRAM_FDS_MAX];
        size_t n_fds;

        if (w->fd < 0)
                w->fd = fake_systemd_accept(w->systemd);
        FAKE_WAIT(w->systemd, receive_now(w, m, fds, &n_fds) > 0);
        g_assert_cmpuint(m->header.type, ==, type);
        g_assert_cmpuint(n_fds, ==, n_files);
        for (size_t i = 0; i < n_fds; i++)
                g_assert_true(is_file(fds[i], files[i]));
        datagram_close_fds(fds, n_fds);
}

void answer(struct world *w, const union any *m, int error) {
        const struct consumer_ack ack = {
                .header = { .type = CONSUMER_ACK, .size = sizeof(ack), .serial = m->header.serial },
                .error = error,
        };

        g_assert_cmpint(datagram_send(w->fd, &ack, sizeof(ack), NULL, 0, 0), >=, 0);
}

void assert_quiet(struct world *w) {
        union any m;
        int fds[DATAGRAM_FDS_MAX];
        size_t n_fds;

        for (int i = 0; i < 20; i++) {
                fake_systemd_turn(w->systemd);
                g_assert_cmpint(receive_now(w, &m, fds, &n_fds), ==, 0);
        }
}

void request(struct world *w, union any *m, uint32_t type, size_t size, int fd) {
        m->header = (struct consumer_header) { .type = type, .size = (uint32_t) size };
        g_assert_cmpint(consumer_request(w->consumer, &m->header, &fd, fd >= 0, on_answer, w), ==, 0);
}

uint64_t tell(struct world *w, union any *m, uint32_t type, size_t size, const int *fds, size_t n_fds) {
        uint64_t serial;

        m->header = (struct consumer_header) { .type = type, .size = (uint32_t) size };
        g_assert_cmpint(sender_send(consumer_sender(w->consumer), &m->header, fds, n_fds, &serial), ==, 0);
        return serial;
}

void begin_session(struct world *w) {
        union any m = { 0 };

        m.output.kind = CONSUMER_OUTPUT_FD;
        request(w, &m, CONSUMER_OUTPUT, sizeof(m.output), w->files[0]);
        request(w, &m, CONSUMER_SESSION, sizeof(m.session), sender_status_fd(consumer_sender(w->consumer)));
}

uint64_t add_stream(struct world *w, uint64_t set, uint32_t stream) {
        union any m = { 0 };

        m.rings.set = set;
        m.rings.stream = stream;
        tell(w, &m, CONSUMER_RINGS, sizeof(m.rings), &w->files[1], 2);
        m = (union any) { 0 };
        m.classes.set = set;
        m.classes.stream = stream;
        return tell(w, &m, CONSUMER_CLASSES, sizeof(m.classes), &w->files[3], 1);
}

uint64_t add_set(struct world *w, uint64_t set) {
        return add_stream(w, set, 1);
}
