/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Consumers that die, at every place between messages, and what their successors are sent. */

#include "replay-world.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"

/* Takes and acknowledges n of the messages that begin_session() and add_set() of set 1 send; dies then. */
static void take(struct world *w, unsigned n, bool resumed, int unanswered) {
        const int status = sender_status_fd(consumer_sender(w->consumer));
        const struct {
                enum consumer_type type;
                int files[2];
                size_t n_files;
        } order[] = {
                { CONSUMER_OUTPUT, { w->files[0] }, 1 },
                { CONSUMER_SESSION, { status }, 1 },
                { CONSUMER_RINGS, { w->files[1], w->files[2] }, 2 },
                { CONSUMER_CLASSES, { w->files[3] }, 1 },
                { CONSUMER_RESUMED, { 0 }, 0 },
        };

        for (unsigned i = 0; i < n; i++) {
                union any m;

                expect(w, order[i].type, &m, order[i].files, order[i].n_files);
                if (i < 4)
                        g_assert_cmpuint(m.header.serial, ==, i + 1);
                if (i == 0)
                        g_assert_cmpuint(m.output.flags, ==, resumed ? CONSUMER_RESUME : 0);
                if ((int) i != unanswered)
                        answer(w, &m, order[i].type == CONSUMER_RESUMED ? EBADMSG : 0);
        }
}

/* Dies having read n messages, with the last of them answered or not. */
static void test_each_place(void) {
        for (unsigned n = 0; n <= 4; n++)
                for (int answered = 0; answered < 2; answered++) {
                        struct world *w = world_new();
                        uint64_t serial;

                        begin_session(w);
                        serial = add_set(w, 1);
                        w->fd = fake_systemd_accept(w->systemd);
                        take(w, n, false, answered ? -1 : (int) n - 1);
                        FAKE_WAIT(w->systemd, sender_has_sent(consumer_sender(w->consumer), serial));
                        die(w);
                        take(w, 5, true, -1);
                        FAKE_WAIT(w->systemd, w->answers == 2);
                        g_assert_true(sender_has_sent(consumer_sender(w->consumer), serial));
                        assert_quiet(w);
                        g_assert_cmpuint(consumer_restarts(w->consumer), ==, 1);
                        g_assert_cmpuint(w->failures, ==, 0);
                        world_free(w);
                }
}

static void test_while_away(void) {
        struct world *w = world_new();
        union any m;
        uint64_t serial;

        begin_session(w);
        add_set(w, 1);
        take(w, 4, false, -1);
        FAKE_WAIT(w->systemd, w->answers == 2);
        die(w);
        /* Its end is noticed, or not yet: nothing fails, and the new set waits. */
        serial = add_set(w, 2);
        FAKE_WAIT(w->systemd, sender_fd(consumer_sender(w->consumer)) < 0);
        g_assert_false(sender_has_sent(consumer_sender(w->consumer), serial));
        g_assert_true(sender_has_sent(consumer_sender(w->consumer), 4));
        take(w, 4, true, -1);
        expect(w, CONSUMER_RINGS, &m, &w->files[1], 2);
        g_assert_cmpuint(m.rings.set, ==, 2);
        expect(w, CONSUMER_CLASSES, &m, &w->files[3], 1);
        g_assert_cmpuint(m.header.serial, ==, serial);
        expect(w, CONSUMER_RESUMED, &m, NULL, 0);
        g_assert_true(sender_has_sent(consumer_sender(w->consumer), serial));
        g_assert_cmpuint(w->failures, ==, 0);
        world_free(w);
}

/* What was not acknowledged comes last, in order, with the same serials. */
static void test_requests_in_flight(void) {
        struct world *w = world_new();
        union any m = { 0 };
        uint64_t serials[4];

        begin_session(w);
        add_set(w, 1);
        take(w, 4, false, -1);
        request(w, &m, CONSUMER_FLUSH, sizeof(m.header), -1);
        request(w, &m, CONSUMER_FLUSH, sizeof(m.header), -1);
        strcpy(m.snapshot.name, "snap");
        m.snapshot.flags = 0;
        request(w, &m, CONSUMER_SNAPSHOT, sizeof(m.snapshot), -1);
        strcpy(m.rotate.name, "chunk");
        m.rotate.flags = 0;
        request(w, &m, CONSUMER_ROTATE, sizeof(m.rotate), -1);
        expect(w, CONSUMER_FLUSH, &m, NULL, 0);
        answer(w, &m, 0);
        expect(w, CONSUMER_FLUSH, &m, NULL, 0);
        serials[0] = m.header.serial;
        expect(w, CONSUMER_SNAPSHOT, &m, NULL, 0);
        g_assert_cmpuint(m.snapshot.flags, ==, 0);
        serials[1] = m.header.serial;
        expect(w, CONSUMER_ROTATE, &m, NULL, 0);
        serials[2] = m.header.serial;
        die(w);
        FAKE_WAIT(w->systemd, sender_fd(consumer_sender(w->consumer)) < 0);
        g_assert_cmpuint(w->answers, ==, 3);
        /* One that comes while it is away is new to everybody. */
        memset(&m, 0, sizeof(m));
        strcpy(m.snapshot.name, "late");
        request(w, &m, CONSUMER_SNAPSHOT, sizeof(m.snapshot), -1);
        serials[3] = m.header.serial;
        take(w, 5, true, -1);
        expect(w, CONSUMER_FLUSH, &m, NULL, 0);
        g_assert_cmpuint(m.header.serial, ==, serials[0]);
        answer(w, &m, 0);
        expect(w, CONSUMER_SNAPSHOT, &m, NULL, 0);
        g_assert_cmpuint(m.header.serial, ==, serials[1]);
        g_assert_cmpuint(m.snapshot.flags, ==, CONSUMER_RESUME);
        answer(w, &m, 0);
        expect(w, CONSUMER_ROTATE, &m, NULL, 0);
        g_assert_cmpuint(m.header.serial, ==, serials[2]);
        g_assert_cmpuint(m.rotate.flags, ==, CONSUMER_RESUME);
        answer(w, &m, 0);
        expect(w, CONSUMER_SNAPSHOT, &m, NULL, 0);
        g_assert_cmpuint(m.header.serial, ==, serials[3]);
        g_assert_cmpuint(m.snapshot.flags, ==, 0);
        answer(w, &m, ENOSPC);
        FAKE_WAIT(w->systemd, w->answers == 7);
        g_assert_cmpint(w->last_error, ==, ENOSPC);
        assert_quiet(w);
        world_free(w);
}

static void release(struct world *w, uint64_t set, uint32_t stream) {
        union any m = { 0 };

        m.release.set = set;
        m.release.stream = stream;
        tell(w, &m, CONSUMER_RELEASE, sizeof(m.release), NULL, 0);
}

/* Takes and acknowledges messages of these types, whatever they have. 0 at the end. */
static void take_types(struct world *w, const int *types) {
        for (; *types; types++) {
                int fds[DATAGRAM_FDS_MAX];
                size_t n_fds;
                union any m;

                if (w->fd < 0)
                        w->fd = fake_systemd_accept(w->systemd);
                FAKE_WAIT(w->systemd, receive_now(w, &m, fds, &n_fds) > 0);
                datagram_close_fds(fds, n_fds);
                g_assert_cmpuint(m.header.type, ==, *types);
                answer(w, &m, 0);
        }
}

/* One metadata file describes all streams of a set: none is forgotten before the last of them is released. */
static void test_release_of_one_stream(void) {
        static const int all[] = { CONSUMER_OUTPUT,  CONSUMER_SESSION, CONSUMER_RINGS,   CONSUMER_CLASSES,
                                   CONSUMER_RINGS,   CONSUMER_CLASSES, CONSUMER_RELEASE, 0 };
        struct world *w = world_new();

        begin_session(w);
        add_stream(w, 3, 1);
        add_stream(w, 3, 2);
        release(w, 3, 1);
        take_types(w, all);
        die(w);
        take_types(w, all);
        take_types(w, (int[]) { CONSUMER_RESUMED, 0 });
        assert_quiet(w);
        release(w, 3, 2);
        take_types(w, (int[]) { CONSUMER_RELEASE, 0 });
        die(w);
        take_types(w, (int[]) { CONSUMER_OUTPUT, CONSUMER_SESSION, CONSUMER_RESUMED, 0 });
        assert_quiet(w);
        world_free(w);
}

/* A set is forgotten when its release was acknowledged, and not before. */
static void test_release(void) {
        struct world *w = world_new();
        union any m;

        begin_session(w);
        add_set(w, 2);
        add_set(w, 1);
        release(w, 2, 1);
        take_types(w, (int[]) { CONSUMER_OUTPUT, CONSUMER_SESSION, CONSUMER_RINGS, CONSUMER_CLASSES, CONSUMER_RINGS,
                                CONSUMER_CLASSES, 0 });
        expect(w, CONSUMER_RELEASE, &m, NULL, 0);
        die(w);
        take_types(w, (int[]) { CONSUMER_OUTPUT, CONSUMER_SESSION, CONSUMER_RINGS, CONSUMER_CLASSES, CONSUMER_RINGS,
                                CONSUMER_CLASSES, CONSUMER_RELEASE, 0 });
        expect(w, CONSUMER_RESUMED, &m, NULL, 0);
        assert_quiet(w);
        die(w);
        expect(w, CONSUMER_OUTPUT, &m, &w->files[0], 1);
        expect(w, CONSUMER_SESSION, &m, (int[]) { sender_status_fd(consumer_sender(w->consumer)) }, 1);
        expect(w, CONSUMER_RINGS, &m, &w->files[1], 2);
        g_assert_cmpuint(m.rings.set, ==, 1);
        expect(w, CONSUMER_CLASSES, &m, &w->files[3], 1);
        expect(w, CONSUMER_RESUMED, &m, NULL, 0);
        world_free(w);
}

/* More than the socket takes: workers do not wait, and nothing is read before all has come. */
static void test_large(void) {
        g_autofree union any *m = g_new0(union any, 1);
        struct world *w = world_new();
        const unsigned n = 40;

        begin_session(w);
        for (unsigned i = 0; i < n; i++) {
                m->classes.set = i;
                tell(w, m, CONSUMER_CLASSES, CONSUMER_MESSAGE_MAX, &w->files[3], 1);
        }
        for (int round = 0; round < 2; round++) {
                expect(w, CONSUMER_OUTPUT, m, &w->files[0], 1);
                answer(w, m, 0);
                expect(w, CONSUMER_SESSION, m, (int[]) { sender_status_fd(consumer_sender(w->consumer)) }, 1);
                answer(w, m, 0);
                for (unsigned i = 0; i < n; i++) {
                        expect(w, CONSUMER_CLASSES, m, &w->files[3], 1);
                        g_assert_cmpuint(m->classes.set, ==, i);
                }
                if (round == 1)
                        expect(w, CONSUMER_RESUMED, m, NULL, 0);
                assert_quiet(w);
                die(w);
        }
        world_free(w);
}

#define STOPPED                                                                                                    \
        "stop tracectl-consumer-1000-*.socket\nstop tracectl-consumer-1000-*.service\n"                            \
        "reset tracectl-consumer-1000-*.socket\nreset tracectl-consumer-1000-*.service\n"

/* It dies while it writes the last: its successor does that. */
static void end_with_a_death(bool detach) {
        struct world *w = world_new();
        union any m;
        char byte;

        begin_session(w);
        add_set(w, 1);
        take(w, 4, false, -1);
        FAKE_WAIT(w->systemd, w->answers == 2);
        if (detach) {
                memset(&m, 0, sizeof(m));
                request(w, &m, CONSUMER_FLUSH, sizeof(m.header), -1);
                consumer_detach(TAKE_PTR(w->consumer));
                expect(w, CONSUMER_FLUSH, &m, NULL, 0);
        } else
                consumer_hang_up(w->consumer);
        expect(w, CONSUMER_STOP, &m, NULL, 0);
        die(w);
        for (int i = 0; i < (detach ? 7 : 6); i++) {
                int fds[DATAGRAM_FDS_MAX];
                size_t n_fds;

                if (w->fd < 0)
                        w->fd = fake_systemd_accept(w->systemd);
                FAKE_WAIT(w->systemd, receive_now(w, &m, fds, &n_fds) > 0);
                datagram_close_fds(fds, n_fds);
                answer(w, &m, 0);
        }
        g_assert_cmpuint(m.header.type, ==, CONSUMER_STOP);
        FAKE_WAIT(w->systemd, recv(w->fd, &byte, 1, MSG_DONTWAIT) == 0);
        g_assert_cmpstr(w->systemd->calls->str, ==, "");
        die(w);
        FAKE_WAIT(w->systemd, g_str_equal(w->systemd->calls->str, STOPPED));
        FAKE_WAIT(w->systemd, w->ends == !detach);
        g_assert_cmpuint(w->answers, ==, 2);
        g_assert_cmpuint(w->failures, ==, 0);
        world_free(w);
}

static void test_end(void) {
        end_with_a_death(false);
        end_with_a_death(true);
}

/* It dies again and again before it takes the session. */
static void test_broken(void) {
        struct world *w = world_new();
        struct consumer_header flush = { .type = CONSUMER_FLUSH, .size = sizeof(flush) };
        uint64_t serial;

        w->systemd->result = "signal";
        w->systemd->code = CLD_KILLED;
        w->systemd->status = SIGSEGV;
        begin_session(w);
        for (int i = 0; i < 8; i++) {
                g_assert_cmpuint(w->failures, ==, 0);
                take(w, 1, i > 0, -1);
                die(w);
        }
        FAKE_WAIT(w->systemd, w->failures);
        g_assert_cmpstr(w->reason, ==, "its consumer died 8 times in a row; it was killed by signal 11 "
                                       "(Segmentation fault, result 'signal')");
        g_assert_cmpint(consumer_request(w->consumer, &flush, NULL, 0, on_answer, w), ==, -EPIPE);
        g_assert_cmpint(sender_send(consumer_sender(w->consumer), &flush, NULL, 0, &serial), ==, -EPIPE);
        g_assert_cmpstr(w->systemd->calls->str, ==, "");
        g_assert_cmpstr(consumer_unit(w->consumer), ==, w->systemd->stem);
        consumer_hang_up(w->consumer);
        FAKE_WAIT(w->systemd, w->ends);
        FAKE_WAIT(w->systemd, g_str_equal(w->systemd->calls->str, STOPPED));
        g_assert_cmpuint(w->failures, ==, 1);
        world_free(w);
}

/* Somebody stopped the socket. */
static void test_unreachable(void) {
        struct world *w = world_new();

        w->systemd->result = "exit-code";
        w->systemd->code = CLD_EXITED;
        w->systemd->status = 217;
        begin_session(w);
        w->fd = fake_systemd_accept(w->systemd);
        unlink(w->systemd->path);
        die(w);
        FAKE_WAIT(w->systemd, w->failures);
        g_assert_cmpstr(w->reason, ==, "its consumer cannot be reached (No such file or directory), and ended with "
                                       "status 217 (result 'exit-code')");
        world_free(w);
}

/* It dies before it accepts the connection: only systemd sees that. */
static void test_never_starts(void) {
        struct world *w = world_new();

        w->systemd->result = "exit-code";
        w->systemd->code = CLD_EXITED;
        w->systemd->status = 217;
        w->systemd->n_restarts = 8;
        begin_session(w);
        FAKE_WAIT(w->systemd, w->failures);
        g_assert_cmpstr(w->reason, ==, "its consumer cannot be started; it ended with status 217 (result 'exit-code')");
        world_free(w);
}

/* As systemd counts all restarts, those of before do not matter. */
static void test_never_starts_again(void) {
        struct world *w = world_new();

        w->systemd->n_restarts = 100;
        w->systemd->code = CLD_EXITED;
        begin_session(w);
        take(w, 2, false, -1);
        FAKE_WAIT(w->systemd, w->answers == 2);
        die(w);
        w->fd = fake_systemd_accept(w->systemd);
        FAKE_WAIT(w->systemd, w->systemd->looks == 1);
        g_assert_cmpuint(w->failures, ==, 0);
        w->systemd->n_restarts = 108;
        FAKE_WAIT(w->systemd, w->failures);
        world_free(w);
}

/* One that took the session begins a new row. */
static void test_not_broken(void) {
        struct world *w = world_new();

        begin_session(w);
        add_set(w, 1);
        for (int i = 0; i < 12; i++) {
                take(w, i == 0 ? 4 : 5, i > 0, -1);
                die(w);
        }
        take(w, 5, true, -1);
        g_assert_cmpuint(w->failures, ==, 0);
        g_assert_cmpuint(consumer_restarts(w->consumer), ==, 12);
        world_free(w);
}

static void assert_refusal(unsigned message, const char *reason) {
        struct world *w = world_new();
        union any m;

        begin_session(w);
        take(w, 2, false, -1);
        FAKE_WAIT(w->systemd, w->answers == 2);
        die(w);
        expect(w, CONSUMER_OUTPUT, &m, &w->files[0], 1);
        if (message == 1)
                expect(w, CONSUMER_SESSION, &m, (int[]) { sender_status_fd(consumer_sender(w->consumer)) }, 1);
        answer(w, &m, EACCES);
        FAKE_WAIT(w->systemd, w->failures);
        g_assert_cmpstr(w->reason, ==, reason);
        /* It is told to end. */
        FAKE_WAIT(w->systemd, recv(w->fd, &m, sizeof(m), MSG_DONTWAIT) == 0);
        world_free(w);
}

static void test_refused_again(void) {
        assert_refusal(0, "its consumer cannot open the output again: Permission denied");
        assert_refusal(1, "its consumer refused a ring or its events: Permission denied");
}

/* What it says to the last words of an earlier tracingd is no refusal of anything that counts; of a ring it is one. */
static void test_old_answer(void) {
        union any m = { .header.serial = UINT64_C(7) << 32 | 1 };
        struct world *w = world_new();

        begin_session(w);
        add_set(w, 1);
        take(w, 4, false, -1);
        answer(w, &m, EBADMSG);
        die(w);
        take(w, 2, true, -1);
        g_assert_cmpuint(w->failures, ==, 0);
        FAKE_WAIT(w->systemd, recv(w->fd, &m, sizeof(m), MSG_DONTWAIT) > 0);
        g_assert_cmpuint(m.header.type, ==, CONSUMER_RINGS);
        answer(w, &m, EBADMSG);
        FAKE_WAIT(w->systemd, w->failures);
        g_assert_cmpstr(w->reason, ==, "its consumer refused a ring or its events: Bad message");
        world_free(w);
}

int main(int argc, char *argv[]) {
        signal(SIGPIPE, SIG_IGN);
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/replay/each-place", test_each_place);
        g_test_add_func("/replay/while-away", test_while_away);
        g_test_add_func("/replay/requests-in-flight", test_requests_in_flight);
        g_test_add_func("/replay/release", test_release);
        g_test_add_func("/replay/release-of-one-stream", test_release_of_one_stream);
        g_test_add_func("/replay/large", test_large);
        g_test_add_func("/replay/end", test_end);
        g_test_add_func("/replay/broken", test_broken);
        g_test_add_func("/replay/unreachable", test_unreachable);
        g_test_add_func("/replay/never-starts", test_never_starts);
        g_test_add_func("/replay/never-starts-again", test_never_starts_again);
        g_test_add_func("/replay/not-broken", test_not_broken);
        g_test_add_func("/replay/refused-again", test_refused_again);
        g_test_add_func("/replay/old-answer", test_old_answer);
        return g_test_run();
}
