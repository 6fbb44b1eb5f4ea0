/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The library between two daemons, both of which the test plays: who is joined
 * when, what each turns on and off, what a child of fork() does. Each test is a
 * process of its own.
 */

#undef NDEBUG

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/tracer/fake-daemon.h"
#include "tests/unit/tracer/program.h"
#include "tracer/wait.h"

#define PROGRAM (EVENT_FIXED | EVENT_STRING)

/* Two daemons and where their files are. */
struct world {
        char *directory, *system_directory, *user_directory;
        struct fake_daemon system, user;
};

static uint64_t payload_size(uint32_t id, const char *payload, uint64_t room) {
        /* The string event is the second of the first object: it comes last but for what was there before. */
        if (room >= 8 + sizeof(PROGRAM_STRING) && memcmp(payload + 8, PROGRAM_STRING, sizeof(PROGRAM_STRING)) == 0)
                return 8 + sizeof(PROGRAM_STRING);
        return 8;
}

static void set_up(struct world *w) {
        w->directory = g_dir_make_tmp("tracectl-daemons-XXXXXX", NULL);
        w->system_directory = g_build_filename(w->directory, "system", NULL);
        w->user_directory = g_build_filename(w->directory, TRACECTL_RUN, NULL);
        fake_init(&w->system, w->system_directory, 0, 1);
        fake_init(&w->user, w->user_directory, 0, 11);
        w->system.reader.payload_size = w->user.reader.payload_size = payload_size;
        wait_config.system_run = w->system_directory;
        wait_config.system_owner = getuid();
        g_setenv("XDG_RUNTIME_DIR", w->directory, TRUE);
        g_unsetenv("TRACECTL_SOCKET");
}

static void tear_down(struct world *w) {
        fake_done(&w->system);
        fake_done(&w->user);
        rmdir(w->directory);
}

static void assert_recorded(struct world *w, uint64_t system, uint64_t user) {
        program_trace(7);
        g_assert_cmpuint(fake_consume(&w->system), ==, system);
        g_assert_cmpuint(fake_consume(&w->user), ==, user);
}

static void join(struct fake_daemon *f) {
        fake_want(f, true);
        fake_accept(f);
        fake_apply(f, HANDSHAKE_READY, true);
}

static void wait_until_enabled(unsigned events) {
        for (gint64 until = g_get_monotonic_time() + FAKE_TIMEOUT_MSEC * 1000; program_enabled() != events;) {
                g_assert_cmpint(g_get_monotonic_time(), <, until);
                sched_yield();
        }
}

static void end(struct fake_daemon *f) {
        fake_want(f, false);
        fake_hang_up(f);
}

/* The whole story of both: passive, one, both, one again, the other way round, none. */
static void joins_and_leaves(void) {
        struct world w;

        set_up(&w);
        program_register();
        g_assert_cmpuint(program_enabled(), ==, 0);
        join(&w.system);
        g_assert_cmpuint(program_enabled(), ==, PROGRAM);
        assert_recorded(&w, 2, 0);
        join(&w.user);
        assert_recorded(&w, 2, 2);
        /* One clears: the other goes on. */
        fake_apply(&w.system, HANDSHAKE_CONFIG, false);
        assert_recorded(&w, 0, 2);
        fake_apply(&w.system, HANDSHAKE_CONFIG, true);
        assert_recorded(&w, 2, 2);
        fake_apply(&w.user, HANDSHAKE_CONFIG, false);
        assert_recorded(&w, 2, 0);
        fake_apply(&w.user, HANDSHAKE_CONFIG, true);
        /* One leaves for good. */
        end(&w.system);
        for (gint64 until = g_get_monotonic_time() + FAKE_TIMEOUT_MSEC * 1000;;) {
                program_trace(8);
                g_assert_cmpuint(fake_consume(&w.user), ==, 2);
                if (fake_consume(&w.system) == 0)
                        break;
                g_assert_cmpint(g_get_monotonic_time(), <, until);
        }
        /* And comes back, as new. */
        join(&w.system);
        g_assert_false(w.system.registration.keys & HANDSHAKE_RESUME);
        assert_recorded(&w, 2, 2);
        end(&w.user);
        end(&w.system);
        wait_until_enabled(0);
        tear_down(&w);
}

static gpointer register_thread(gpointer unused) {
        program_register();
        return GUINT_TO_POINTER(program_enabled());
}

/* Where somebody wants to trace already, the constructor waits for all who do, at once. */
static void waits_for_both_before_main(void) {
        struct world w;
        GThread *t;

        set_up(&w);
        fake_want(&w.system, true);
        fake_want(&w.user, true);
        t = g_thread_new("register", register_thread, NULL);
        fake_accept(&w.user);
        fake_accept(&w.system);
        fake_apply(&w.system, HANDSHAKE_READY, false);
        fake_apply(&w.user, HANDSHAKE_READY, true);
        g_assert_cmpuint(GPOINTER_TO_UINT(g_thread_join(t)), ==, PROGRAM);
        tear_down(&w);
}

static gpointer plugin_thread(gpointer unused) {
        program_register_plugin();
        return GUINT_TO_POINTER(program_enabled());
}

/* Two that say nothing cost the bound once: not twice, not again for a library, and not a child. */
static void waits_once_for_silent_daemons(void) {
        gint64 before = g_get_monotonic_time();
        struct world w;
        GThread *t;
        int status;
        pid_t pid;

        set_up(&w);
        fake_want(&w.system, true);
        fake_want(&w.user, true);
        program_register();
        g_assert_cmpint(g_get_monotonic_time() - before, >=, 490000);
        g_assert_cmpint(g_get_monotonic_time() - before, <, 950000);
        before = g_get_monotonic_time();
        program_register_plugin();
        pid = fork();
        if (pid == 0)
                _exit(g_get_monotonic_time() - before < 400000 ? 0 : 1);
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_cmpint(status, ==, 0);
        program_unregister_plugin();
        /* Who answers at last, is waited for again. */
        fake_accept(&w.system);
        while (w.system.registration.pid != (uint64_t) getpid()) {
                fake_hang_up(&w.system);
                fake_accept(&w.system);
        }
        g_assert_cmpuint(w.system.n_events, ==, 2);
        fake_apply(&w.system, HANDSHAKE_READY, true);
        t = g_thread_new("dlopen", plugin_thread, NULL);
        fake_take_events(&w.system);
        fake_apply(&w.system, HANDSHAKE_CONFIG, true);
        g_assert_cmpuint(GPOINTER_TO_UINT(g_thread_join(t)), ==, PROGRAM | EVENT_PLUGIN);
        tear_down(&w);
}

static void read_usage(int tid, uint64_t *ret_ticks, uint64_t *ret_switches) {
        g_autofree char *stat_path = g_strdup_printf("/proc/self/task/%i/stat", tid), *text = NULL;
        g_autofree char *status_path = g_strdup_printf("/proc/self/task/%i/status", tid), *status = NULL;
        unsigned long user, system;

        g_assert_true(g_file_get_contents(stat_path, &text, NULL, NULL));
        g_assert_cmpint(sscanf(strchr(text, ')'), ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                               &system), ==, 2);
        g_assert_true(g_file_get_contents(status_path, &status, NULL, NULL));
        *ret_ticks = user + system;
        *ret_switches = strtoull(strstr(status, "\nvoluntary_ctxt_switches:") + 25, NULL, 10);
}

/* Waiting uses no CPU, and nothing wakes it but what it waits for. */
static void waits_without_cpu(void) {
        uint64_t ticks[2], switches[2];
        struct world w;
        int tid;

        set_up(&w);
        program_register();
        while (fake_count_helpers(&tid) < 2)
                sched_yield();
        fake_wait_asleep(tid, SYS_futex_waitv);
        read_usage(tid, &ticks[0], &switches[0]);
        program_register_plugin();
        program_unregister_plugin();
        (void) poll(NULL, 0, 300); /* the time over which it is measured */
        read_usage(tid, &ticks[1], &switches[1]);
        g_assert_cmpuint(ticks[1], ==, ticks[0]);
        g_assert_cmpuint(switches[1], ==, switches[0]);
        g_assert_false(fake_is_called(&w.system, 0));
        g_assert_false(fake_is_called(&w.user, 0));
        tear_down(&w);
}

static void nowhere_to_register(void) {
        struct world w;
        g_autofree char *page = NULL;

        set_up(&w);
        wait_config.system_owner = getuid() + 1;
        wait_config.system_run = "/nonexistent";
        page = g_build_filename(w.user_directory, TRACECTL_WAIT_NAME, NULL);
        g_setenv("XDG_RUNTIME_DIR", "relative", TRUE);
        program_register();
        g_assert_cmpuint(fake_count_helpers(NULL), ==, 0);
        g_setenv("XDG_RUNTIME_DIR", w.directory, TRUE);
        g_assert_true(g_file_set_contents(page, "nonsense----", 12, NULL));
        program_register_plugin();
        g_assert_cmpuint(fake_count_helpers(NULL), ==, 0);
        if (getuid() == 0) {
                fake_write_page(page, 1);
                g_assert_cmpint(chown(page, 4711, 0), ==, 0);
                program_unregister_plugin();
                program_register_plugin();
                g_assert_cmpuint(fake_count_helpers(NULL), ==, 0);
        }
        /* A page that appears later is found by whatever is loaded then. */
        unlink(page);
        fake_write_page(page, 2);
        fake_map_page(&w.user);
        program_unregister_plugin();
        while (fake_count_helpers(NULL) != 1)
                sched_yield();
        join(&w.user);
        assert_recorded(&w, 0, 2);
        tear_down(&w);
}

/* The variable replaces both, and needs no page. */
static void variable_replaces_both(void) {
        g_autofree char *path = NULL;
        struct world w;
        GThread *t;

        set_up(&w);
        fake_want(&w.user, true);
        path = g_build_filename(w.system_directory, TRACECTL_REGISTER_NAME, NULL);
        g_setenv("TRACECTL_SOCKET", path, TRUE);
        t = g_thread_new("register", register_thread, NULL);
        fake_accept(&w.system);
        fake_apply(&w.system, HANDSHAKE_READY, true);
        g_assert_cmpuint(GPOINTER_TO_UINT(g_thread_join(t)), ==, PROGRAM);
        g_assert_cmpuint(fake_count_helpers(NULL), ==, 1);
        assert_recorded(&w, 2, 0);
        g_assert_false(fake_is_called(&w.user, 0));
        tear_down(&w);
}

static void variable_that_is_no_path(void) {
        struct world w;

        set_up(&w);
        fake_want(&w.user, true);
        g_setenv("TRACECTL_SOCKET", "relative", TRUE);
        program_register();
        g_assert_cmpuint(fake_count_helpers(NULL), ==, 0);
        tear_down(&w);
}

/* A daemon that is gone while its page still wants: recording goes on, and is resumed. */
static void resumes(void) {
        struct world w;

        set_up(&w);
        program_register();
        join(&w.system);
        join(&w.user);
        fake_hang_up(&w.system);
        assert_recorded(&w, 2, 2);
        fake_accept(&w.system);
        g_assert_true(w.system.registration.keys & HANDSHAKE_RESUME);
        g_assert_cmpuint(w.system.registration.resume, ==, 42);
        assert_recorded(&w, 2, 2);
        fake_apply(&w.system, HANDSHAKE_READY, true);
        assert_recorded(&w, 2, 2);
        tear_down(&w);
}

/* The page wants, but nobody listens; or whoever does, hangs up: no second try until the word changes. */
static void refused(void) {
        g_autofree char *path = NULL, *away = NULL;
        gint64 before;
        struct world w;
        int tid;

        set_up(&w);
        path = g_build_filename(w.system_directory, TRACECTL_REGISTER_NAME, NULL);
        away = g_build_filename(w.system_directory, "away", NULL);
        g_assert_cmpint(rename(path, away), ==, 0);
        wait_config.recheck_msec = 1000000;
        g_unsetenv("XDG_RUNTIME_DIR");
        fake_want(&w.system, true);
        before = g_get_monotonic_time();
        program_register();
        g_assert_cmpint(g_get_monotonic_time() - before, <, 400000);
        g_assert_cmpuint(fake_count_helpers(&tid), ==, 1);
        fake_wait_asleep(tid, SYS_futex_waitv);
        g_assert_cmpint(rename(away, path), ==, 0);
        fake_want(&w.system, true);
        fake_accept(&w.system);
        fake_hang_up(&w.system);
        fake_wait_asleep(tid, SYS_futex_waitv);
        g_assert_false(fake_is_called(&w.system, 0));
        join(&w.system);
        assert_recorded(&w, 2, 0);
        tear_down(&w);
}

/* Who waits at a page that was replaced is not woken, but looks again by itself. */
static void page_replaced(void) {
        g_autofree char *path = NULL, *other = NULL;
        struct world w;

        set_up(&w);
        path = g_build_filename(w.system_directory, TRACECTL_WAIT_NAME, NULL);
        other = g_build_filename(w.system_directory, "other", NULL);
        wait_config.recheck_msec = 20;
        program_register();
        unlink(path);
        fake_write_page(other, 4);
        g_assert_cmpint(rename(other, path), ==, 0);
        fake_map_page(&w.system);
        join(&w.system);
        assert_recorded(&w, 2, 0);
        tear_down(&w);
}

/* A library that is loaded while both record: each gets the new definitions in its own time. */
static void library_comes_and_goes(void) {
        struct world w;
        GThread *t;

        set_up(&w);
        program_register();
        join(&w.system);
        join(&w.user);
        t = g_thread_new("dlopen", plugin_thread, NULL);
        fake_take_events(&w.system);
        fake_apply(&w.system, HANDSHAKE_CONFIG, true);
        g_assert_cmpuint(w.system.n_events, ==, 3);
        /* The user's daemon knows the old ones still; what it records is untouched. */
        assert_recorded(&w, 3, 2);
        fake_take_events(&w.user);
        fake_apply(&w.user, HANDSHAKE_CONFIG, true);
        g_assert_cmpuint(GPOINTER_TO_UINT(g_thread_join(t)), ==, PROGRAM | EVENT_PLUGIN);
        assert_recorded(&w, 3, 3);
        program_unregister_plugin();
        g_assert_cmpuint(program_enabled(), ==, PROGRAM);
        assert_recorded(&w, 2, 2);
        /* The other way round: the user's daemon is the first. */
        fake_take_events(&w.user);
        fake_apply(&w.user, HANDSHAKE_CONFIG, false);
        assert_recorded(&w, 2, 0);
        fake_apply(&w.user, HANDSHAKE_CONFIG, true);
        assert_recorded(&w, 2, 2);
        fake_take_events(&w.system);
        fake_apply(&w.system, HANDSHAKE_CONFIG, false);
        assert_recorded(&w, 0, 2);
        tear_down(&w);
}

/* A view that was made for definitions of the past is not applied. */
static void stale_view(void) {
        struct handshake h;
        struct world w;

        set_up(&w);
        program_register();
        join(&w.system);
        w.system.definitions++;
        (void) fake_send_view(&w.system, HANDSHAKE_CONFIG, false);
        w.system.definitions--;
        (void) fake_send_view(&w.system, HANDSHAKE_CONFIG, true);
        h = fake_expect(&w.system, HANDSHAKE_APPLIED);
        g_assert_cmpuint(h.applied, ==, w.system.generation);
        assert_recorded(&w, 2, 0);
        tear_down(&w);
}

static void unknown_context(void) {
        struct handshake h;
        struct world w;

        set_up(&w);
        program_register();
        join(&w.system);
        join(&w.user);
        w.user.contexts = 1u << 4;
        (void) fake_send_view(&w.user, HANDSHAKE_CONFIG, true);
        h = fake_expect(&w.user, HANDSHAKE_ERRNO);
        g_assert_cmpuint(h.error, ==, EPROTONOSUPPORT);
        assert_recorded(&w, 2, 2);
        tear_down(&w);
}

/* The child records for the daemons that its parent does, before fork() returns. */
static void fork_joins_both(void) {
        struct fake_daemon of_child[2];
        struct world w;
        int status;
        pid_t pid;

        set_up(&w);
        program_register();
        join(&w.system);
        join(&w.user);
        pid = fork();
        if (pid == 0) {
                unsigned enabled = program_enabled();

                program_trace(9);
                _exit(enabled == PROGRAM ? 0 : 1);
        }
        of_child[0] = w.system;
        of_child[1] = w.user;
        for (unsigned i = 0; i < 2; i++) {
                of_child[i].connection = -1;
                fake_accept(&of_child[i]);
                g_assert_cmpuint(of_child[i].registration.pid, ==, (uint64_t) pid);
                g_assert_false(of_child[i].registration.keys & HANDSHAKE_RESUME);
        }
        for (unsigned i = 0; i < 2; i++)
                fake_apply(&of_child[i], HANDSHAKE_READY, true);
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_cmpint(status, ==, 0);
        g_assert_cmpuint(fake_consume(&w.system), ==, 2);
        g_assert_cmpuint(fake_consume(&w.user), ==, 2);
        fake_hang_up(&of_child[0]);
        fake_hang_up(&of_child[1]);
        assert_recorded(&w, 2, 2);
        tear_down(&w);
}

/* The child waits for the daemon of its parent, in vain, for as long as is allowed; the other one finds it later. */
static void fork_waits_as_its_parent(void) {
        struct world w;
        int status;
        pid_t pid;

        set_up(&w);
        program_register();
        join(&w.user);
        pid = fork();
        if (pid == 0) {
                close(w.user.connection); /* the daemon's end, of which it has a copy */
                wait_until_enabled(PROGRAM);
                program_trace(9);
                _exit(0);
        }
        fake_hang_up(&w.user);
        /* Of the two that connect now, the parent resumes. */
        for (unsigned i = 0; i < 2; i++) {
                fake_accept(&w.user);
                if (w.user.registration.keys & HANDSHAKE_RESUME)
                        fake_apply(&w.user, HANDSHAKE_READY, false);
                w.user.connection = -1; /* stays open */
        }
        w.system.n_events = w.user.n_events;
        fake_want(&w.system, true);
        for (unsigned i = 0; i < 2; i++) {
                w.system.connection = -1;
                fake_accept(&w.system);
                /* The child ends when its events are on, which may be before it has answered. */
                if (w.system.registration.pid == (uint64_t) pid)
                        (void) fake_send_view(&w.system, HANDSHAKE_READY, true);
                else
                        fake_apply(&w.system, HANDSHAKE_READY, false);
        }
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_cmpint(status, ==, 0);
        g_assert_cmpuint(fake_consume(&w.system), ==, 2);
        tear_down(&w);
}

static struct world leaving;

static void leave_with_helpers(void) {
        program_register();
        join(&leaving.system);
        pthread_exit(NULL);
}

/* The process ends with its last thread, although helpers wait, one at its page and one at its socket. */
static void main_thread_leaves(void) {
        set_up(&leaving);
        fake_in_process(leave_with_helpers);
        tear_down(&leaving);
}

static const struct {
        const char *name;
        void (*func)(void);
} tests[] = {
        { "joins-and-leaves", joins_and_leaves },
        { "waits-for-both-before-main", waits_for_both_before_main },
        { "waits-once-for-silent-daemons", waits_once_for_silent_daemons },
        { "waits-without-cpu", waits_without_cpu },
        { "nowhere-to-register", nowhere_to_register },
        { "variable-replaces-both", variable_replaces_both },
        { "variable-that-is-no-path", variable_that_is_no_path },
        { "resumes", resumes },
        { "refused", refused },
        { "page-replaced", page_replaced },
        { "library-comes-and-goes", library_comes_and_goes },
        { "stale-view", stale_view },
        { "unknown-context", unknown_context },
        { "fork-joins-both", fork_joins_both },
        { "fork-waits-as-its-parent", fork_waits_as_its_parent },
        { "main-thread-leaves", main_thread_leaves },
};

static void run(gconstpointer data) {
        fake_in_process(tests[GPOINTER_TO_UINT(data)].func);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        for (guint i = 0; i < G_N_ELEMENTS(tests); i++) {
                g_autofree char *path = g_strconcat("/daemons/", tests[i].name, NULL);

                g_test_add_data_func(path, GUINT_TO_POINTER(i), run);
        }
        return g_test_run();
}
