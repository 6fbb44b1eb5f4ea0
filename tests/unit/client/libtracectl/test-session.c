/* SPDX-License-Identifier: LGPL-2.1-or-later */
#undef NDEBUG

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/libtracectl/tracectl.h"
#include "tests/unit/client/libtracectl/fake-service.h"

#define SESSION "/org/tracectl/Tracing1/session/1000/shop org.tracectl.Tracing1.Session."

struct fixture {
        struct fake_service *service;
        tracectl_connection *connection;
        tracectl_session *session;
};

static void connect_to(struct fixture *f, const struct fake_script *script) {
        int fd;

        f->service = fake_service_start(script, &fd);
        g_assert_cmpint(tracectl_connection_new_fd(fd, &f->connection), ==, 0);
        f->session = NULL;
}

static void connect_session(struct fixture *f, const struct fake_script *script) {
        connect_to(f, script);
        g_assert_cmpint(tracectl_session_create(f->connection, "shop", NULL, &f->session), ==, 0);
}

static char *end(struct fixture *f) {
        tracectl_session_free(f->session);
        tracectl_connection_free(f->connection);
        return fake_service_end(f->service);
}

static void assert_last_call(struct fixture *f, const char *expected) {
        g_autofree char *calls = end(f);
        g_auto(GStrv) lines = g_strsplit(g_strchomp(calls), "\n", 0);

        g_assert_cmpstr(lines[g_strv_length(lines) - 1], ==, expected);
}

static void test_create_with_directory(void) {
        g_autofree char *path = g_dir_make_tmp("test-session-XXXXXX", NULL), *expected = NULL;
        struct tracectl_session_options options = TRACECTL_SESSION_OPTIONS_INIT;
        struct fixture f;
        struct stat st;
        int fd;

        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        g_assert_cmpint(fstat(fd, &st), ==, 0);
        connect_to(&f, &(struct fake_script) {});
        options.output_fd = fd;
        g_assert_cmpint(tracectl_session_create(f.connection, "shop", &options, &f.session), ==, 0);
        g_assert_cmpint(fcntl(fd, F_GETFD), >=, 0);
        expected = g_strdup_printf("/org/tracectl/Tracing1 org.tracectl.Tracing1.Manager.CreateSession "
                                   "'shop' ['output-fd' inode %" G_GUINT64_FORMAT "]", (guint64) st.st_ino);
        assert_last_call(&f, expected);
        close(fd);
        g_assert_cmpint(rmdir(path), ==, 0);
}

static void test_create_without_directory(void) {
        struct fixture f;

        connect_session(&f, &(struct fake_script) {});
        assert_last_call(&f, "/org/tracectl/Tracing1 org.tracectl.Tracing1.Manager.CreateSession 'shop' []");
}

static void test_create_with_options(void) {
        struct tracectl_session_options options = TRACECTL_SESSION_OPTIONS_INIT;
        struct fixture f;

        options.directory = "/tmp/x";
        options.if_exists = "keep";
        options.bind = "client";
        options.mode = "flight-recorder";
        connect_to(&f, &(struct fake_script) {});
        g_assert_cmpint(tracectl_session_create(f.connection, "shop", &options, &f.session), ==, 0);
        g_assert_cmpstr(tracectl_session_get_path(f.session), ==, "/org/tracectl/Tracing1/session/1000/shop");
        assert_last_call(&f, "/org/tracectl/Tracing1 org.tracectl.Tracing1.Manager.CreateSession 'shop' "
                             "['directory' '/tmp/x' 'if-exists' 'keep' 'mode' 'flight-recorder' 'bind' 'client']");
}

/* A program compiled with a version of the struct that ended at output_fd. */
static void test_create_with_older_options(void) {
        struct tracectl_session_options options = TRACECTL_SESSION_OPTIONS_INIT;
        struct fixture f;

        options.size = offsetof(struct tracectl_session_options, directory);
        options.directory = "/tmp/x";
        connect_to(&f, &(struct fake_script) {});
        g_assert_cmpint(tracectl_session_create(f.connection, "shop", &options, &f.session), ==, 0);
        assert_last_call(&f, "/org/tracectl/Tracing1 org.tracectl.Tracing1.Manager.CreateSession 'shop' []");
}

static void test_open(void) {
        g_autofree char *expected = g_strdup_printf("/org/tracectl/Tracing1 org.tracectl.Tracing1.Manager.GetSession "
                                                    "u%u 'shop'", (unsigned) geteuid());
        struct fixture f;

        connect_to(&f, &(struct fake_script) {});
        g_assert_cmpint(tracectl_session_open(f.connection, "shop", &f.session), ==, 0);
        assert_last_call(&f, expected);
        connect_to(&f, &(struct fake_script) {});
        g_assert_cmpint(tracectl_session_open_of(f.connection, 1000, "shop", &f.session), ==, 0);
        g_assert_cmpint(tracectl_session_start(f.session, NULL), ==, 0);
        assert_last_call(&f, SESSION "Start []");
}

static void test_start_and_destroy(void) {
        struct fixture f;

        connect_session(&f, &(struct fake_script) {});
        g_assert_cmpint(tracectl_session_start(f.session, NULL), ==, 0);
        assert_last_call(&f, SESSION "Start []");
        connect_session(&f, &(struct fake_script) {});
        g_assert_cmpint(tracectl_session_destroy(f.session), ==, 0);
        assert_last_call(&f, SESSION "Destroy []");
}

static void test_channel_without_options(void) {
        struct fixture f;

        connect_session(&f, &(struct fake_script) {});
        g_assert_cmpint(tracectl_session_enable_channel(f.session, "user", "channel0", NULL, NULL), ==, 0);
        assert_last_call(&f, SESSION "EnableChannel 'user' 'channel0' []");
}

static void test_channel_with_options(void) {
        struct tracectl_channel_options options = TRACECTL_CHANNEL_OPTIONS_INIT;
        struct fixture f;

        options.mode = TRACECTL_CHANNEL_OVERWRITE;
        options.subbuf_count = 16;
        options.subbuf_size = 65536;
        options.ordered_clock = 1;
        connect_session(&f, &(struct fake_script) {});
        g_assert_cmpint(tracectl_session_enable_channel(f.session, "user", "c", &options, NULL), ==, 0);
        assert_last_call(&f, SESSION "EnableChannel 'user' 'c' ['mode' 'overwrite' 'subbuf-count' u16 "
                                     "'subbuf-size' t65536 'ordered-clock' b1]");
}

/* A program compiled with the first version of the struct must not have later members read out of its stack. */
static void test_channel_with_older_options(void) {
        struct tracectl_channel_options options = TRACECTL_CHANNEL_OPTIONS_INIT;
        struct fixture f;

        options.size = offsetof(struct tracectl_channel_options, subbuf_count);
        options.ordered_clock = 1;
        options.mode = TRACECTL_CHANNEL_DISCARD;
        options.subbuf_count = 16;
        options.subbuf_size = 65536;
        connect_session(&f, &(struct fake_script) {});
        g_assert_cmpint(tracectl_session_enable_channel(f.session, "user", "c", &options, NULL), ==, 0);
        assert_last_call(&f, SESSION "EnableChannel 'user' 'c' ['mode' 'discard']");
}

static void test_event(void) {
        struct fixture f;
        uint32_t pending = 0;

        connect_session(&f, &(struct fake_script) {});
        g_assert_cmpint(tracectl_session_enable_event(f.session, "user", "", "shop:*", NULL, NULL), ==, 0);
        g_assert_cmpint(tracectl_session_enable_event(f.session, "user", "c", "shop:*", NULL, &pending), ==, 0);
        g_assert_cmpuint(pending, ==, 3);
        assert_last_call(&f, SESSION "EnableEvent 'user' 'c' 'shop:*' []");
}

/* And what a program does not have that was compiled with a smaller struct. */
static void test_event_options(void) {
        static const char *const exclude[] = { "a:*", "b:*", NULL };
        struct tracectl_event_options options = TRACECTL_EVENT_OPTIONS_INIT;
        struct fixture f;

        connect_session(&f, &(struct fake_script) {});
        options.filter = "id > 7";
        options.log_level = "warning";
        options.log_level_only = "info";
        options.exclude = exclude;
        g_assert_cmpint(tracectl_session_enable_event(f.session, "user", "", "*", &options, NULL), ==, 0);
        assert_last_call(&f, SESSION "EnableEvent 'user' '' '*' ['exclude' ['a:*' 'b:*'] 'filter' 'id > 7' 'loglevel' "
                                     "'warning' 'loglevel-only' 'info']");
        connect_session(&f, &(struct fake_script) {});
        options.size = offsetof(struct tracectl_event_options, log_level);
        g_assert_cmpint(tracectl_session_enable_event(f.session, "user", "", "*", &options, NULL), ==, 0);
        assert_last_call(&f, SESSION "EnableEvent 'user' '' '*' ['filter' 'id > 7']");
}

static void test_stop_counts(void) {
        tracectl_counts *counts = NULL;
        struct fixture f;

        connect_session(&f, &(struct fake_script) { .output_error = "No space left on device" });
        g_assert_cmpint(tracectl_session_stop(f.session, NULL), ==, 0);
        g_assert_cmpint(tracectl_session_stop(f.session, &counts), ==, 0);
        g_assert_cmpuint(tracectl_counts_get(counts, TRACECTL_COUNT_EVENTS), ==, 123);
        g_assert_cmpuint(tracectl_counts_get(counts, TRACECTL_COUNT_LOST_RING), ==, 4);
        g_assert_cmpuint(tracectl_counts_get(counts, TRACECTL_COUNT_APPLICATIONS), ==, 2);
        g_assert_cmpuint(tracectl_counts_get(counts, TRACECTL_COUNT_BYTES), ==, 0);
        g_assert_cmpuint(tracectl_counts_get(counts, (enum tracectl_count) 1000), ==, 0);
        g_assert_cmpstr(tracectl_counts_get_output_error(counts), ==, "No space left on device");
        tracectl_counts_free(counts);
        assert_last_call(&f, SESSION "Stop []");
}

static void test_snapshot(void) {
        tracectl_counts *counts = NULL;
        struct fixture f;

        connect_session(&f, &(struct fake_script) {});
        g_assert_cmpint(tracectl_session_snapshot(f.session, "", NULL, &counts), ==, 0);
        g_assert_cmpuint(tracectl_counts_get(counts, TRACECTL_COUNT_EVENTS), ==, 123);
        g_assert_cmpstr(tracectl_counts_get_output_error(counts), ==, "");
        tracectl_counts_free(counts);
        assert_last_call(&f, SESSION "Snapshot ['name' '']");
}

static void test_service_refuses(void) {
        struct fixture f;

        connect_session(&f, &(struct fake_script) {
                .fail = "EnableEvent",
                .error = "org.tracectl.Tracing1.Error.InvalidArgument",
                .message = "Write shop:*.",
        });
        g_assert_cmpstr(tracectl_connection_get_error(f.connection), ==, "");
        g_assert_cmpint(tracectl_session_enable_event(f.session, "user", "", "shop", NULL, NULL), <, 0);
        g_assert_cmpstr(tracectl_connection_get_error(f.connection), ==, "Write shop:*.");
        g_assert_cmpstr(tracectl_connection_get_error_name(f.connection), ==,
                        "org.tracectl.Tracing1.Error.InvalidArgument");
        /* The next call is none the worse for it. */
        g_assert_cmpint(tracectl_session_start(f.session, NULL), ==, 0);
        g_assert_cmpstr(tracectl_connection_get_error(f.connection), ==, "");
        g_free(end(&f));
}

static void test_bad_replies(void) {
        static const char *const members[] = { "CreateSession", "EnableEvent", "Stop", "Snapshot" };

        for (size_t i = 0; i < G_N_ELEMENTS(members); i++) {
                tracectl_counts *counts = NULL;
                struct fixture f;
                int r;

                connect_to(&f, &(struct fake_script) { .bad_reply = members[i] });
                r = tracectl_session_create(f.connection, "shop", NULL, &f.session);
                if (i == 0)
                        g_assert_null(f.session);
                if (i == 1)
                        r = tracectl_session_enable_event(f.session, "user", "", "a:b", NULL, NULL);
                if (i == 2)
                        r = tracectl_session_stop(f.session, &counts);
                if (i == 3)
                        r = tracectl_session_snapshot(f.session, "", NULL, &counts);
                g_assert_cmpint(r, <, 0);
                g_assert_null(counts);
                g_assert_nonnull(strstr(tracectl_connection_get_error(f.connection), "makes no sense"));
                g_free(end(&f));
        }
}

static void test_odd_counts(void) {
        tracectl_counts *counts = NULL;
        struct fixture f;

        connect_session(&f, &(struct fake_script) { .odd_counts = TRUE });
        g_assert_cmpint(tracectl_session_stop(f.session, &counts), <, 0);
        g_assert_null(counts);
        g_assert_nonnull(strstr(tracectl_connection_get_error(f.connection), "makes no sense"));
        g_free(end(&f));
}

static void test_service_goes_away(void) {
        struct fixture f;

        connect_session(&f, &(struct fake_script) { .hang_up = "Start" });
        g_assert_cmpint(tracectl_session_start(f.session, NULL), <, 0);
        g_assert_cmpstr(tracectl_connection_get_error(f.connection), ==, "The tracing service has gone away.");
        g_assert_cmpint(tracectl_session_destroy(f.session), <, 0);
        g_assert_cmpstr(tracectl_connection_get_error(f.connection), ==, "The tracing service has gone away.");
        g_assert_cmpint(tracectl_connection_process(f.connection), ==, -ECONNRESET);
        g_free(end(&f));
}

static void test_process(void) {
        struct fixture f;

        connect_session(&f, &(struct fake_script) { .announce = TRUE, .hang_up = "Destroy" });
        g_assert_cmpint(tracectl_connection_get_fd(f.connection), >=, 0);
        g_assert_cmpint(tracectl_connection_process(f.connection), ==, 0);
        g_assert_cmpint(tracectl_session_start(f.session, NULL), ==, 0);
        g_assert_cmpint(tracectl_session_destroy(f.session), <, 0);
        g_free(end(&f));
}

/* The hang-up comes to a program that only waits. */
static void test_process_hang_up(void) {
        struct pollfd p = { .events = POLLIN };
        struct fixture f;
        int r;

        connect_session(&f, &(struct fake_script) {});
        p.fd = tracectl_connection_get_fd(f.connection);
        fake_service_hang_up(f.service);
        do {
                g_assert_cmpint(poll(&p, 1, -1), ==, 1);
                r = tracectl_connection_process(f.connection);
        } while (r == 0);
        g_assert_cmpint(r, ==, -ECONNRESET);
        g_free(end(&f));
}

/* Freed in the order that people forget about: the connection first. */
static void test_free_order(void) {
        struct fixture f;

        connect_session(&f, &(struct fake_script) {});
        tracectl_connection_free(f.connection);
        g_assert_cmpint(tracectl_session_start(f.session, NULL), <, 0);
        tracectl_session_free(f.session);
        g_free(fake_service_end(f.service));
        tracectl_session_free(NULL);
        tracectl_connection_free(NULL);
        tracectl_counts_free(NULL);
}

static void test_not_a_socket(void) {
        tracectl_connection *connection = NULL;
        int fds[2];

        g_assert_cmpint(tracectl_connection_new_fd(-1, &connection), <, 0);
        g_assert_null(connection);
        g_assert_cmpint(pipe(fds), ==, 0);
        g_assert_cmpint(tracectl_connection_new_fd(fds[0], &connection), <, 0);
        g_assert_null(connection);
        close(fds[1]);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/session/create-with-directory", test_create_with_directory);
        g_test_add_func("/session/create-without-directory", test_create_without_directory);
        g_test_add_func("/session/create-with-options", test_create_with_options);
        g_test_add_func("/session/create-with-older-options", test_create_with_older_options);
        g_test_add_func("/session/open", test_open);
        g_test_add_func("/session/start-and-destroy", test_start_and_destroy);
        g_test_add_func("/session/channel-without-options", test_channel_without_options);
        g_test_add_func("/session/channel-with-options", test_channel_with_options);
        g_test_add_func("/session/channel-with-older-options", test_channel_with_older_options);
        g_test_add_func("/session/event", test_event);
        g_test_add_func("/session/event-options", test_event_options);
        g_test_add_func("/session/stop-counts", test_stop_counts);
        g_test_add_func("/session/snapshot", test_snapshot);
        g_test_add_func("/session/service-refuses", test_service_refuses);
        g_test_add_func("/session/bad-replies", test_bad_replies);
        g_test_add_func("/session/odd-counts", test_odd_counts);
        g_test_add_func("/connection/service-goes-away", test_service_goes_away);
        g_test_add_func("/connection/process", test_process);
        g_test_add_func("/connection/process-hang-up", test_process_hang_up);
        g_test_add_func("/connection/free-order", test_free_order);
        g_test_add_func("/connection/not-a-socket", test_not_a_socket);
        return g_test_run();
}
