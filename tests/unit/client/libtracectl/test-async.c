/* SPDX-License-Identifier: LGPL-2.1-or-later */
#undef NDEBUG

/* Calls that are not waited for say the same to the service, and bring the same, as those that are. */

#include <errno.h>
#include <glib-unix.h>
#include <poll.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "client/libtracectl/tracectl.h"
#include "tests/unit/client/libtracectl/fake-service.h"

#define N_CALLS 24

struct fixture {
        struct fake_service *service;
        tracectl_connection *connection;
        tracectl_session *session;
        GString *results;
        guint n_left;
        GMainLoop *loop;
        sd_event *event;
};

static void connect_to(struct fixture *f, const struct fake_script *script) {
        int fd;

        *f = (struct fixture) { .results = g_string_new(NULL), .n_left = N_CALLS };
        f->service = fake_service_start(script, &fd);
        g_assert_cmpint(tracectl_connection_new_fd(fd, &f->connection), ==, 0);
        g_assert_cmpint(tracectl_session_create(f->connection, "shop", NULL, &f->session), ==, 0);
}

static char *end(struct fixture *f) {
        tracectl_session_free(f->session);
        tracectl_connection_free(f->connection);
        g_string_free(f->results, TRUE);
        return fake_service_end(f->service);
}

static void write_value(GString *s, const tracectl_value *value) {
        if (!value)
                return;
        g_string_append_printf(s, " %" G_GUINT64_FORMAT "'%s'", tracectl_value_get_number(value),
                               tracectl_value_get_string(value));
        for (size_t i = 0; i < tracectl_value_get_size(value); i++) {
                g_string_append_printf(s, " %s=", tracectl_value_get_key(value, i) ?: "");
                write_value(s, tracectl_value_get_item(value, i));
        }
}

/* One line for each result. Takes over what it is given. */
static void note(struct fixture *f, int error, tracectl_value *value, tracectl_counts *counts,
                 tracectl_session *session, const char *text, guint64 number) {
        g_string_append_printf(f->results, "%i", error);
        write_value(f->results, value);
        if (counts)
                g_string_append_printf(f->results, " counts %" G_GUINT64_FORMAT,
                                       tracectl_counts_get(counts, TRACECTL_COUNT_EVENTS));
        if (session)
                g_string_append_printf(f->results, " session %s", tracectl_session_get_path(session));
        g_string_append_printf(f->results, " %s %" G_GUINT64_FORMAT, text, number);
        if (error < 0)
                g_string_append_printf(f->results, " %s %s", tracectl_connection_get_error_name(f->connection),
                                       tracectl_connection_get_error(f->connection));
        g_string_append_c(f->results, '\n');
        tracectl_value_free(value);
        tracectl_counts_free(counts);
        tracectl_session_free(session);
}

static void on_done(tracectl_connection *connection, int error, tracectl_result *result, void *userdata) {
        struct fixture *f = userdata;

        g_assert_true(connection == f->connection);
        g_assert_true(!tracectl_result_get_value(result) ||
                      tracectl_value_get_size(tracectl_result_get_value(result)) > 0);
        g_assert_cmpuint(tracectl_result_get_counts(result) ? 123 : 0, ==,
                         tracectl_result_get_counts(result)
                                 ? tracectl_counts_get(tracectl_result_get_counts(result), TRACECTL_COUNT_EVENTS)
                                 : 0);
        g_assert_cmpint(tracectl_result_take_fd(result), ==, -1);
        note(f, error, tracectl_result_take_value(result), tracectl_result_take_counts(result),
             tracectl_result_take_session(result), tracectl_result_get_text(result),
             tracectl_result_get_number(result));
        if (--f->n_left > 0)
                return;
        if (f->loop)
                g_main_loop_quit(f->loop);
        if (f->event)
                g_assert_cmpint(sd_event_exit(f->event, 0), >=, 0);
}

/* Each function once, those that find several rules or none included. */
static void call_all(struct fixture *f) {
        tracectl_connection *c = f->connection;
        tracectl_session *s = f->session;
        struct tracectl_profile_options profile = TRACECTL_PROFILE_OPTIONS_INIT;
        struct tracectl_event_options event = TRACECTL_EVENT_OPTIONS_INIT;

        profile.dry_run = 1;
        event.filter = "id > 7";
        g_assert_cmpint(tracectl_get_info_async(c, on_done, f), ==, 0);
        g_assert_cmpint(tracectl_list_sessions_async(c, NULL, on_done, f), ==, 0);
        g_assert_cmpint(tracectl_list_applications_async(c, NULL, on_done, f), ==, 0);
        g_assert_cmpint(tracectl_list_events_async(c, "user", "*", NULL, on_done, f), ==, 0);
        g_assert_cmpint(tracectl_apply_profile_async(c, "[Session]", &profile, on_done, f), ==, 0);
        g_assert_cmpint(tracectl_session_create_async(c, "other", NULL, on_done, f), ==, 0);
        g_assert_cmpint(tracectl_session_open_async(c, "other", on_done, f), ==, 0);
        g_assert_cmpint(tracectl_session_open_of_async(c, 7, "other", on_done, f), ==, 0);
        g_assert_cmpint(tracectl_session_get_info_async(s, on_done, f), ==, 0);
        g_assert_cmpint(tracectl_session_get_channels_async(s, on_done, f), ==, 0);
        g_assert_cmpint(tracectl_session_get_events_async(s, on_done, f), ==, 0);
        g_assert_cmpint(tracectl_session_start_async(s, on_done, f), ==, 0);
        g_assert_cmpint(tracectl_session_stop_async(s, on_done, f), ==, 0);
        g_assert_cmpint(tracectl_session_snapshot_async(s, "x", on_done, f), ==, 0);
        g_assert_cmpint(tracectl_session_clear_async(s, on_done, f), ==, 0);
        g_assert_cmpint(tracectl_session_rotate_async(s, on_done, f), ==, 0);
        g_assert_cmpint(tracectl_session_dump_async(s, on_done, f), ==, 0);
        g_assert_cmpint(tracectl_session_enable_channel_async(s, "user", "c", NULL, on_done, f), ==, 0);
        g_assert_cmpint(tracectl_session_disable_channel_async(s, "user", "c", on_done, f), ==, 0);
        g_assert_cmpint(tracectl_session_add_context_async(s, "user", "c", "vpid", on_done, f), ==, 0);
        g_assert_cmpint(tracectl_session_enable_event_async(s, "user", "c", "a:b", &event, on_done, f), ==, 0);
        g_assert_cmpint(tracectl_session_destroy_async(s, on_done, f), ==, 0);
        g_assert_cmpint(tracectl_session_disable_event_async(s, "user", "", "no:such", on_done, f), ==, 0);
        g_assert_cmpint(tracectl_session_remove_event_async(s, "user", "", "shop:*", on_done, f), ==, 0);
}

static void wait_for_all(struct fixture *f) {
        tracectl_connection *c = f->connection;
        tracectl_session *s = f->session;
        struct tracectl_profile_options profile = TRACECTL_PROFILE_OPTIONS_INIT;
        struct tracectl_event_options event = TRACECTL_EVENT_OPTIONS_INIT;
        tracectl_value *value = NULL;
        tracectl_session *session = NULL;
        tracectl_counts *counts = NULL;
        char *text = NULL;
        uint32_t pending;
        int settled, r;

        profile.dry_run = 1;
        event.filter = "id > 7";
        r = tracectl_get_info(c, &value);
        note(f, r, g_steal_pointer(&value), NULL, NULL, "", 0);
        r = tracectl_list_sessions(c, NULL, &value);
        note(f, r, g_steal_pointer(&value), NULL, NULL, "", 0);
        r = tracectl_list_applications(c, NULL, &settled, &value);
        note(f, r, g_steal_pointer(&value), NULL, NULL, "", (guint64) settled);
        r = tracectl_list_events(c, "user", "*", NULL, &value);
        note(f, r, g_steal_pointer(&value), NULL, NULL, "", 0);
        r = tracectl_apply_profile(c, "[Session]", &profile, &value);
        note(f, r, g_steal_pointer(&value), NULL, NULL, "", 0);
        r = tracectl_session_create(c, "other", NULL, &session);
        note(f, r, NULL, NULL, g_steal_pointer(&session), "", 0);
        r = tracectl_session_open(c, "other", &session);
        note(f, r, NULL, NULL, g_steal_pointer(&session), "", 0);
        r = tracectl_session_open_of(c, 7, "other", &session);
        note(f, r, NULL, NULL, g_steal_pointer(&session), "", 0);
        r = tracectl_session_get_info(s, &value);
        note(f, r, g_steal_pointer(&value), NULL, NULL, "", 0);
        r = tracectl_session_get_channels(s, &value);
        note(f, r, g_steal_pointer(&value), NULL, NULL, "", 0);
        r = tracectl_session_get_events(s, &value);
        note(f, r, g_steal_pointer(&value), NULL, NULL, "", 0);
        r = tracectl_session_start(s, &pending);
        note(f, r, NULL, NULL, NULL, "", pending);
        r = tracectl_session_stop(s, &counts);
        note(f, r, NULL, g_steal_pointer(&counts), NULL, "", 0);
        r = tracectl_session_snapshot(s, "x", &text, &counts);
        note(f, r, NULL, g_steal_pointer(&counts), NULL, text, 0);
        g_clear_pointer(&text, free);
        note(f, tracectl_session_clear(s), NULL, NULL, NULL, "", 0);
        r = tracectl_session_rotate(s, &text);
        note(f, r, NULL, NULL, NULL, text, 0);
        g_clear_pointer(&text, free);
        r = tracectl_session_dump(s, &text);
        note(f, r, NULL, NULL, NULL, text, 0);
        g_clear_pointer(&text, free);
        r = tracectl_session_enable_channel(s, "user", "c", NULL, &pending);
        note(f, r, NULL, NULL, NULL, "", pending);
        r = tracectl_session_disable_channel(s, "user", "c", &pending);
        note(f, r, NULL, NULL, NULL, "", pending);
        note(f, tracectl_session_add_context(s, "user", "c", "vpid"), NULL, NULL, NULL, "", 0);
        r = tracectl_session_enable_event(s, "user", "c", "a:b", &event, &pending);
        note(f, r, NULL, NULL, NULL, "", pending);
        note(f, tracectl_session_destroy(s), NULL, NULL, NULL, "", 0);
        note(f, tracectl_session_disable_event(s, "user", "", "no:such", NULL), NULL, NULL, NULL, "", 0);
        r = tracectl_session_remove_event(s, "user", "", "shop:*", &pending);
        note(f, r, NULL, NULL, NULL, "", pending);
}

/* poll(2), as a program without a loop of its own would do it. */
static void run_poll(struct fixture *f) {
        while (f->n_left > 0) {
                struct pollfd fd = { .fd = tracectl_connection_get_fd(f->connection) };
                uint64_t usec;

                g_assert_cmpint(tracectl_connection_process(f->connection), ==, 0);
                if (f->n_left == 0)
                        break;
                fd.events = (short) tracectl_connection_get_events(f->connection);
                g_assert_cmpint(tracectl_connection_get_timeout(f->connection, &usec), >=, 0);
                /* The calls have not been waited for that long yet. */
                g_assert_cmpuint(usec, >, (guint64) g_get_monotonic_time());
                g_assert_cmpint(poll(&fd, 1, 20000), >, 0);
        }
}

static void run_wait(struct fixture *f) {
        while (f->n_left > 0) {
                g_assert_cmpint(tracectl_connection_process(f->connection), ==, 0);
                if (f->n_left > 0)
                        g_assert_cmpint(tracectl_connection_wait(f->connection, 20 * G_USEC_PER_SEC), >, 0);
        }
}

static void run_event(struct fixture *f) {
        g_assert_cmpint(sd_event_new(&f->event), >=, 0);
        g_assert_cmpint(tracectl_connection_attach_event(f->connection, f->event, SD_EVENT_PRIORITY_NORMAL), >=, 0);
        g_assert_cmpint(sd_event_loop(f->event), ==, 0);
        g_assert_cmpint(tracectl_connection_detach_event(f->connection), >=, 0);
        sd_event_unref(f->event);
}

static gboolean on_fd(int fd, GIOCondition condition, gpointer userdata) {
        struct fixture *f = userdata;

        g_assert_cmpint(tracectl_connection_process(f->connection), ==, 0);
        return G_SOURCE_CONTINUE;
}

static void run_glib(struct fixture *f) {
        guint source = g_unix_fd_add(tracectl_connection_get_fd(f->connection), G_IO_IN, on_fd, f);

        f->loop = g_main_loop_new(NULL, FALSE);
        g_assert_cmpint(tracectl_connection_process(f->connection), ==, 0);
        g_main_loop_run(f->loop);
        g_source_remove(source);
        g_main_loop_unref(f->loop);
}

static int compare_lines(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

/* The second call of one that needs two comes behind the first ones of others: lines in no order. */
static char *sort_lines(const char *text) {
        g_auto(GStrv) lines = g_strsplit(text, "\n", 0);

        qsort(lines, g_strv_length(lines), sizeof(*lines), compare_lines);
        return g_strjoinv("\n", lines);
}

static void test_same(gconstpointer userdata) {
        static const struct fake_script script = { .n_sessions = 1 };
        void (*const *run)(struct fixture *f) = userdata;
        g_autofree char *results = NULL, *calls = NULL, *others = NULL, *sorted = NULL, *others_sorted = NULL,
                        *all = NULL;
        struct fixture f;

        connect_to(&f, &script);
        wait_for_all(&f);
        results = sort_lines(f.results->str);
        calls = end(&f);
        g_assert_nonnull(strstr(calls, "RemoveEvent"));

        connect_to(&f, &script);
        call_all(&f);
        (*run)(&f);
        all = sort_lines(f.results->str);
        g_assert_cmpstr(all, ==, results);
        others = end(&f);
        sorted = sort_lines(calls);
        others_sorted = sort_lines(others);
        g_assert_cmpstr(others_sorted, ==, sorted);
}

static void on_refused(tracectl_connection *connection, int error, tracectl_result *result, void *userdata) {
        struct fixture *f = userdata;

        note(f, error, NULL, NULL, NULL, "", 0);
        f->n_left--;
}

static void test_refused(void) {
        struct fixture f;

        connect_to(&f, &(struct fake_script) { .fail = "Start", .error = "org.tracectl.Tracing1.Error.Full",
                                               .message = "No room." });
        f.n_left = 1;
        g_assert_cmpint(tracectl_session_start_async(f.session, on_refused, &f), ==, 0);
        run_wait(&f);
        g_assert_nonnull(strstr(f.results->str, "org.tracectl.Tracing1.Error.Full No room."));
        g_free(end(&f));
}

/* The service goes away: whoever waits for an answer is told. */
static void test_hang_up(void) {
        struct fixture f;
        int r;

        connect_to(&f, &(struct fake_script) { .hang_up = "Start" });
        f.n_left = 1;
        g_assert_cmpint(tracectl_session_start_async(f.session, on_refused, &f), ==, 0);
        while ((r = tracectl_connection_process(f.connection)) >= 0)
                (void) tracectl_connection_wait(f.connection, UINT64_MAX);
        g_assert_cmpint(r, ==, -ECONNRESET);
        g_assert_cmpuint(f.n_left, ==, 0);
        g_assert_nonnull(strstr(f.results->str, "The tracing service has gone away."));
        g_free(end(&f));
}

static void on_free(tracectl_connection *connection, int error, tracectl_result *result, void *userdata) {
        struct fixture *f = userdata;

        g_assert_cmpint(f->n_left--, ==, 1);
        tracectl_session_free(g_steal_pointer(&f->session));
        tracectl_connection_free(g_steal_pointer(&f->connection));
}

static void test_free_within(void) {
        tracectl_connection *connection;
        struct fixture f;
        int r = 0;

        connect_to(&f, &(struct fake_script) {});
        f.n_left = 1;
        g_assert_cmpint(tracectl_session_start_async(f.session, on_free, &f), ==, 0);
        g_assert_cmpint(tracectl_session_start_async(f.session, on_free, &f), ==, 0);
        g_assert_cmpint(tracectl_session_clear_async(f.session, NULL, NULL), ==, 0);
        connection = f.connection;
        while (f.n_left > 0) {
                (void) tracectl_connection_wait(connection, UINT64_MAX);
                r = tracectl_connection_process(connection);
        }
        g_assert_cmpint(r, ==, -ECONNRESET);
        g_free(end(&f));
}

static void on_notice(tracectl_connection *connection, const tracectl_notice *notice, void *userdata) {
        static const char *const words[] = { "added", "removed", "changed", "failed", "stopped", "following", "lost" };
        struct fixture *f = userdata;

        g_string_append_printf(f->results, "%s %s %s", words[tracectl_notice_get_change(notice)],
                               tracectl_notice_get_kind(notice),
                               tracectl_notice_get_path(notice) + strlen("/org/tracectl/Tracing1"));
        if (tracectl_notice_get_session(notice))
                g_string_append_printf(f->results, " %u/%s", tracectl_notice_get_owner(notice),
                                       tracectl_notice_get_session(notice));
        g_string_append_printf(f->results, " %s\n",
                               tracectl_value_get_string(tracectl_value_lookup(tracectl_notice_get_values(notice),
                                                                               "pattern")));
        if (tracectl_notice_get_change(notice) == TRACECTL_CHANGE_FOLLOWING)
                f->n_left = 0;
}

static void test_follow(void) {
        tracectl_follower *follower = NULL;
        struct fixture f;
        int r;

        connect_to(&f, &(struct fake_script) { .hang_up = "Start" });
        g_assert_cmpint(tracectl_follow(f.connection, NULL, on_notice, &f, &follower), ==, 0);
        run_wait(&f);
        g_assert_cmpstr(f.results->str, ==,
                        "added session /session/1000/shop 1000/shop \n"
                        "added channel /session/1000/shop/channel/user/b 1000/shop \n"
                        "added channel /session/1000/shop/channel/user/main 1000/shop \n"
                        "added event /session/1000/shop/event/1 1000/shop shop:*\n"
                        "added event /session/1000/shop/event/2 1000/shop shop:*\n"
                        "added event /session/1000/shop/event/3 1000/shop a:b\n"
                        "added event /session/1000/shop2/event/1 1000/shop2 not:mine\n"
                        "following service  \n");
        g_string_truncate(f.results, 0);
        g_assert_cmpint(tracectl_session_start_async(f.session, NULL, NULL), ==, 0);
        while ((r = tracectl_connection_process(f.connection)) >= 0)
                (void) tracectl_connection_wait(f.connection, UINT64_MAX);
        g_assert_cmpint(r, ==, -ECONNRESET);
        g_assert_cmpstr(f.results->str, ==, "lost service  \n");
        tracectl_follower_free(follower);
        tracectl_follower_free(NULL);
        g_free(end(&f));
}

static void on_notice_free(tracectl_connection *connection, const tracectl_notice *notice, void *userdata) {
        tracectl_follower **follower = userdata;

        g_assert_nonnull(*follower);
        tracectl_follower_free(g_steal_pointer(follower));
}

static void test_follower_freed_within(void) {
        tracectl_follower *follower = NULL;
        struct fixture f;

        connect_to(&f, &(struct fake_script) {});
        g_assert_cmpint(tracectl_follow(f.connection, NULL, on_notice_free, &follower, &follower), ==, 0);
        while (follower) {
                g_assert_cmpint(tracectl_connection_process(f.connection), ==, 0);
                if (follower)
                        g_assert_cmpint(tracectl_connection_wait(f.connection, UINT64_MAX), >, 0);
        }
        g_free(end(&f));
}

static void on_stream(tracectl_connection *connection, int error, tracectl_result *result, void *userdata) {
        int *fd = userdata;

        g_assert_cmpint(error, ==, 0);
        *fd = tracectl_result_take_fd(result);
        g_assert_cmpint(tracectl_result_take_fd(result), ==, -1);
}

/* The descriptor is the caller's, as of the call that waits; it outlives the result. */
static void test_stream(void) {
        struct stat wanted, later, waited;
        g_autofree char *calls = NULL;
        int fd = -1, sync_fd = -1;
        struct fixture f;

        connect_to(&f, &(struct fake_script) {});
        g_assert_cmpint(tracectl_session_open_stream_async(f.session, on_stream, &fd), ==, 0);
        while (fd < 0) {
                g_assert_cmpint(tracectl_connection_process(f.connection), ==, 0);
                if (fd < 0)
                        g_assert_cmpint(tracectl_connection_wait(f.connection, 20 * G_USEC_PER_SEC), >, 0);
        }
        g_assert_cmpint(tracectl_session_open_stream(f.session, &sync_fd), ==, 0);
        g_assert_cmpint(fstat(STDIN_FILENO, &wanted), ==, 0);
        g_assert_cmpint(fstat(fd, &later), ==, 0);
        g_assert_cmpint(fstat(sync_fd, &waited), ==, 0);
        g_assert_cmpuint(later.st_ino, ==, wanted.st_ino);
        g_assert_cmpuint(waited.st_ino, ==, wanted.st_ino);
        close(fd);
        close(sync_fd);
        calls = end(&f);
        g_assert_nonnull(strstr(calls, ".OpenStream"));
}

int main(int argc, char *argv[]) {
        static void (*const poll_loop)(struct fixture *) = run_poll, (*const wait_loop)(struct fixture *) = run_wait,
                           (*const event_loop)(struct fixture *) = run_event,
                           (*const glib_loop)(struct fixture *) = run_glib;

        g_test_init(&argc, &argv, NULL);
        g_test_add_data_func("/async/poll", &poll_loop, test_same);
        g_test_add_data_func("/async/wait", &wait_loop, test_same);
        g_test_add_data_func("/async/sd-event", &event_loop, test_same);
        g_test_add_data_func("/async/glib", &glib_loop, test_same);
        g_test_add_func("/async/refused", test_refused);
        g_test_add_func("/async/hang-up", test_hang_up);
        g_test_add_func("/async/free-within", test_free_within);
        g_test_add_func("/follow/what-is-there", test_follow);
        g_test_add_func("/follow/freed-within", test_follower_freed_within);
        g_test_add_func("/async/stream", test_stream);
        return g_test_run();
}
