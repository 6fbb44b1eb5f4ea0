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
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/context.h"
#include "protocol/view.h"
#include "tests/unit/tracer/world.h"
#include "tracer/wait.h"

/* Pages that nobody may touch, with memory above them. */
static unsigned count_guards(void) {
        g_autofree char *maps = NULL;
        g_auto(GStrv) lines = NULL;
        unsigned long page = (unsigned long) sysconf(_SC_PAGESIZE), begin, end, above;
        char rights[5], rights_above[5];
        unsigned n = 0;

        g_assert_true(g_file_get_contents("/proc/self/maps", &maps, NULL, NULL));
        lines = g_strsplit(maps, "\n", 0);
        for (char **l = lines; l[0] && l[1]; l++)
                if (sscanf(l[0], "%lx-%lx %4s", &begin, &end, rights) == 3 && sscanf(l[1], "%lx-%*x %4s", &above, rights_above) == 2)
                        n += end - begin == page && above == end && rights[0] == '-' && rights_above[1] == 'w';
        return n;
}

/* A thread that talks to its daemon has a stack that ends, be the daemon's messages what they like. */
static void guards_stacks(void) {
        unsigned before = count_guards();
        struct world w;

        world_init(&w);
        program_register();
        world_join(&w.system);
        g_assert_cmpuint(count_guards(), ==, before + 1);
        world_join(&w.user);
        g_assert_cmpuint(count_guards(), ==, before + 2);
        world_assert_recorded(&w, 2, 2);
}

/* The whole story of both: passive, one, both, one again, the other way round, none. */
static void joins_and_leaves(void) {
        struct world w;

        world_init(&w);
        program_register();
        g_assert_cmpuint(program_enabled(), ==, 0);
        world_join(&w.system);
        g_assert_cmpuint(program_enabled(), ==, PROGRAM);
        world_assert_recorded(&w, 2, 0);
        world_join(&w.user);
        world_assert_recorded(&w, 2, 2);
        /* One clears: the other goes on. */
        fake_apply(&w.system, HANDSHAKE_CONFIG, false);
        world_assert_recorded(&w, 0, 2);
        fake_apply(&w.system, HANDSHAKE_CONFIG, true);
        world_assert_recorded(&w, 2, 2);
        fake_apply(&w.user, HANDSHAKE_CONFIG, false);
        world_assert_recorded(&w, 2, 0);
        fake_apply(&w.user, HANDSHAKE_CONFIG, true);
        /* One leaves for good. */
        world_end(&w.system);
        for (gint64 until = g_get_monotonic_time() + FAKE_TIMEOUT_MSEC * 1000;;) {
                program_trace(8);
                g_assert_cmpuint(fake_consume(&w.user), ==, 2);
                if (fake_consume(&w.system) == 0)
                        break;
                g_assert_cmpint(g_get_monotonic_time(), <, until);
        }
        /* And comes back, as new. */
        world_join(&w.system);
        g_assert_false(w.system.registration.keys & HANDSHAKE_RESUME);
        /* Its own user's sees what it executes; the machine's may not. */
        g_assert_true(w.system.registration.keys & HANDSHAKE_EXECUTABLE);
        g_assert_false(w.user.registration.keys & HANDSHAKE_EXECUTABLE);
        world_assert_recorded(&w, 2, 2);
        world_end(&w.user);
        world_end(&w.system);
        world_wait_until_enabled(0);
        world_done(&w);
}

/* The same rings go on, with an ordered clock and without it, for one of them or both. */
static void orders_the_clock(void) {
        struct world w;

        world_init(&w);
        program_register();
        world_join(&w.system);
        world_join(&w.user);
        for (unsigned i = 0; i < 4; i++) {
                struct fake_daemon *f = i % 2 ? &w.user : &w.system;

                f->more_flags = i & 2 ? 0 : VIEW_RING_ORDERED;
                fake_apply(f, HANDSHAKE_CONFIG, true);
                world_assert_recorded(&w, 2, 2);
        }
        world_end(&w.user);
        world_end(&w.system);
        world_wait_until_enabled(0);
        world_done(&w);
}

/* Where somebody wants to trace already, the constructor waits for all who do, at once. */
static void waits_for_both_before_main(void) {
        struct world w;
        GThread *t;

        world_init(&w);
        fake_want(&w.system, true);
        fake_want(&w.user, true);
        t = g_thread_new("register", world_register, NULL);
        fake_accept(&w.user);
        fake_accept(&w.system);
        fake_apply(&w.system, HANDSHAKE_READY, false);
        fake_apply(&w.user, HANDSHAKE_READY, true);
        g_assert_cmpuint(GPOINTER_TO_UINT(g_thread_join(t)), ==, PROGRAM);
        world_done(&w);
}

/* Two that say nothing cost the bound once: not twice, not again for a library, and not a child. */
static void waits_once_for_silent_daemons(void) {
        const gint64 bound = 2000000; /* so long that a busy machine takes less for it */
        gint64 before;
        struct world w;
        GThread *t;
        int status;
        pid_t pid;

        world_init(&w);
        fake_want(&w.system, true);
        fake_want(&w.user, true);
        wait_config.answer_msec = bound / 1000;
        before = g_get_monotonic_time();
        program_register();
        g_assert_cmpint(g_get_monotonic_time() - before, >=, bound - 10000);
        g_assert_cmpint(g_get_monotonic_time() - before, <, 2 * bound - 10000);
        /* Of each several, so that a busy machine is not taken for a wait. */
        before = g_get_monotonic_time();
        for (int i = 0; i < 6; i++) {
                program_register_plugin();
                program_unregister_plugin();
        }
        g_assert_cmpint(g_get_monotonic_time() - before, <, 5 * bound);
        program_register_plugin();
        before = g_get_monotonic_time();
        for (int i = 0; i < 6; i++) {
                pid = fork();
                if (pid == 0)
                        _exit(0);
                g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
                g_assert_cmpint(status, ==, 0);
        }
        g_assert_cmpint(g_get_monotonic_time() - before, <, 5 * bound);
        program_unregister_plugin();
        /* Who answers at last, is waited for again, and as long as it takes. */
        wait_config.answer_msec = FAKE_TIMEOUT_MSEC;
        fake_accept(&w.system);
        while (w.system.registration.pid != (uint64_t) getpid()) {
                fake_hang_up(&w.system);
                fake_accept(&w.system);
        }
        g_assert_cmpuint(w.system.n_events, ==, 2);
        fake_apply(&w.system, HANDSHAKE_READY, true);
        t = g_thread_new("dlopen", world_register_plugin, NULL);
        fake_take_events(&w.system);
        fake_apply(&w.system, HANDSHAKE_CONFIG, true);
        g_assert_cmpuint(GPOINTER_TO_UINT(g_thread_join(t)), ==, PROGRAM | EVENT_PLUGIN);
        world_done(&w);
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

        world_init(&w);
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
        world_done(&w);
}

/* A daemon that is gone while its page still wants: recording goes on, and is resumed. */
static void resumes(void) {
        struct world w;

        world_init(&w);
        program_register();
        world_join(&w.system);
        world_join(&w.user);
        fake_hang_up(&w.system);
        world_assert_recorded(&w, 2, 2);
        fake_accept(&w.system);
        g_assert_true(w.system.registration.keys & HANDSHAKE_RESUME);
        g_assert_cmpuint(w.system.registration.resume, ==, 42);
        world_assert_recorded(&w, 2, 2);
        fake_apply(&w.system, HANDSHAKE_READY, true);
        world_assert_recorded(&w, 2, 2);
        world_done(&w);
}

/* A library that is loaded while both record: each gets the new definitions in its own time. */
static void library_comes_and_goes(void) {
        struct world w;
        GThread *t;

        world_init(&w);
        program_register();
        world_join(&w.system);
        world_join(&w.user);
        t = g_thread_new("dlopen", world_register_plugin, NULL);
        fake_take_events(&w.system);
        fake_apply(&w.system, HANDSHAKE_CONFIG, true);
        g_assert_cmpuint(w.system.n_events, ==, 3);
        /* The user's daemon knows the old ones still; what it records is untouched. */
        world_assert_recorded(&w, 3, 2);
        fake_take_events(&w.user);
        fake_apply(&w.user, HANDSHAKE_CONFIG, true);
        g_assert_cmpuint(GPOINTER_TO_UINT(g_thread_join(t)), ==, PROGRAM | EVENT_PLUGIN);
        world_assert_recorded(&w, 3, 3);
        program_unregister_plugin();
        g_assert_cmpuint(program_enabled(), ==, PROGRAM);
        world_assert_recorded(&w, 2, 2);
        /* The other way round: the user's daemon is the first. */
        fake_take_events(&w.user);
        fake_apply(&w.user, HANDSHAKE_CONFIG, false);
        world_assert_recorded(&w, 2, 0);
        fake_apply(&w.user, HANDSHAKE_CONFIG, true);
        world_assert_recorded(&w, 2, 2);
        fake_take_events(&w.system);
        fake_apply(&w.system, HANDSHAKE_CONFIG, false);
        world_assert_recorded(&w, 0, 2);
        world_done(&w);
}

/* A view that was made for definitions of the past is not applied. */
static void stale_view(void) {
        struct handshake h;
        struct world w;

        world_init(&w);
        program_register();
        world_join(&w.system);
        w.system.definitions++;
        (void) fake_send_view(&w.system, HANDSHAKE_CONFIG, false);
        w.system.definitions--;
        (void) fake_send_view(&w.system, HANDSHAKE_CONFIG, true);
        h = fake_expect(&w.system, HANDSHAKE_APPLIED);
        g_assert_cmpuint(h.applied, ==, w.system.generation);
        world_assert_recorded(&w, 2, 0);
        world_done(&w);
}

/* A view that cannot be applied takes what was on away: the daemon takes it for off. The next one is applied. */
static void unknown_context(void) {
        struct handshake h;
        struct world w;

        world_init(&w);
        program_register();
        world_join(&w.system);
        world_join(&w.user);
        w.user.contexts = CONTEXTS_KNOWN + 1;
        (void) fake_send_view(&w.user, HANDSHAKE_CONFIG, true);
        h = fake_expect(&w.user, HANDSHAKE_ERRNO | HANDSHAKE_GENERATION);
        g_assert_cmpuint(h.error, ==, EPROTONOSUPPORT);
        g_assert_cmpuint(h.generation, ==, w.user.generation);
        world_assert_recorded(&w, 2, 0);
        w.user.contexts = 0;
        fake_apply(&w.user, HANDSHAKE_CONFIG, true);
        world_assert_recorded(&w, 2, 2);
        world_done(&w);
}

/* The child records for the daemons that its parent does, before fork() returns. */
static void fork_joins_both(void) {
        struct fake_daemon of_child[2];
        struct world w;
        int status;
        pid_t pid;

        world_init(&w);
        program_register();
        world_join(&w.system);
        world_join(&w.user);
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
        world_assert_recorded(&w, 2, 2);
        world_done(&w);
}

/* The child waits for the daemon of its parent, in vain, for as long as is allowed; the other one finds it later. */
static void fork_waits_as_its_parent(void) {
        struct world w;
        int status;
        pid_t pid;

        world_init(&w);
        wait_config.answer_msec = WAIT_ANSWER_MSEC;
        program_register();
        world_join(&w.user);
        pid = fork();
        if (pid == 0) {
                close(w.user.connection); /* the daemon's end, of which it has a copy */
                world_trace_for_ever();
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
                fake_apply(&w.system, HANDSHAKE_READY, w.system.registration.pid == (uint64_t) pid);
        }
        while (fake_consume(&w.system) == 0)
                sched_yield();
        g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        world_done(&w);
}

static struct world leaving;

static void leave_with_helpers(void) {
        program_register();
        world_join(&leaving.system);
        pthread_exit(NULL);
}

/* The process ends with its last thread, although helpers wait, one at its page and one at its socket. */
static void main_thread_leaves(void) {
        world_init(&leaving);
        fake_in_process(leave_with_helpers);
        world_done(&leaving);
}

static const struct world_test tests[] = {
        { "joins-and-leaves", joins_and_leaves, false },
        { "orders-the-clock", orders_the_clock, false },
        { "guards-stacks", guards_stacks, false, .not_on_tsan = true },
        { "waits-for-both-before-main", waits_for_both_before_main, false },
        { "waits-once-for-silent-daemons", waits_once_for_silent_daemons, false },
        { "waits-without-cpu", waits_without_cpu, false },
        { "resumes", resumes, false },
        { "library-comes-and-goes", library_comes_and_goes, false },
        { "stale-view", stale_view, false },
        { "unknown-context", unknown_context, false },
        { "fork-joins-both", fork_joins_both, false, .not_on_tsan = true },
        { "fork-waits-as-its-parent", fork_waits_as_its_parent, false, .not_on_tsan = true },
        { "main-thread-leaves", main_thread_leaves, false, .not_on_tsan = true },
};

int main(int argc, char **argv) {
        return world_run_tests(argc, argv, tests, G_N_ELEMENTS(tests));
}
