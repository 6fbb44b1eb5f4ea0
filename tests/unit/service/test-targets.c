/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whom rules reach: over the bus, to what applications of several processes are told. */

#include "fixture.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "service/registry/process.h"

#define SESSION "org.tracectl.Tracing1.Session"
#define EVENT "org.tracectl.Tracing1.Event"
#define INVALID "org.tracectl.Tracing1.Error.InvalidOption"

static const char *const shop[] = { "shop:paid", "shop:sent", NULL };

/* A process with an application, and perhaps with children; each of them does what it is told by a byte. */
struct node {
        pid_t pid;
        int fd; /* to it */
};

enum command {
        COMMAND_FORK,  /* answers with the child's pid; what comes next is for the child, until it ends */
        COMMAND_ENTER, /* registers; answers with its bits */
        COMMAND_LOOK,  /* takes the next view; the same */
        COMMAND_QUIET, /* must have been told nothing; the same */
        COMMAND_END,
        COMMAND_ORPHAN, /* the process in between ends; answers when the child has another parent */
};

static int32_t ask(struct node *n, enum command command) {
        char byte = (char) command;
        int32_t answer = -1;

        g_assert_cmpint(write(n->fd, &byte, 1), ==, 1);
        g_assert_cmpint(read(n->fd, &answer, sizeof(answer)), ==, sizeof(answer));
        return answer;
}

static int32_t bits(struct fake_application *a) {
        return (fake_application_class(a, 0, NULL) ? 1 : 0) | (fake_application_class(a, 1, NULL) ? 2 : 0);
}

/* The line goes on in the child; this process is in between until it is not needed any more. */
static int32_t go_on_in_child(int *between) {
        int pipe_fds[2];
        pid_t pid;
        char byte;

        g_assert_no_errno(pipe(pipe_fds));
        pid = fork();
        g_assert_cmpint(pid, >=, 0);
        if (pid > 0) {
                /* Ends when the child says so, or is gone. */
                close(pipe_fds[1]);
                (void) !read(pipe_fds[0], &byte, 1);
                _exit(0);
        }
        close(pipe_fds[0]);
        if (*between >= 0)
                close(*between);
        *between = pipe_fds[1];
        return getpid();
}

static void obey(struct fixture *f, int fd) {
        struct fake_application *a = NULL;
        int between = -1;
        int32_t answer = 0;
        pid_t parent;
        char command;

        while (read(fd, &command, 1) == 1) {
                switch ((enum command) command) {
                case COMMAND_END:
                        _exit(0);
                case COMMAND_FORK:
                        answer = go_on_in_child(&between);
                        a = NULL;
                        break;
                case COMMAND_ENTER:
                        a = fake_application_register(f, shop, 0);
                        answer = bits(a);
                        break;
                case COMMAND_LOOK:
                        fake_application_apply(a);
                        answer = bits(a);
                        break;
                case COMMAND_QUIET:
                        g_assert_cmpint(recv(a->fd, &command, 1, MSG_DONTWAIT | MSG_PEEK), ==, -1);
                        answer = bits(a);
                        break;
                case COMMAND_ORPHAN:
                        parent = getppid();
                        close(between);
                        between = -1;
                        while (getppid() == parent)
                                g_usleep(100);
                        answer = 0;
                        break;
                }
                g_assert_cmpint(write(fd, &answer, sizeof(answer)), ==, sizeof(answer));
        }
        _exit(0);
}

/* A child of the test. */
static struct node node_new(struct fixture *f) {
        struct node n;
        int pair[2];

        g_assert_no_errno(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
        n.pid = fork();
        g_assert_cmpint(n.pid, >=, 0);
        if (n.pid == 0) {
                close(pair[0]);
                obey(f, pair[1]);
        }
        close(pair[1]);
        n.fd = pair[0];
        return n;
}

/* A later node has its descriptor, too: it has to be told. */
static void node_end(struct node *n) {
        char byte = COMMAND_END;

        g_assert_cmpint(write(n->fd, &byte, 1), ==, 1);
        close(n->fd);
        g_assert_cmpint(waitpid(n->pid, NULL, 0), ==, n->pid);
}

static char *session_of(struct fixture *f, const char *name) {
        char *session = fixture_session(f, name);

        fixture_ok(f, session, SESSION, "Start", "a{sv}", 0);
        return session;
}

static void reach_pid(struct fixture *f, const char *session, const char *pattern, pid_t pid, bool children) {
        fixture_ok(f, session, SESSION, "EnableEvent", "sssa{sv}", "user", "", pattern, 2, "target-pid", "u",
                   (uint32_t) pid, "target-children", "b", (int) children);
}

/* One process is reached, and its neighbour is told nothing at all. */
static void test_pid(void) {
        struct fixture *f = fixture_new();
        struct node one = node_new(f), other = node_new(f);
        g_autofree char *session = session_of(f, "s");

        reach_pid(f, session, "shop:paid", one.pid, false);
        g_assert_cmpint(ask(&one, COMMAND_ENTER), ==, 1);
        g_assert_cmpint(ask(&other, COMMAND_ENTER), ==, 0);
        reach_pid(f, session, "shop:sent", other.pid, false);
        g_assert_cmpint(ask(&other, COMMAND_LOOK), ==, 2);
        g_assert_cmpint(ask(&one, COMMAND_QUIET), ==, 1);
        node_end(&one);
        node_end(&other);
        fixture_free(f);
}

/* The process that is meant, not the one that has its number later: here, one that was never there. */
static void test_identity(void) {
        struct fixture *f = fixture_new();
        struct node n = node_new(f);
        g_autofree char *session = session_of(f, "s");
        struct process process;
        uid_t uid;

        g_assert_cmpint(process_find(n.pid, &process, &uid), ==, 0);
        g_assert_cmpuint(uid, ==, getuid());
        reach_pid(f, session, "shop:paid", n.pid, false);
        g_assert_cmpint(ask(&n, COMMAND_ENTER), ==, 1);
        node_end(&n);
        g_assert_cmpint(process_find(n.pid, &process, &uid), ==, -ESRCH);
        fixture_fails(f, INVALID, "There is no process", session, SESSION, "EnableEvent", "sssa{sv}", "user", "", "*",
                      1, "target-pid", "u", (uint32_t) n.pid);
        fixture_free(f);
}

/* What descends from a process is found through processes that are no applications. */
static void test_children(void) {
        struct fixture *f = fixture_new();
        struct node line = node_new(f), other = node_new(f);
        g_autofree char *session = session_of(f, "s");

        reach_pid(f, session, "shop:paid", line.pid, true);
        reach_pid(f, session, "shop:sent", line.pid, false);
        ask(&line, COMMAND_FORK);
        ask(&line, COMMAND_FORK);
        g_assert_cmpint(ask(&line, COMMAND_ENTER), ==, 1);
        g_assert_cmpint(ask(&other, COMMAND_ENTER), ==, 0);
        /* A rule that comes later looks at who there is. */
        reach_pid(f, session, "shop:*", line.pid, true);
        g_assert_cmpint(ask(&line, COMMAND_LOOK), ==, 3);
        g_assert_cmpint(ask(&other, COMMAND_QUIET), ==, 0);
        node_end(&line);
        node_end(&other);
        fixture_free(f);
}

/*
 * An application that was found to descend from a process hands that on to its
 * own children, although nobody is left between them and that process.
 */
static void test_orphans(void) {
        struct fixture *f = fixture_new();
        struct node line = node_new(f), late = node_new(f);
        g_autofree char *session = session_of(f, "s");

        reach_pid(f, session, "shop:paid", line.pid, true);
        reach_pid(f, session, "shop:sent", late.pid, true);
        ask(&line, COMMAND_FORK);
        ask(&line, COMMAND_FORK);
        g_assert_cmpint(ask(&line, COMMAND_ENTER), ==, 1);
        ask(&line, COMMAND_ORPHAN);
        ask(&line, COMMAND_FORK);
        g_assert_cmpint(ask(&line, COMMAND_ENTER), ==, 1);
        /* One that had lost its parent before it registered cannot be told from others. */
        ask(&late, COMMAND_FORK);
        ask(&late, COMMAND_FORK);
        ask(&late, COMMAND_ORPHAN);
        g_assert_cmpint(ask(&late, COMMAND_ENTER), ==, 0);
        node_end(&line);
        node_end(&late);
        fixture_free(f);
}

static void enable(struct fixture *f, const char *session, const char *pattern, const char *key, const char *value) {
        fixture_ok(f, session, SESSION, "EnableEvent", "sssa{sv}", "user", "", pattern, 1, key, "s", value);
}

static void test_executable(void) {
        g_autofree char *path = g_file_read_link("/proc/self/exe", NULL), *base = g_path_get_basename(path);
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s");
        struct fake_application *a;

        enable(f, session, "shop:paid", "target-executable", base);
        enable(f, session, "shop:sent", "target-executable", "/no/such/program");
        fixture_ok(f, session, SESSION, "Start", "a{sv}", 0);
        a = fake_application_register(f, shop, 0);
        g_assert_cmpint(bits(a), ==, 1);
        fake_application_free(a);
        fixture_ok(f, session, SESSION, "EnableEvent", "sssa{sv}", "user", "", "shop:sent", 2, "target-executable",
                   "s", path, "target-uid", "u", (uint32_t) getuid());
        a = fake_application_register(f, shop, 0);
        g_assert_cmpint(bits(a), ==, 3);
        fake_application_free(a);
        fixture_free(f);
}

static void test_uid(void) {
        struct fixture *f = fixture_new();
        g_autofree char *session = session_of(f, "s");
        struct fake_application *a;

        fixture_ok(f, session, SESSION, "EnableEvent", "sssa{sv}", "user", "", "shop:sent", 1, "target-uid", "u",
                   (uint32_t) getuid());
        if (getuid() == 0)
                fixture_ok(f, session, SESSION, "EnableEvent", "sssa{sv}", "user", "", "shop:paid", 1, "target-uid",
                           "u", 12345);
        else
                fixture_fails(f, "org.freedesktop.DBus.Error.AccessDenied", "its own user", session, SESSION,
                              "EnableEvent", "sssa{sv}", "user", "", "shop:paid", 1, "target-uid", "u", 12345);
        a = fake_application_register(f, shop, 0);
        g_assert_cmpint(bits(a), ==, 2);
        fake_application_free(a);
        fixture_free(f);
}

/* Many processes, of some of which a rule is: two views serve them all. */
static void test_sharing(void) {
        enum { N = 6 };
        struct fake_application *a[N];
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s");
        struct node n = node_new(f);
        struct stat first, st;

        reach_pid(f, session, "shop:paid", n.pid, false);
        enable(f, session, "shop:sent", "target-executable", "test-service-*");
        fixture_ok(f, session, SESSION, "Start", "a{sv}", 0);
        g_assert_cmpint(ask(&n, COMMAND_ENTER), ==, 3);
        for (int i = 0; i < N; i++) {
                a[i] = fake_application_register(f, shop, 0);
                g_assert_cmpint(bits(a[i]), ==, 2);
                g_assert_no_errno(fstat(a[i]->fds[0], &st));
                if (i == 0)
                        first = st;
                g_assert_cmpuint(st.st_ino, ==, first.st_ino);
        }
        for (int i = 0; i < N; i++)
                fake_application_free(a[i]);
        node_end(&n);
        fixture_free(f);
}

/* What can be seen of a rule's target, and that it is part of what makes a rule another one. */
static void test_properties(void) {
        const char *executable, *unit, *key, *signature;
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s"), *event = NULL;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply;
        const char *path, *again;
        uint32_t uid;

        reply = fixture_call(f, session, SESSION, "EnableEvent", NULL, "sssa{sv}", "user", "", "shop:*", 3,
                             "target-unit", "s", "shop", "target-executable", "s", "shop-*", "target-uid", "u",
                             (uint32_t) getuid());
        g_assert_cmpint(sd_bus_message_read(reply, "o", &path), >, 0);
        event = g_strdup(path);
        sd_bus_message_unref(reply);
        reply = fixture_call(f, session, SESSION, "EnableEvent", NULL, "sssa{sv}", "user", "", "shop:*", 0);
        g_assert_cmpint(sd_bus_message_read(reply, "o", &again), >, 0);
        g_assert_cmpstr(event, !=, again);
        sd_bus_message_unref(reply);
        g_assert_cmpint(sd_bus_get_property(f->bus, NULL, event, EVENT, "Target", &error, &reply, "a{sv}"), >=, 0);
        g_assert_cmpint(sd_bus_message_read(reply, "a{sv}", 3, &key, "u", &uid, &signature, "s", &executable, &again,
                                            "s", &unit), >, 0);
        g_assert_cmpstr(key, ==, "uid");
        g_assert_cmpuint(uid, ==, getuid());
        g_assert_cmpstr(executable, ==, "shop-*");
        g_assert_cmpstr(unit, ==, "shop.service");
        sd_bus_message_unref(reply);
        fixture_free(f);
}

static void test_refusals(void) {
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s");

        fixture_fails(f, INVALID, "The children of no process", session, SESSION, "EnableEvent", "sssa{sv}", "user",
                      "", "*", 1, "target-children", "b", 1);
        fixture_fails(f, INVALID, "There is no process 4294967295", session, SESSION, "EnableEvent", "sssa{sv}",
                      "user", "", "*", 1, "target-pid", "u", UINT32_MAX);
        fixture_fails(f, INVALID, "no name of a unit", session, SESSION, "EnableEvent", "sssa{sv}", "user", "", "*", 1,
                      "target-unit", "s", "a b");
        fixture_fails(f, INVALID, "leave target-uid away", session, SESSION, "EnableEvent", "sssa{sv}", "user", "",
                      "*", 2, "target-pid", "u", (uint32_t) getpid(), "target-uid", "u", (uint32_t) getuid() + 1);
        fixture_free(f);
}

/* A process is no part of a profile; the other targets are. */
static void test_profile(void) {
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s");
        sd_bus_message *reply;
        const char *text;

        reach_pid(f, session, "shop:paid", getpid(), true);
        enable(f, session, "shop:sent", "target-executable", "till*");
        reply = fixture_call(f, session, SESSION, "Dump", NULL, "");
        g_assert_cmpint(sd_bus_message_read(reply, "s", &text), >, 0);
        g_assert_nonnull(strstr(text, "Event=shop:sent executable=till*\n"));
        g_assert_null(strstr(text, "shop:paid"));
        g_assert_nonnull(strstr(text, "are left out.\n"));
        fixture_ok(f, "/org/tracectl/Tracing1", "org.tracectl.Tracing1.Manager", "ApplyProfile", "sa{sv}", text, 0);
        sd_bus_message_unref(reply);
        reply = fixture_call(f, session, SESSION, "Dump", NULL, "");
        g_assert_cmpint(sd_bus_message_read(reply, "s", &text), >, 0);
        g_assert_null(strstr(text, "left out"));
        sd_bus_message_unref(reply);
        fixture_fails(f, "org.tracectl.Tracing1.Error.InvalidProfile", "A process is no part of a profile",
                      "/org/tracectl/Tracing1", "org.tracectl.Tracing1.Manager", "ApplyProfile", "sa{sv}",
                      "[Session]\nName=s\n[Channel c]\nEvent=* pid=1:1\n", 0);
        fixture_free(f);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/targets/pid", test_pid);
        g_test_add_func("/targets/identity", test_identity);
        g_test_add_func("/targets/children", test_children);
        g_test_add_func("/targets/orphans", test_orphans);
        g_test_add_func("/targets/executable", test_executable);
        g_test_add_func("/targets/uid", test_uid);
        g_test_add_func("/targets/sharing", test_sharing);
        g_test_add_func("/targets/properties", test_properties);
        g_test_add_func("/targets/refusals", test_refusals);
        g_test_add_func("/targets/profile", test_profile);
        return g_test_run();
}
