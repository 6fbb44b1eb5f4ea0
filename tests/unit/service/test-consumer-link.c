/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* tracingd's side of a consumer: the sender's queue, answers, and every way in which a consumer can end. */

#undef NDEBUG

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/datagram.h"
#include "common/fd.h"
#include "service/unit/consumer.h"

static uint64_t receive(int fd, struct consumer_header *ret, int *ret_fd) {
        char buffer[CONSUMER_MESSAGE_MAX];
        int fds[DATAGRAM_FDS_MAX], n;
        size_t n_fds = 0;

        n = datagram_recv(fd, buffer, sizeof(buffer), fds, &n_fds, 0);
        g_assert_cmpint(n, >=, (int) sizeof(*ret));
        memcpy(ret, buffer, sizeof(*ret));
        if (ret_fd)
                *ret_fd = n_fds > 0 ? fds[0] : -1;
        else
                datagram_close_fds(fds, n_fds);
        return ret->serial;
}

/* Messages of 64 KiB until one has to wait; its serial is returned. */
static uint64_t fill(struct sender *s, int fd) {
        g_autofree struct consumer_header *message = g_malloc0(CONSUMER_MESSAGE_MAX);
        uint64_t serial = 0;

        do {
                *message = (struct consumer_header) { .type = CONSUMER_CLASSES, .size = CONSUMER_MESSAGE_MAX };
                g_assert_cmpint(sender_send(s, message, &fd, 1, &serial), ==, 0);
        } while (sender_has_sent(s, serial));
        return serial;
}

static void test_queue(void) {
        struct consumer_header flush = { .type = CONSUMER_FLUSH, .size = sizeof(flush) }, m;
        struct sender *s = NULL;
        uint64_t waiting, serial;
        int pair[2], null = open("/dev/null", O_RDONLY | O_CLOEXEC), got;

        g_assert_no_errno(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
        g_assert_cmpint(sender_new(pair[0], &s), ==, 0);
        waiting = fill(s, null);
        close(null);
        g_assert_cmpint(sender_drain(s), ==, 0);
        /* Small ones do not overtake. */
        g_assert_cmpint(sender_send(s, &flush, NULL, 0, &serial), ==, 0);
        g_assert_cmpuint(serial, ==, waiting + 1);
        g_assert_false(sender_has_sent(s, serial));
        sender_hang_up(s);
        g_assert_cmpint(sender_send(s, &flush, NULL, 0, &serial), ==, -EPIPE);
        /* In order, with their descriptors, and the end after the last. */
        for (uint64_t i = 1; i <= waiting; i++) {
                g_assert_cmpuint(receive(pair[1], &m, &got), ==, i);
                g_assert_cmpint(got, >=, 0);
                close(got);
                (void) sender_drain(s);
        }
        g_assert_true(sender_has_sent(s, waiting + 1));
        g_assert_cmpuint(receive(pair[1], &m, NULL), ==, waiting + 1);
        g_assert_cmpuint(m.type, ==, CONSUMER_FLUSH);
        g_assert_cmpint(recv(pair[1], &m, sizeof(m), 0), ==, 0);
        sender_unref(s);
        close(pair[1]);
}

static void test_queue_limit(void) {
        g_autofree struct consumer_header *message = g_malloc0(CONSUMER_MESSAGE_MAX);
        struct sender *s = NULL;
        uint64_t serial = 0, n = 0;
        int pair[2], r;

        g_assert_no_errno(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
        g_assert_cmpint(sender_new(pair[0], &s), ==, 0);
        do {
                *message = (struct consumer_header) { .type = CONSUMER_CLASSES, .size = CONSUMER_MESSAGE_MAX };
                r = sender_send(s, message, NULL, 0, &serial);
                g_assert_cmpuint(++n, <, 2000);
        } while (r == 0);
        g_assert_cmpint(r, ==, -ENOBUFS);
        g_assert_cmpuint(serial, ==, n - 1);
        close(pair[1]);
        g_assert_cmpint(sender_drain(s), ==, -EPIPE);
        g_assert_cmpint(sender_send(s, message, NULL, 0, &serial), ==, -EPIPE);
        sender_unref(s);
}

static void test_problem(void) {
        struct sender *s = NULL;
        int pair[2];
        char *text;

        g_assert_no_errno(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
        g_assert_cmpint(sender_new(pair[0], &s), ==, 0);
        g_assert_null(sender_take_problem(s));
        sender_report(s, "first");
        sender_report(s, "second");
        text = sender_take_problem(s);
        g_assert_cmpstr(text, ==, "first");
        free(text);
        g_assert_null(sender_take_problem(s));
        sender_unref(s);
        close(pair[1]);
}

/* A consumer that is a real child; behave() is what it does. */
struct child {
        void (*behave)(int socket);
        int socket;
};

static int start(int socket, void *userdata, int *ret_pidfd) {
        struct child *child = userdata;
        pid_t pid;

        if (!child->behave) {
                child->socket = fcntl(socket, F_DUPFD_CLOEXEC, 3);
                return 0;
        }
        g_assert_no_errno(pid = fork());
        if (pid == 0) {
                /* The other end is open here, too; without this there would be no end of file. */
                close_range(3, (unsigned) socket - 1, 0);
                close_range((unsigned) socket + 1, ~0U, 0);
                child->behave(socket);
                _exit(0);
        }
        *ret_pidfd = (int) syscall(SYS_pidfd_open, pid, 0);
        return 0;
}

struct world {
        sd_event *event;
        struct consumer *consumer;
        struct child child;
        char *reason;
        bool ended;
        int answers, last_error;
};

static void on_failed(const char *reason, void *userdata) {
        struct world *w = userdata;

        g_assert_null(w->reason);
        w->reason = g_strdup(reason);
        sd_event_exit(w->event, 0);
}

static void on_drained(void *userdata) {
}

static void on_ended(void *userdata) {
        struct world *w = userdata;

        g_assert_false(w->ended);
        w->ended = true;
        sd_event_exit(w->event, 0);
}

static void on_answer(int error, const char *path, void *userdata) {
        struct world *w = userdata;

        w->answers++;
        w->last_error = error;
}

static struct world *world_new(void (*behave)(int socket)) {
        struct world *w = g_new0(struct world, 1);
        const struct consumer_starter starter = { .start = start, .userdata = &w->child };
        const struct consumer_spec spec = { .session = "s", .kind = CONSUMER_OUTPUT_FD };
        const struct consumer_handlers handlers = { on_failed, on_drained, on_ended, w };

        w->child.behave = behave;
        w->child.socket = -1;
        g_assert_cmpint(sd_event_new(&w->event), >=, 0);
        g_assert_cmpint(consumer_new(w->event, &starter, &spec, &handlers, &w->consumer), ==, 0);
        return w;
}

static void world_free(struct world *w) {
        consumer_free(w->consumer);
        sd_event_unref(w->event);
        if (w->child.socket >= 0)
                close(w->child.socket);
        g_free(w->reason);
        g_free(w);
}

static void request(struct world *w) {
        struct consumer_header flush = { .type = CONSUMER_FLUSH, .size = sizeof(flush) };

        g_assert_cmpint(consumer_request(w->consumer, &flush, NULL, 0, on_answer, w), ==, 0);
}

static void answer(int socket, uint64_t serial, int error) {
        const struct consumer_ack ack = {
                .header = { .type = CONSUMER_ACK, .size = sizeof(ack), .serial = serial },
                .error = error,
        };

        if (datagram_send(socket, &ack, sizeof(ack), NULL, 0, 0) < 0)
                _exit(99);
}

static void answer_then_end(int socket) {
        struct consumer_header m;

        answer(socket, receive(socket, &m, NULL), ENOSPC);
        answer(socket, receive(socket, &m, NULL), 0);
        _exit(recv(socket, &m, sizeof(m), 0) == 0 ? 0 : 98);
}

static void test_answers(void) {
        struct world *w = world_new(answer_then_end);

        request(w);
        request(w);
        while (w->answers < 2)
                g_assert_cmpint(sd_event_run(w->event, UINT64_MAX), >=, 0);
        g_assert_cmpint(w->last_error, ==, 0);
        g_assert_null(w->reason);
        consumer_hang_up(w->consumer);
        g_assert_cmpint(sd_event_loop(w->event), ==, 0);
        g_assert_true(w->ended);
        g_assert_null(w->reason);
        world_free(w);
}

static void exit_7(int socket) {
        _exit(7);
}

static void kill_self(int socket) {
        kill(getpid(), SIGKILL);
}

static void assert_reason(void (*behave)(int socket), const char *reason) {
        struct world *w = world_new(behave);

        g_assert_cmpint(sd_event_loop(w->event), ==, 0);
        g_assert_cmpstr(w->reason, ==, reason);
        g_assert_false(w->ended);
        world_free(w);
}

static void test_ends(void) {
        assert_reason(exit_7, "its consumer ended with status 7");
        assert_reason(kill_self, "its consumer was killed by signal 9 (Killed)");
}

static void assert_answer_fails(int serial, int error, const char *reason) {
        struct consumer_header classes = { .type = CONSUMER_CLASSES, .size = sizeof(classes) };
        struct world *w = world_new(NULL);
        uint64_t sent;

        g_assert_cmpint(sender_send(consumer_sender(w->consumer), &classes, NULL, 0, &sent), ==, 0);
        answer(w->child.socket, serial, error);
        if (reason) {
                g_assert_cmpint(sd_event_loop(w->event), ==, 0);
                g_assert_cmpstr(w->reason, ==, reason);
        } else {
                /* Nothing happens until it ends. */
                close(w->child.socket);
                w->child.socket = -1;
                g_assert_cmpint(sd_event_loop(w->event), ==, 0);
                g_assert_cmpstr(w->reason, ==, "its consumer closed the connection");
        }
        world_free(w);
}

static void test_refusals(void) {
        assert_answer_fails(1, EBADMSG, "its consumer refused a ring or its events: Bad message");
        assert_answer_fails(1, ENOSPC, NULL);
        assert_answer_fails(1, 0, NULL);
}

static void test_garbage(void) {
        struct world *w = world_new(NULL);

        g_assert_cmpint(send(w->child.socket, "garbage", 7, 0), ==, 7);
        g_assert_cmpint(sd_event_loop(w->event), ==, 0);
        g_assert_cmpstr(w->reason, ==, "its consumer closed the connection");
        world_free(w);
}

static void test_report_fails(void) {
        struct world *w = world_new(NULL);

        sender_report(consumer_sender(w->consumer), "no memory for a ring");
        g_assert_cmpint(sd_event_loop(w->event), ==, 0);
        g_assert_cmpstr(w->reason, ==, "no memory for a ring");
        world_free(w);
}

/* Detached: it frees itself when its child has ended, and says nothing to anybody. */
static void wait_for_end(int socket) {
        struct consumer_header m;

        _exit(recv(socket, &m, sizeof(m), 0) == 0 ? 0 : 98);
}

static void test_detach(void) {
        struct world *w = world_new(wait_for_end);
        siginfo_t info;

        request(w);
        consumer_detach(TAKE_PTR(w->consumer));
        /* The child has been reaped when there is no child any more. */
        while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) >= 0)
                g_assert_cmpint(sd_event_run(w->event, UINT64_MAX), >=, 0);
        g_assert_cmpint(errno, ==, ECHILD);
        g_assert_null(w->reason);
        g_assert_false(w->ended);
        g_assert_cmpint(w->answers, ==, 0);
        world_free(w);
}

int main(int argc, char *argv[]) {
        signal(SIGPIPE, SIG_IGN);
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/consumer-link/queue", test_queue);
        g_test_add_func("/consumer-link/queue-limit", test_queue_limit);
        g_test_add_func("/consumer-link/problem", test_problem);
        g_test_add_func("/consumer-link/answers", test_answers);
        g_test_add_func("/consumer-link/ends", test_ends);
        g_test_add_func("/consumer-link/refusals", test_refusals);
        g_test_add_func("/consumer-link/garbage", test_garbage);
        g_test_add_func("/consumer-link/report-fails", test_report_fails);
        g_test_add_func("/consumer-link/detach", test_detach);
        return g_test_run();
}
