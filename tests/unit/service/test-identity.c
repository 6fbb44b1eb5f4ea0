/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Who an application is, the kernel says: he who connected, also where somebody
 * else holds the connection since and says everything that is said; and nobody
 * in particular where his number cannot be seen.
 */

#include "fixture.h"

#include <errno.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fd.h"

#define MANAGER "/org/tracectl/Tracing1", "org.tracectl.Tracing1.Manager"
#define SESSION "org.tracectl.Tracing1.Session"
#define NOBODY 65534

static const char *const shop[] = { "shop:paid", "shop:sent", NULL };
static const char *const other[] = { "other:event", NULL };

struct listed {
        uint32_t pid, uid;
        char unit[64];
};

/* How many there are, and the last of them. */
static unsigned list(struct fixture *f, struct listed *ret) {
        const char *name, *unit, *path;
        sd_bus_message *reply;
        unsigned n = 0;
        int settled;

        reply = fixture_call(f, MANAGER, "ListApplications", NULL, "a{sv}", 1, "all", "b", 1);
        g_assert_cmpint(sd_bus_message_read(reply, "b", &settled), >, 0);
        g_assert_cmpint(sd_bus_message_enter_container(reply, 'a', "(uusso)"), >, 0);
        for (; sd_bus_message_read(reply, "(uusso)", &ret->pid, &ret->uid, &name, &unit, &path) > 0; n++)
                g_strlcpy(ret->unit, unit, sizeof(ret->unit));
        sd_bus_message_unref(reply);
        return n;
}

/* Its removal is announced. */
static void wait_for_none(struct fixture *f) {
        struct listed last;

        while (list(f, &last) > 0) {
                while (sd_bus_process(f->bus, NULL) > 0)
                        ;
                sd_bus_wait(f->bus, G_USEC_PER_SEC);
        }
}

static void tell(int fd) {
        g_assert_cmpint(send(fd, "", 1, MSG_NOSIGNAL), ==, 1);
}

static void await(int fd) {
        char byte;

        g_assert_cmpint(recv(fd, &byte, 1, 0), ==, 1);
}

static int take_fd(int from) {
        int fds[DATAGRAM_FDS_MAX];
        size_t n_fds;
        char byte;

        g_assert_cmpint(datagram_recv(from, &byte, 1, fds, &n_fds, 0), ==, 1);
        g_assert_cmpuint(n_fds, ==, 1);
        return fds[0];
}

/* A process that connects, and passes its connection on to the test. */
struct connector {
        pid_t pid;
        int fd; /* to it */
};

static struct connector connector_new(struct fixture *f, uid_t uid, struct fake_application **ret) {
        struct connector c;
        int pair[2];

        g_assert_no_errno(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
        g_assert_no_errno(c.pid = fork());
        if (c.pid == 0) {
                struct fake_application *a;

                close(pair[0]);
                g_assert_no_errno(setresuid(uid, uid, uid));
                a = fake_application_connect(f);
                g_assert_cmpint(datagram_send(pair[1], "", 1, &a->fd, 1, 0), ==, 0);
                await(pair[1]);
                _exit(0);
        }
        close(pair[1]);
        c.fd = pair[0];
        *ret = g_new0(struct fake_application, 1);
        **ret = (struct fake_application) { .fd = take_fd(c.fd), .definitions_fd = -1 };
        return c;
}

static void connector_end(struct connector *c) {
        tell(c->fd);
        close(c->fd);
        g_assert_cmpint(waitpid(c->pid, NULL, 0), ==, c->pid);
}

static char *session_of(struct fixture *f, const char *name) {
        char *session = fixture_session(f, name);

        fixture_ok(f, session, SESSION, "Start", "a{sv}", 0);
        return session;
}

static int bits(struct fake_application *a) {
        return (fake_application_class(a, 0, NULL) ? 1 : 0) | (fake_application_class(a, 1, NULL) ? 2 : 0);
}

/* He who holds it now, and who says all that is said, is not whom rules and lists find. */
static void test_passed_on(void) {
        struct fixture *f = fixture_new();
        g_autofree char *session = session_of(f, "s");
        struct fake_application *a;
        struct connector c = connector_new(f, getuid(), &a);
        struct listed last;

        fixture_ok(f, session, SESSION, "EnableEvent", "sssa{sv}", "user", "", "shop:paid", 1, "target-pid", "u",
                   (uint32_t) c.pid);
        fixture_ok(f, session, SESSION, "EnableEvent", "sssa{sv}", "user", "", "shop:sent", 1, "target-pid", "u",
                   (uint32_t) getpid());
        fake_application_begin(a, shop, 0);
        g_assert_cmpuint(a->ready.pid, ==, (uint64_t) c.pid);
        g_assert_cmpint(bits(a), ==, 1);
        g_assert_cmpuint(list(f, &last), ==, 1);
        g_assert_cmpuint(last.pid, ==, (uint32_t) c.pid);
        g_assert_cmpuint(last.uid, ==, getuid());
        /* With it the registration ends, whoever holds the connection. */
        connector_end(&c);
        wait_for_none(f);
        fake_application_assert_closed(a);
        fake_application_free(a);
        fixture_free(f);
}

/* Nobody can be said to be a process that has ended. */
static void test_ended_before(void) {
        struct fixture *f = fixture_new();
        struct fake_application *a, *later;
        struct connector c = connector_new(f, getuid(), &a);
        struct handshake h = {
                .keys = HANDSHAKE_REGISTER | HANDSHAKE_ABI | HANDSHAKE_NAME | HANDSHAKE_EVENTS,
                .abi_major = HANDSHAKE_ABI_MAJOR,
                .name = "fake",
        };
        struct listed last;
        char byte;

        /* He has been accepted by then. */
        later = fake_application_register(f, other, 0);
        fake_application_free(later);
        wait_for_none(f);
        connector_end(&c);
        a->definitions_fd = make_definitions(shop, &a->hash);
        h.events = a->hash;
        fake_application_send(a, &h, NULL, 0);
        g_assert_true(fake_application_recv(a).keys & HANDSHAKE_NEED);
        h = (struct handshake) { .keys = HANDSHAKE_EVENTS, .events = a->hash };
        fake_application_send(a, &h, &a->definitions_fd, 1);
        /* At once: it was never registered. */
        g_assert_cmpint(recv(a->fd, &byte, 1, 0), <=, 0);
        fake_application_assert_closed(a);
        g_assert_cmpuint(list(f, &last), ==, 0);
        fake_application_free(a);
        fixture_free(f);
}

/* Who it is was looked at when it had connected; of what kind it is, it says later. */
static void test_word(void) {
        struct fixture *f = fixture_new();
        g_autofree char *session = session_of(f, "s");
        struct fake_application *a, *b, *c;

        fixture_ok(f, session, SESSION, "EnableEvent", "sssa{sv}", "user", "", "shop:*", 0);
        a = fake_application_connect(f);
        b = fake_application_connect(f);
        c = fake_application_connect(f);
        fake_application_begin(a, shop, 0);
        fake_application_begin(b, shop, HANDSHAKE_WORD);
        fake_application_begin(c, shop, 0);
        g_assert_true(fd_same_file(a->fds[1], c->fds[1]));
        g_assert_false(fd_same_file(a->fds[1], b->fds[1]));
        fake_application_free(a);
        fake_application_free(b);
        fake_application_free(c);
        wait_for_none(f);
        fixture_free(f);
}

/* A tracingd of one user's own does not take a connection of somebody else's from him, either. */
static void test_another_user(void) {
        struct fixture *f;
        struct fake_application *a;
        struct connector c;
        struct listed last;

        if (getuid() != 0) {
                g_test_skip("only root can be several users");
                return;
        }
        f = fixture_new();
        c = connector_new(f, NOBODY, &a);
        fake_application_assert_closed(a);
        g_assert_cmpuint(list(f, &last), ==, 0);
        connector_end(&c);
        fake_application_free(a);
        fixture_free(f);
}

/* tracingd, first in a process namespace of its own, where no process outside has a number. */
static void serve_inside(int outside) {
        struct fixture *f = fixture_new();
        g_autofree char *session = session_of(f, "s");
        struct fake_consumer *c = fake_consumer_next(f);
        struct fake_message *rings;
        struct listed last;

        fixture_ok(f, session, SESSION, "EnableEvent", "sssa{sv}", "user", "", "shop:*", 0);
        g_assert_cmpint(datagram_send(outside, "", 1, &f->register_fd, 1, 0), ==, 0);
        await(outside);
        g_assert_cmpuint(list(f, &last), ==, 1);
        g_assert_cmpuint(last.pid, ==, 0);
        g_assert_cmpuint(last.uid, ==, getuid());
        g_assert_cmpstr(last.unit, ==, "");
        fake_message_free(fake_consumer_wait(c, CONSUMER_RINGS));
        tell(outside);
        /* Another one, with rings of its process's own: they have no number, either. */
        await(outside);
        g_assert_cmpuint(list(f, &last), ==, 2);
        do
                rings = fake_consumer_wait(c, CONSUMER_RINGS);
        while (g_str_has_prefix(rings->rings.set_name, "shared"));
        g_assert_cmpint(rings->rings.pid, ==, 0);
        fake_message_free(rings);
        tell(outside);
        wait_for_none(f);
        fixture_free(f);
        _exit(0);
}

/* Its applications: without a number, but recorded, each by itself. */
static void play_outside(int inside) {
        struct fixture f = { .register_fd = take_fd(inside) };
        struct fake_application *a = fake_application_register(&f, shop, 0), *b;

        g_assert_true(a->ready.keys & HANDSHAKE_PID);
        g_assert_cmpuint(a->ready.pid, ==, 0);
        g_assert_cmpuint(a->ready.uid, ==, getuid());
        /* Its threads' numbers are not those that tracingd would see, and its group is not tracingd's own. */
        g_assert_false(a->ready.keys & (HANDSHAKE_NAMESPACE_SAME | HANDSHAKE_CGROUP));
        g_assert_cmpint(bits(a), ==, 3);
        tell(inside);
        await(inside);
        b = fake_application_register(&f, shop, HANDSHAKE_FORM_LOCKED);
        g_assert_cmpint(bits(b), ==, 3);
        g_assert_false(fd_same_file(a->fds[1], b->fds[1]));
        tell(inside);
        await(inside);
        fake_application_free(a);
        fake_application_free(b);
}

/* No process can be made in a namespace whose first has ended: so it is not the test that goes there. */
static void test_invisible(void) {
        int pair[2], status;
        pid_t pid, inside;

        g_assert_no_errno(pid = fork());
        if (pid == 0) {
                if (unshare(CLONE_NEWPID) < 0)
                        _exit(errno == EPERM ? 77 : 1);
                g_assert_no_errno(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
                g_assert_no_errno(inside = fork());
                if (inside == 0) {
                        close(pair[0]);
                        serve_inside(pair[1]);
                }
                close(pair[1]);
                play_outside(pair[0]);
                g_assert_no_errno(waitpid(inside, &status, 0));
                _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
        }
        g_assert_no_errno(waitpid(pid, &status, 0));
        g_assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status) == 77)
                g_test_skip("no process namespace can be made here");
        else
                g_assert_cmpint(WEXITSTATUS(status), ==, 0);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        /* First: what is forked later lacks the threads that a tracingd before it has left for the next one. */
        g_test_add_func("/identity/invisible", test_invisible);
        g_test_add_func("/identity/passed-on", test_passed_on);
        g_test_add_func("/identity/ended-before", test_ended_before);
        g_test_add_func("/identity/word", test_word);
        g_test_add_func("/identity/another-user", test_another_user);
        return g_test_run();
}
