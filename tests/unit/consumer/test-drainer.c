/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The drainer and the opener as threads of the test, without the sandbox: here
 * a sanitizer sees their memory, and that nothing of it is left at the end.
 */

#undef NDEBUG
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fd.h"
#include "consumer/drainer.h"
#include "consumer/opener.h"
#include "play-tracingd.h"

static const struct definition paid = {
        .provider = "shop",
        .name = "paid",
        .n_fields = 2,
        .fields = { { DEFINITION_U64, "id" }, { DEFINITION_STRING, "name" } },
};
static const uint32_t paid_id = 1;

struct fixture {
        struct play play;
        int socket, opener, served, directory;
        GThread *drainer_thread, *opener_thread;
};

static gpointer run_drainer(gpointer data) {
        struct fixture *f = data;
        struct session session;

        session_init(&session, f->opener, false);
        g_assert_cmpint(drainer_run(f->socket, &session), ==, 0);
        close(f->socket);
        close(f->opener);
        return NULL;
}

static gpointer run_opener(gpointer data) {
        struct fixture *f = data;
        struct opener opener = { .directory = f->directory };

        g_assert_cmpint(opener_serve(&opener, f->served), ==, 0);
        return NULL;
}

static void set_up(struct fixture *f, gconstpointer data) {
        struct consumer_session session = { .name = "shop", .clock = TRACE_CLOCK_MONOTONIC, .clock_frequency = 10 };
        int pair[2], fd;

        *f = (struct fixture) { .play.status_fd = -1 };
        f->play.created = trace_clock_read_monotonic(0) - G_GUINT64_CONSTANT(1000000000);
        f->play.directory = g_dir_make_tmp("tracectl-drainer-XXXXXX", NULL);
        f->directory = open(f->play.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), ==, 0);
        f->play.socket = pair[0];
        f->socket = pair[1];
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), ==, 0);
        f->opener = pair[0];
        f->served = pair[1];
        f->drainer_thread = g_thread_new("drainer", run_drainer, f);
        f->opener_thread = g_thread_new("opener", run_opener, f);
        g_assert_cmpint(memfd_new_shared("status", sizeof(*f->play.status), &fd), ==, 0);
        f->play.status = mmap(NULL, sizeof(*f->play.status), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        g_assert_true(f->play.status != MAP_FAILED);
        f->play.status->magic = CONSUMER_STATUS_MAGIC;
        g_assert_cmpint(play_call(&f->play, CONSUMER_SESSION, &session, sizeof(session), &fd, 1), ==, 0);
        close(fd);
}

static void hang_up(struct fixture *f) {
        close(f->play.socket);
        f->play.socket = -1;
        g_thread_join(f->drainer_thread);
        g_thread_join(f->opener_thread);
}

static void tear_down(struct fixture *f, gconstpointer data) {
        close(f->served);
        close(f->directory);
        play_done(&f->play);
}

/* All kinds of messages, two sets, both kinds of rings, and requests that are still open at the end. */
static void test_life(struct fixture *f, gconstpointer data) {
        static const char payload[] = "12345678name";
        struct consumer_header unanswered;
        struct play_ring shared, own, flight;
        uint64_t time = f->play.created;

        play_ring_new(&shared, 0, 2, 4, RING_SUBBUF_SIZE_MIN, f->play.created);
        play_ring_new(&own, RING_LOCKED, 2, 2, RING_SUBBUF_SIZE_MIN, f->play.created);
        play_ring_new(&flight, RING_OVERWRITE, 2, 2, 2 * RING_SUBBUF_SIZE_MIN, f->play.created);
        g_assert_cmpint(play_rings(&f->play, 1, 0, "shared", "default", &shared), ==, 0);
        g_assert_cmpint(play_rings(&f->play, 2, 0, "process-1", "default", &own), ==, 0);
        g_assert_cmpint(play_rings(&f->play, 1, 1, "shared", "flight", &flight), ==, 0);
        g_assert_cmpint(play_rings(&f->play, 1, 1, "shared", "flight", &flight), ==, EEXIST);
        g_assert_cmpint(play_classes(&f->play, 1, 0, &paid, &paid_id, 1), ==, 0);
        g_assert_cmpint(play_classes(&f->play, 2, 0, &paid, &paid_id, 1), ==, 0);
        g_assert_cmpint(play_classes(&f->play, 1, 1, &paid, &paid_id, 1), ==, 0);
        for (int i = 0; i < 100; i++) {
                g_assert_true(play_ring_write(&shared, i % 2, time += 100, 1, paid_id, payload, sizeof(payload)));
                g_assert_true(play_ring_write(&own, i % 2, time += 100, 2, paid_id, payload, sizeof(payload)));
                g_assert_true(play_ring_write(&flight, i % 2, time += 100, 3, paid_id, payload, sizeof(payload)));
        }
        g_assert_cmpint(play_flush(&f->play), ==, 0);
        g_assert_cmpint(play_snapshot(&f->play, "snapshot-1"), ==, 0);
        g_assert_cmpint(play_release(&f->play, 2, 0), ==, 0);
        g_assert_cmpint(play_stop(&f->play), ==, 0);
        play_send(&f->play, CONSUMER_FLUSH, &unanswered, sizeof(unanswered), NULL, 0);
        hang_up(f);
        g_assert_cmpuint(f->play.status->events, ==, 300);
        play_ring_done(&shared);
        play_ring_done(&own);
        play_ring_done(&flight);
}

static void test_nothing(struct fixture *f, gconstpointer data) {
        hang_up(f);
        g_assert_cmpuint(f->play.status->bytes, ==, 0);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add("/drainer/life", struct fixture, NULL, set_up, test_life, tear_down);
        g_test_add("/drainer/nothing", struct fixture, NULL, set_up, test_nothing, tear_down);
        return g_test_run();
}
