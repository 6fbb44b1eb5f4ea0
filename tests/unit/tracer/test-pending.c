/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A program that goes on without an answer: what it emits until there is one is
 * counted as lost in the rings of who wanted it, and of nobody else. The test
 * plays the daemons; each test is a process of its own.
 */

#undef NDEBUG

#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/tracer/world.h"
#include "tracer/publish.h"
#include "tracer/thread.h"
#include "tracer/wait.h"

#define BOUND_USEC 490000 /* a little less than a start waits */

static void assert_lost(const struct fake_daemon *f, uint64_t n) {
        g_assert_cmpuint(fixture_discarded(&f->rings), ==, n);
}

/* With the bound of the library, which is to be over. */
static void init_with_bound(struct world *w) {
        world_init(w);
        wait_config.answer_msec = WAIT_ANSWER_MSEC;
}

/* Goes on before anybody has answered, and traces n times. */
static void register_in_vain(struct world *w, unsigned n) {
        gint64 before = g_get_monotonic_time();

        init_with_bound(w);
        fake_want(&w->system, true);
        program_register();
        g_assert_cmpint(g_get_monotonic_time() - before, >=, BOUND_USEC);
        for (unsigned i = 0; i < n; i++)
                program_trace(i);
}

static void is_counted(void) {
        struct world w;

        register_in_vain(&w, 100);
        program_trace_fixed(1);
        program_trace_format("counted, too");
        fake_accept(&w.system);
        assert_lost(&w.system, 0);
        fake_apply(&w.system, HANDSHAKE_READY, true);
        assert_lost(&w.system, 202);
        world_assert_recorded(&w, 2, 0);
        /* Once. */
        fake_apply(&w.system, HANDSHAKE_CONFIG, true);
        world_assert_recorded(&w, 2, 0);
        assert_lost(&w.system, 202);
        world_done(&w);
}

static gpointer trace_until_told(gpointer data) {
        uint64_t n = 0;

        for (const int *told = data; !__atomic_load_n(told, __ATOMIC_ACQUIRE); n++)
                program_trace_fixed(n);
        return GSIZE_TO_POINTER(n);
}

/* By threads that do not pause when the answer comes: each event once, recorded or counted. */
static void is_counted_exactly(void) {
        GThread *threads[3];
        uint64_t emitted = 0, recorded = 0;
        struct world w;
        int told = 0;

        register_in_vain(&w, 0);
        for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++)
                threads[i] = g_thread_new("trace", trace_until_told, &told);
        fake_accept(&w.system);
        fake_apply(&w.system, HANDSHAKE_READY, true);
        while (recorded < 1000)
                recorded += fake_consume(&w.system);
        __atomic_store_n(&told, 1, __ATOMIC_RELEASE);
        for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++)
                emitted += GPOINTER_TO_SIZE(g_thread_join(threads[i]));
        recorded += fake_consume(&w.system);
        g_assert_cmpuint(recorded + fixture_discarded(&w.system.rings), ==, emitted);
        world_done(&w);
}

/* What nobody wanted is not lost, and not on any more. */
static void is_not_wanted(void) {
        struct world w;

        register_in_vain(&w, 100);
        g_assert_cmpuint(program_enabled(), ==, PROGRAM);
        fake_accept(&w.system);
        fake_apply(&w.system, HANDSHAKE_READY, false);
        g_assert_cmpuint(program_enabled(), ==, 0);
        fake_apply(&w.system, HANDSHAKE_CONFIG, true);
        assert_lost(&w.system, 0);
        world_done(&w);
}

/* Nor where it turns out that there is no daemon. */
static void is_refused(void) {
        struct world w;

        register_in_vain(&w, 100);
        g_assert_cmpuint(program_enabled(), ==, PROGRAM);
        fake_accept(&w.system);
        fake_refuse(&w.system);
        world_wait_until_enabled(0);
        world_done(&w);
}

/* A hang-up may be that of a tracingd that is being restarted: the next one is there before the program goes on. */
static void is_restarted(void) {
        struct world w;
        GThread *t;

        world_init(&w);
        fake_want(&w.system, true);
        t = g_thread_new("register", world_register, NULL);
        fake_accept(&w.system);
        fake_hang_up(&w.system);
        fake_accept(&w.system);
        fake_apply(&w.system, HANDSHAKE_READY, true);
        g_assert_cmpuint(GPOINTER_TO_UINT(g_thread_join(t)), ==, PROGRAM);
        world_assert_recorded(&w, 2, 0);
        assert_lost(&w.system, 0);
        world_done(&w);
}

/* One has answered, the other not yet. */
static void of_two(void) {
        struct world w;
        GThread *t;

        init_with_bound(&w);
        fake_want(&w.system, true);
        fake_want(&w.user, true);
        t = g_thread_new("register", world_register, NULL);
        fake_accept(&w.system);
        fake_apply(&w.system, HANDSHAKE_READY, true);
        (void) g_thread_join(t);
        world_assert_recorded(&w, 2, 0);
        fake_apply(&w.system, HANDSHAKE_CONFIG, false);
        world_assert_recorded(&w, 0, 0);
        fake_apply(&w.system, HANDSHAKE_CONFIG, true);
        world_assert_recorded(&w, 2, 0);
        fake_accept(&w.user);
        fake_apply(&w.user, HANDSHAKE_READY, true);
        assert_lost(&w.user, 6);
        assert_lost(&w.system, 0);
        world_assert_recorded(&w, 2, 2);
        world_done(&w);
}

/* A library's events count while the program's are recorded as before; one more that comes meanwhile, too. */
static void of_a_library(void) {
        struct world w;

        init_with_bound(&w);
        program_register();
        world_join(&w.system);
        program_register_plugin();
        world_assert_recorded(&w, 2, 0);
        program_unregister_plugin();
        program_register_plugin();
        world_assert_recorded(&w, 2, 0);
        fake_take_events(&w.system);
        fake_apply(&w.system, HANDSHAKE_CONFIG, true);
        /* Gone with the library was what its first life has emitted. */
        assert_lost(&w.system, 1);
        world_assert_recorded(&w, 3, 0);
        world_done(&w);
}

/* The view of what there was before the library comes when its events count already: they go on counting. */
static void library_while_waiting(void) {
        struct world w;

        register_in_vain(&w, 10);
        program_register_plugin();
        program_trace(7);
        g_assert_cmpuint(program_enabled(), ==, PROGRAM | EVENT_PLUGIN);
        fake_accept(&w.system);
        while (w.system.n_events < 3) {
                (void) fake_send_view(&w.system, HANDSHAKE_READY, true);
                fake_take_events(&w.system);
        }
        fake_apply(&w.system, HANDSHAKE_READY, true);
        assert_lost(&w.system, 23);
        world_assert_recorded(&w, 3, 0);
        world_done(&w);
}

static void assert_ends_well(pid_t pid) {
        int status;

        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_cmpint(status, ==, 0);
}

/* A child that has traced when this returns, and ends after `end`. */
static pid_t fork_tracing(void (*trace)(void), void (*end)(void)) {
        int traced[2];
        char byte;
        pid_t pid;

        g_assert_cmpint(pipe(traced), ==, 0);
        pid = fork();
        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                trace();
                wait_config.answer_msec = FAKE_TIMEOUT_MSEC; /* a busy machine is not to be the end of it */
                g_assert_cmpint(write(traced[1], "", 1), ==, 1);
                end();
                exit(0);
        }
        g_assert_cmpint(read(traced[0], &byte, 1), ==, 1);
        close(traced[0]);
        close(traced[1]);
        return pid;
}

static void end_at_once(void) {
}

static void trace_at_once(void) {
        g_assert_cmpuint(program_enabled(), ==, PROGRAM);
        program_trace(3);
}

/* A child does not wait for whom its parent waited in vain, and counts for itself. */
static void of_a_child(void) {
        struct fake_daemon of_child;
        struct world w;
        pid_t pid;

        register_in_vain(&w, 10);
        of_child = w.system;
        of_child.connection = -1;
        pid = fork_tracing(trace_at_once, end_at_once);
        for (unsigned i = 0; i < 2; i++) {
                fake_accept(&of_child);
                fake_apply(&of_child, HANDSHAKE_READY, true);
                of_child.connection = -1; /* stays open */
        }
        assert_ends_well(pid);
        assert_lost(&w.system, 22);
        world_done(&w);
}

/* What its parent has counted, a child has not: neither what counts now, nor what is still to be told. */
static void assert_child_has_none(unsigned source) {
        pid_t pid = fork();

        if (pid == 0)
                _exit(publish_has_counted(source));
        assert_ends_well(pid);
}

static void settle_nothing(unsigned source, struct pending *pending) {
        objects_lock();
        publish_settled(source);
        pending_free(pending);
        objects_unlock();
}

/* Between a view and the grace period after it, which the test has taken over from the library's thread. */
static void child_before_settled(void) {
        struct retired retired;
        struct world w;
        unsigned source;

        register_in_vain(&w, 100);
        source = publish_is_pending(0) ? 0 : 1;
        g_assert_cmpint(publish(source, NULL, NULL, 0, &retired), ==, 0);
        g_assert_nonnull(retired.pending);
        g_assert_false(publish_is_pending(source));
        g_assert_true(publish_has_counted(source));
        assert_child_has_none(source);
        settle_nothing(source, retired.pending);
        g_assert_false(publish_has_counted(source));
        world_done(&w);
}

/* The same where the process has become somebody else: its events go on counting, without a moment at which they do not. */
static void renounced_before_settled(void) {
        struct retired retired;
        struct world w;
        unsigned source;

        register_in_vain(&w, 100);
        source = publish_is_pending(0) ? 0 : 1;
        publish_renounced(source, &retired);
        g_assert_nonnull(retired.pending);
        g_assert_true(publish_is_pending(source));
        g_assert_cmpuint(program_enabled(), ==, PROGRAM);
        g_assert_true(publish_has_counted(source));
        assert_child_has_none(source);
        settle_nothing(source, retired.pending);
        g_assert_false(publish_has_counted(source));
        program_trace(1);
        g_assert_true(publish_has_counted(source));
        world_done(&w);
}

static void register_and_trace_once(void) {
        program_register();
        program_trace(3);
}

/* It has gone on without an answer, and is accepted. */
static pid_t begin_in_vain(struct world *w, void (*end)(void)) {
        pid_t pid;

        init_with_bound(w);
        fake_want(&w->system, true);
        pid = fork_tracing(register_and_trace_once, end);
        fake_accept(&w->system);
        return pid;
}

/* It is not told before the process ends: that waits as long as its start. */
static void ends_before(void) {
        struct world w;
        pid_t pid = begin_in_vain(&w, end_at_once);

        fake_wait_asleep(pid, SYS_futex); /* at its end */
        (void) fake_send_view(&w.system, HANDSHAKE_READY, true);
        assert_ends_well(pid);
        assert_lost(&w.system, 2);
        world_done(&w);
}

/* Who is inside a tracepoint keeps what is in force and what is told of before apart. */
static void end_inside(void) {
        (void) thread_enter();
        while (publish_is_pending(0) || publish_is_pending(1))
                sched_yield();
}

/* What is told after the answer is waited for, too. */
static void ends_between(void) {
        struct world w;
        pid_t pid = begin_in_vain(&w, end_inside);

        (void) fake_send_view(&w.system, HANDSHAKE_READY, true);
        assert_ends_well(pid);
        assert_lost(&w.system, 2);
        world_done(&w);
}

static gpointer register_and_trace(gpointer tid) {
        __atomic_store_n((int *) tid, gettid(), __ATOMIC_RELEASE);
        program_register();
        program_trace(1);
        return NULL;
}

/* The daemon that was made for this program is waited for longer than that of the machine. */
static void waits_for_its_own(void) {
        g_autofree char *path = NULL;
        struct world w;
        GThread *t;
        int tid = 0;

        world_init(&w);
        wait_config.answer_msec = 0;
        wait_config.own_answer_msec = FAKE_TIMEOUT_MSEC;
        path = g_build_filename(w.system_directory, TRACECTL_REGISTER_NAME, NULL);
        g_setenv("TRACECTL_SOCKET", path, TRUE);
        t = g_thread_new("register", register_and_trace, &tid);
        fake_accept(&w.system);
        fake_wait_asleep(__atomic_load_n(&tid, __ATOMIC_ACQUIRE), SYS_futex);
        fake_apply(&w.system, HANDSHAKE_READY, true);
        (void) g_thread_join(t);
        assert_lost(&w.system, 0);
        g_assert_cmpuint(fake_consume(&w.system), ==, 2);
        world_done(&w);
}

static const struct world_test tests[] = {
        { "is-counted", is_counted, false },
        { "is-counted-exactly", is_counted_exactly, false },
        { "is-not-wanted", is_not_wanted, false },
        { "is-refused", is_refused, false },
        { "is-restarted", is_restarted, false },
        { "of-two", of_two, false },
        { "of-a-library", of_a_library, false },
        { "library-while-waiting", library_while_waiting, false },
        { "of-a-child", of_a_child, false, .not_on_tsan = true },
        { "child-before-settled", child_before_settled, false, .not_on_tsan = true },
        { "renounced-before-settled", renounced_before_settled, false, .not_on_tsan = true },
        { "ends-before", ends_before, false },
        { "ends-between", ends_between, false },
        { "waits-for-its-own", waits_for_its_own, false },
};

int main(int argc, char **argv) {
        return world_run_tests(argc, argv, tests, G_N_ELEMENTS(tests));
}
