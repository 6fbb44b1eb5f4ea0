/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The program itself: its arguments, the sockets that it is passed, and how it ends. */

#undef NDEBUG

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

static char *program;
static char *run_directory;

static void assert_output(int wanted, const char *text, const char *argument, const char *second) {
        char *argv[] = { program, (char *) argument, (char *) second, NULL };
        g_autofree char *out = NULL, *err = NULL;
        g_autoptr(GError) error = NULL;
        int status;

        g_assert_true(g_spawn_sync(NULL, argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &out, &err, &status, &error));
        g_assert_true(WIFEXITED(status));
        g_assert_cmpint(WEXITSTATUS(status), ==, wanted);
        g_assert_nonnull(strstr(wanted == 0 ? out : err, text));
        g_assert_cmpstr(wanted == 0 ? err : out, ==, "");
}

static void test_arguments(void) {
        assert_output(0, "Usage: tracingd", "--help", NULL);
        assert_output(0, "tracingd ", "--version", NULL);
        assert_output(1, "tracectl start tracingd", "--private", NULL);
        assert_output(1, "systemctl start tracingd.service", NULL, NULL);
        assert_output(1, "systemctl --user start tracingd.service", "--user", "--idle=5");
        assert_output(1, "exclude each other", "--private", "--user");
        assert_output(1, "'soon' is no number of seconds", "--idle=soon", NULL);
        assert_output(1, "'99999999999' is no number", "--idle", "99999999999");
        assert_output(1, "requires an argument", "--idle", NULL);
        assert_output(1, "unexpected argument 'x'", "--private", "x");
        assert_output(1, "'12' is no moment", "--clock=12", NULL);
        assert_output(1, "'a:1' is no moment", "--clock", "a:1");
        assert_output(1, "is no moment", "--clock=1000000000000000000000000000000:1", NULL);
        assert_output(1, "were not passed", "--private", "--clock=12:13");
        assert_output(1, "--colour", "--colour", NULL);
        assert_output(1, "were not passed", "--private", NULL);
}

struct running {
        pid_t pid;
        int bus_fd;
};

/* As tracectl or systemd start it: LISTEN_FDS, in a child whose number is LISTEN_PID. */
static void child(int bus, int registration, const char *names, const char *mode) {
        char pid[16];

        bus = fcntl(bus, F_DUPFD, 10);
        registration = fcntl(registration, F_DUPFD, 10);
        dup2(bus, 3);
        dup2(registration, 4);
        close_range(5, ~0U, 0);
        snprintf(pid, sizeof(pid), "%i", (int) getpid());
        setenv("LISTEN_PID", pid, 1);
        setenv("LISTEN_FDS", "2", 1);
        setenv("LISTEN_FDNAMES", names, 1);
        setenv("XDG_RUNTIME_DIR", run_directory, 1);
        setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus", 1);
        execl(program, program, mode, "--idle=1", NULL);
        _exit(99);
}

static struct running begin(const char *names) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int registration = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), pair[2];
        struct running r;

        g_assert_no_errno(bind(registration, (struct sockaddr *) &address, sizeof(sa_family_t)));
        g_assert_no_errno(listen(registration, 16));
        g_assert_no_errno(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
        g_assert_no_errno(r.pid = fork());
        if (r.pid == 0)
                child(pair[0], registration, names, "--private");
        close(pair[0]);
        close(registration);
        r.bus_fd = pair[1];
        return r;
}

static sd_bus *connect_bus(struct running *r) {
        sd_bus *bus = NULL;

        g_assert_cmpint(sd_bus_new(&bus), >=, 0);
        g_assert_cmpint(sd_bus_set_fd(bus, r->bus_fd, r->bus_fd), >=, 0);
        g_assert_cmpint(sd_bus_set_bus_client(bus, 0), >=, 0);
        g_assert_cmpint(sd_bus_start(bus), >=, 0);
        return bus;
}

static void ask_version(sd_bus *bus) {
        char *version = NULL;

        g_assert_cmpint(sd_bus_get_property_string(bus, NULL, "/org/tracectl/Tracing1", "org.tracectl.Tracing1.Manager",
                                                   "Version", NULL, &version), >=, 0);
        free(version);
}

static void assert_exit(struct running *r, int wanted) {
        int status;

        g_assert_cmpint(waitpid(r->pid, &status, 0), ==, r->pid);
        g_assert_true(WIFEXITED(status));
        g_assert_cmpint(WEXITSTATUS(status), ==, wanted);
}

/* Of tracingd's only child: the consumer, which it starts before there is a session. */
static int watch_consumer(pid_t tracingd) {
        char path[64];
        g_autofree char *children = NULL;
        int pidfd;

        snprintf(path, sizeof(path), "/proc/%i/task/%i/children", (int) tracingd, (int) tracingd);
        g_assert_true(g_file_get_contents(path, &children, NULL, NULL));
        g_assert_cmpint(atoi(children), >, 0);
        g_assert_no_errno(pidfd = pidfd_open(atoi(children), 0));
        return pidfd;
}

static void test_hang_up(void) {
        struct running r = begin("bus:register");
        sd_bus *bus = connect_bus(&r);
        struct pollfd consumer = { .events = POLLIN };

        ask_version(bus);
        consumer.fd = watch_consumer(r.pid);
        /* Ctrl-C in this terminal is not for it. */
        g_assert_cmpint(getsid(r.pid), ==, r.pid);
        sd_bus_close_unref(bus);
        assert_exit(&r, 0);
        /* It has had nothing to do, and ends. */
        g_assert_cmpint(poll(&consumer, 1, 10000), ==, 1);
        close(consumer.fd);
}

static void assert_signal(int signal) {
        struct running r = begin("bus:register");
        sd_bus *bus = connect_bus(&r);

        ask_version(bus);
        g_assert_no_errno(kill(r.pid, signal));
        assert_exit(&r, 0);
        sd_bus_close_unref(bus);
}

static void test_signals(void) {
        assert_signal(SIGTERM);
        assert_signal(SIGINT);
}

static void test_early_hang_up(void) {
        struct running r = begin("bus:register");

        /* Before a word was said. */
        close(r.bus_fd);
        assert_exit(&r, 0);
}

static void test_wrong_names(void) {
        struct running r = begin("register:bus");

        assert_exit(&r, EXIT_FAILURE);
        close(r.bus_fd);
}

struct user_service {
        pid_t pid;
        int control_fd, registration_fd, notify_fd;
};

static int listen_on(const char *name, int type) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

        snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", run_directory, name);
        (void) unlink(address.sun_path);
        g_assert_no_errno(bind(fd, (struct sockaddr *) &address, sizeof(address)));
        if (type != SOCK_DGRAM)
                g_assert_no_errno(listen(fd, 16));
        return fd;
}

/* The next message, but for those that are about descriptors to be kept. */
static void assert_notified(const struct user_service *s, const char *text) {
        char message[256];

        do {
                ssize_t n = recv(s->notify_fd, message, sizeof(message) - 1, 0);

                g_assert_cmpint(n, >, 0);
                message[n] = '\0';
        } while (g_str_has_prefix(message, "FDSTORE"));
        g_assert_true(g_str_has_prefix(message, text));
}

/* As systemd starts it for a user without a message bus. Returns when it is ready. */
static struct user_service begin_user(void) {
        const struct timeval timeout = { .tv_sec = 20 };
        g_autofree char *notify = g_build_filename(run_directory, "notify", NULL);
        struct user_service s = {
                .control_fd = listen_on("control", SOCK_STREAM),
                .registration_fd = listen_on("register", SOCK_SEQPACKET),
                .notify_fd = listen_on("notify", SOCK_DGRAM),
        };

        g_assert_no_errno(setsockopt(s.notify_fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)));
        g_assert_no_errno(s.pid = fork());
        if (s.pid == 0) {
                setenv("NOTIFY_SOCKET", notify, 1);
                child(s.control_fd, s.registration_fd, "control:register", "--user");
        }
        assert_notified(&s, "READY=1");
        return s;
}

static void end_user(struct user_service *s) {
        struct running r = { .pid = s->pid };

        assert_notified(s, "STOPPING=1");
        assert_exit(&r, 0);
        close(s->control_fd);
        close(s->registration_fd);
        close(s->notify_fd);
}

static void test_user(void) {
        struct user_service s = begin_user();
        struct sockaddr_un address;
        socklen_t size = sizeof(address);
        struct running r;
        sd_bus *bus;

        g_assert_no_errno(getsockname(s.control_fd, (struct sockaddr *) &address, &size));
        g_assert_no_errno(r.bus_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        g_assert_no_errno(connect(r.bus_fd, (struct sockaddr *) &address, size));
        bus = connect_bus(&r);
        ask_version(bus);
        g_assert_no_errno(kill(s.pid, SIGHUP));
        assert_notified(&s, "RELOADING=1");
        assert_notified(&s, "READY=1");
        ask_version(bus);
        g_assert_no_errno(kill(s.pid, SIGTERM));
        end_user(&s);
        sd_bus_close_unref(bus);
}

static void test_user_idle(void) {
        struct user_service s = begin_user();

        end_user(&s);
}

static void remove_run_directory(void) {
        static const char *const names[] = { "control", "register", "notify" };

        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
                g_autofree char *path = g_build_filename(run_directory, names[i], NULL);

                (void) unlink(path);
        }
        (void) rmdir(run_directory);
        g_free(run_directory);
}

int main(int argc, char *argv[]) {
        int result;

        g_test_init(&argc, &argv, NULL);
        g_assert_cmpint(argc, ==, 2);
        program = argv[1];
        run_directory = g_dir_make_tmp("tracingd-program-XXXXXX", NULL);
        g_test_add_func("/program/arguments", test_arguments);
        g_test_add_func("/program/hang-up", test_hang_up);
        g_test_add_func("/program/early-hang-up", test_early_hang_up);
        g_test_add_func("/program/signals", test_signals);
        g_test_add_func("/program/wrong-names", test_wrong_names);
        g_test_add_func("/program/user", test_user);
        g_test_add_func("/program/user-idle", test_user_idle);
        result = g_test_run();
        remove_run_directory();
        return result;
}
