/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A daemon that is gone for a while: what the library keeps, when it comes back,
 * and when it does not. Each test is a process of its own.
 */

#undef NDEBUG

#include <errno.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/unit/tracer/world.h"
#include "tracer/daemon.h"
#include "tracer/retry.h"
#include "tracer/wait.h"

/* What poll() is to the kernel. */
#if defined(SYS_poll)
#define PAUSE SYS_poll
#else
#define PAUSE SYS_ppoll
#endif

static void one(struct world *w) {
        world_init(w);
        g_unsetenv("XDG_RUNTIME_DIR");
        program_register();
        world_join(&w->system);
        world_assert_recorded(w, 2, 0);
}

/* It comes back as this application, with these rings. */
static void come_back(struct world *w, uint64_t application) {
        fake_accept(&w->system);
        g_assert_true(w->system.registration.keys & HANDSHAKE_RESUME);
        g_assert_cmpuint(w->system.registration.resume, ==, application);
        world_assert_recorded(w, 2, 0);
        fake_apply(&w->system, HANDSHAKE_READY, true);
        world_assert_recorded(w, 2, 0);
}

/* The mappings of ring files, with their addresses. */
static char *ring_mappings(void) {
        g_autofree char *maps = NULL;
        g_auto(GStrv) lines = NULL;
        GString *found = g_string_new(NULL);

        g_assert_true(g_file_get_contents("/proc/self/maps", &maps, NULL, NULL));
        lines = g_strsplit(maps, "\n", 0);
        for (char **l = lines; *l; l++)
                if (strstr(*l, "memfd:ring") || strstr(*l, "memfd:positions"))
                        g_string_append_printf(found, "%s\n", *l);
        return g_string_free(found, FALSE);
}

/* A thousand processes that have lost their daemon together: each pause is bounded, and they spread over all of it. */
static void pauses(void) {
        for (unsigned attempt = 0; attempt < 12; attempt++) {
                unsigned mean = MIN(RETRY_FIRST_MSEC << attempt, RETRY_LAST_MSEC), seen[4] = { 0 };

                for (unsigned i = 0; i < 1000; i++) {
                        struct retry retry = { .attempts = attempt };
                        unsigned msec;

                        g_assert_true(retry_next(&retry, 0, 1, g_test_rand_int(), &msec));
                        g_assert_cmpuint(msec, >=, mean / 2);
                        g_assert_cmpuint(msec, <=, mean + mean / 2);
                        seen[(msec - mean / 2) * 4 / (mean + 1)]++;
                }
                for (unsigned i = 0; i < 4; i++)
                        g_assert_cmpuint(seen[i], >, 125);
        }
}

static void gives_up_in_time(void) {
        for (unsigned i = 0; i < 1000; i++) {
                struct retry retry = { 0 };
                unsigned msec, n = 0;
                int64_t now = 5000;

                for (; retry_next(&retry, now, 10000, g_test_rand_int(), &msec); n++)
                        now += msec;
                g_assert_cmpint(now, >=, 15000);
                g_assert_cmpint(now, <=, 15000 + 3 * RETRY_LAST_MSEC / 2);
                g_assert_cmpuint(n, >=, 10);
                g_assert_cmpuint(n, <=, 30);
        }
        g_assert_cmpuint(retry_random(), !=, retry_random());
}

/* The rings stay mapped where they are. */
static void same_rings(void) {
        g_autofree char *before = NULL, *after = NULL;
        struct world w;

        one(&w);
        before = ring_mappings();
        for (unsigned i = 0; i < 3; i++) {
                fake_hang_up(&w.system);
                world_assert_recorded(&w, 2, 0);
                come_back(&w, 42);
        }
        after = ring_mappings();
        g_assert_cmpstr(before, ==, after);
        world_done(&w);
}

/* A view that says the same as the one before is in force: nothing is made anew. One that differs is made. */
static void same_view(void) {
        struct world w;
        void *memory;

        one(&w);
        memory = daemons[0].view.memory;
        g_assert_nonnull(memory);
        fake_hang_up(&w.system);
        come_back(&w, 42);
        g_assert_true(daemons[0].view.memory == memory);
        fake_apply(&w.system, HANDSHAKE_CONFIG, true);
        g_assert_true(daemons[0].view.memory == memory);
        fake_hang_up(&w.system);
        w.system.about = (struct handshake) { .keys = HANDSHAKE_UID, .uid = 5 };
        come_back(&w, 42);
        g_assert_true(daemons[0].view.memory != memory);
        memory = daemons[0].view.memory;
        w.system.contexts |= CONTEXT_UID;
        fake_apply(&w.system, HANDSHAKE_CONFIG, true);
        g_assert_true(daemons[0].view.memory != memory);
        fake_apply(&w.system, HANDSHAKE_CONFIG, false);
        world_assert_recorded(&w, 0, 0);
        fake_apply(&w.system, HANDSHAKE_CONFIG, true);
        world_done(&w);
}

/* Accepts one that says which view it has in force, and returns the hash of that. */
static uint64_t accept_kept(struct world *w) {
        fake_accept(&w->system);
        g_assert_true(w->system.registration.keys & HANDSHAKE_RESUME);
        g_assert_true(w->system.registration.keys & HANDSHAKE_VIEW);
        return w->system.registration.view;
}

/* The view that is in force is kept where its hash is all that comes; where it is another one, it is asked for. */
static void kept_view(void) {
        g_autoptr(GByteArray) view = NULL;
        struct handshake h;
        struct world w;
        void *memory;
        uint64_t hash;

        one(&w);
        memory = daemons[0].view.memory;
        fake_hang_up(&w.system);
        hash = accept_kept(&w);
        view = fake_make_view(&w.system, true);
        g_assert_cmphex(hash, ==, view_hash((const struct view_header *) view->data));
        g_assert_true(fake_send_hash(&w.system, hash));
        g_assert_cmpuint(fake_expect(&w.system, HANDSHAKE_APPLIED).applied, ==, w.system.generation);
        g_assert_true(daemons[0].view.memory == memory);
        world_assert_recorded(&w, 2, 0);
        fake_hang_up(&w.system);
        g_assert_cmphex(accept_kept(&w), ==, hash);
        g_assert_true(fake_send_hash(&w.system, hash + 1));
        h = fake_expect(&w.system, HANDSHAKE_GET);
        g_assert_cmpuint(h.get, ==, w.system.generation);
        fake_apply(&w.system, HANDSHAKE_CONFIG, true);
        /* Of another process, as the daemon says now. */
        fake_hang_up(&w.system);
        hash = accept_kept(&w);
        w.system.about = (struct handshake) { .keys = HANDSHAKE_UID, .uid = 5 };
        g_assert_true(fake_send_hash(&w.system, hash));
        (void) fake_expect(&w.system, HANDSHAKE_GET);
        fake_apply(&w.system, HANDSHAKE_CONFIG, true);
        g_assert_true(daemons[0].view.memory != memory);
        /* Nothing is on, so there is nothing to keep. */
        fake_apply(&w.system, HANDSHAKE_CONFIG, false);
        fake_hang_up(&w.system);
        fake_accept(&w.system);
        g_assert_false(w.system.registration.keys & HANDSHAKE_VIEW);
        fake_apply(&w.system, HANDSHAKE_READY, true);
        world_assert_recorded(&w, 2, 0);
        world_done(&w);
}

/*
 * One that has ended: nobody connects before the next one changes the word, and
 * who is asleep at the page is counted there, and recorded, until he is woken.
 */
static void awaits_the_next(void) {
        struct world w;
        int tid;

        one(&w);
        wait_config.restart_msec = 1000000;
        g_assert_cmpuint(fake_count_helpers(&tid), ==, 1);
        for (unsigned i = 0; i < 3; i++) {
                fake_hang_up(&w.system);
                fake_wait_asleep(tid, SYS_futex_waitv);
                g_assert_cmpint(syscall(SYS_futex, &w.system.page->word, FUTEX_REQUEUE, 0, (void *) 16,
                                        &w.system.page->word, 0), ==, 1);
                world_assert_recorded(&w, 2, 0);
                g_assert_false(fake_is_called(&w.system, 0));
                fake_want(&w.system, true);
                come_back(&w, 42);
        }
        /* One that was faster: it knows who is missing, and wakes him in his turn. */
        fake_want(&w.system, true);
        fake_hang_up(&w.system);
        fake_wait_asleep(tid, SYS_futex_waitv);
        g_assert_false(fake_is_called(&w.system, 0));
        g_assert_cmpint(syscall(SYS_futex, &w.system.page->word, FUTEX_WAKE, 1, NULL, NULL, 0), ==, 1);
        come_back(&w, 42);
        /* One that hangs up before it has said anything is another one's end. */
        fake_hang_up(&w.system);
        fake_wait_asleep(tid, SYS_futex_waitv);
        fake_want(&w.system, true);
        fake_accept(&w.system);
        fake_hang_up(&w.system);
        fake_wait_asleep(tid, SYS_futex_waitv);
        g_assert_false(fake_is_called(&w.system, 0));
        fake_want(&w.system, true);
        come_back(&w, 42);
        world_done(&w);
}

/* One that lives, and has hung up on this one alone: it is asked again after a while. */
static void hangs_up_on_one(void) {
        gint64 begin;
        struct world w;

        one(&w);
        wait_config.restart_msec = 50;
        begin = g_get_monotonic_time();
        fake_hang_up(&w.system);
        come_back(&w, 42);
        g_assert_cmpint(g_get_monotonic_time() - begin, >=, 50000);
        world_done(&w);
}

/* One that has others to wake first is given as long again. */
static void awaits_its_turn(void) {
        gint64 begin;
        struct world w;
        int tid;

        one(&w);
        wait_config.restart_msec = 500;
        g_assert_cmpuint(fake_count_helpers(&tid), ==, 1);
        fake_hang_up(&w.system);
        begin = g_get_monotonic_time();
        fake_wait_asleep(tid, SYS_futex_waitv);
        __atomic_fetch_add(&w.system.page->word, 2, __ATOMIC_SEQ_CST);
        come_back(&w, 42);
        g_assert_cmpint(g_get_monotonic_time() - begin, >=, 1000000);
        world_done(&w);
}

/* What the program loads meanwhile is a reason to see whether somebody is there. */
static void changes_while_it_waits(void) {
        struct world w;
        GThread *t;
        int tid;

        one(&w);
        wait_config.restart_msec = 1000000;
        g_assert_cmpuint(fake_count_helpers(&tid), ==, 1);
        fake_hang_up(&w.system);
        fake_wait_asleep(tid, SYS_futex_waitv);
        t = g_thread_new("dlopen", world_register_plugin, NULL);
        fake_accept(&w.system);
        fake_apply(&w.system, HANDSHAKE_READY, true);
        g_assert_cmpuint(GPOINTER_TO_UINT(g_thread_join(t)), ==, PROGRAM | EVENT_PLUGIN);
        world_done(&w);
}

/* One that does not know the application: it is another one from then on, and nothing else changes. */
static void unknown_application(void) {
        struct world w;

        one(&w);
        fake_hang_up(&w.system);
        w.system.application = 43;
        come_back(&w, 42);
        fake_hang_up(&w.system);
        come_back(&w, 43);
        world_done(&w);
}

/* One that has made new rings: what it reads is written to, and the old ones are given up. */
static void other_rings(void) {
        g_autofree char *before = NULL, *after = NULL;
        struct fixture old;
        struct world w;

        one(&w);
        fake_hang_up(&w.system);
        before = ring_mappings();
        old = w.system.rings;
        fixture_init(&w.system.rings, 0, TRACE_CLOCK_TSC, 4, 16384);
        w.system.ring_id++;
        fake_accept(&w.system);
        fake_apply(&w.system, HANDSHAKE_READY, true);
        memset(w.system.reader.cpu, 0, sizeof(w.system.reader.cpu));
        world_assert_recorded(&w, 2, 0);
        after = ring_mappings();
        g_assert_cmpstr(before, !=, after);
        fixture_done(&old);
        world_done(&w);
}

/* One that starts again and wants nothing: off, before anybody connects. */
static void nothing_wanted(void) {
        struct world w;

        one(&w);
        fake_want(&w.system, false);
        world_assert_recorded(&w, 2, 0);
        fake_hang_up(&w.system);
        world_wait_until_enabled(0);
        g_assert_false(fake_is_called(&w.system, 0));
        world_join(&w.system);
        g_assert_false(w.system.registration.keys & HANDSHAKE_RESUME);
        world_assert_recorded(&w, 2, 0);
        world_done(&w);
}

/* Nobody comes back to where it was: off after a while, and on again when the word says so. */
static void does_not_come_back(void) {
        g_autofree char *path = NULL, *away = NULL;
        struct world w;
        int tid;

        wait_config.give_up_msec = 300;
        one(&w);
        path = g_build_filename(w.system_directory, TRACECTL_REGISTER_NAME, NULL);
        away = g_build_filename(w.system_directory, "away", NULL);
        g_assert_cmpint(rename(path, away), ==, 0);
        fake_hang_up(&w.system);
        world_assert_recorded(&w, 2, 0);
        world_wait_until_enabled(0);
        g_assert_cmpuint(fake_count_helpers(&tid), ==, 1);
        fake_wait_asleep(tid, SYS_futex_waitv);
        g_assert_cmpint(rename(away, path), ==, 0);
        world_join(&w.system);
        g_assert_false(w.system.registration.keys & HANDSHAKE_RESUME);
        world_assert_recorded(&w, 2, 0);
        world_done(&w);
}

/* Connections that nobody takes, as many as there is room for. Returns how many. */
static unsigned fill_backlog(struct world *w, int *fds, unsigned n_max) {
        g_autofree char *path = g_build_filename(w->system_directory, TRACECTL_REGISTER_NAME, NULL);
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
        for (unsigned n = 0; n < n_max; n++) {
                fds[n] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
                if (connect(fds[n], (struct sockaddr *) &address, sizeof(address)) < 0) {
                        g_assert_cmpint(errno, ==, EAGAIN);
                        close(fds[n]);
                        return n;
                }
        }
        g_assert_not_reached();
}

/* Who has thousands before it waits longer than for somebody who is not there, and records meanwhile. */
static void full_backlog(void) {
        int fds[16], tid;
        struct world w;
        unsigned n;

        wait_config.give_up_msec = 300;
        one(&w);
        g_assert_cmpuint(fake_count_helpers(&tid), ==, 1);
        g_assert_cmpint(listen(w.system.listener, 0), ==, 0);
        n = fill_backlog(&w, fds, G_N_ELEMENTS(fds));
        fake_hang_up(&w.system);
        /* Each attempt takes longer than that. */
        for (unsigned i = 0; i < 3; i++) {
                fake_wait_asleep(tid, SYS_connect);
                fake_wait_asleep(tid, PAUSE);
        }
        world_assert_recorded(&w, 2, 0);
        g_assert_cmpint(listen(w.system.listener, 16), ==, 0);
        for (unsigned i = 0; i < n; i++) {
                close(accept(w.system.listener, NULL, NULL));
                close(fds[i]);
        }
        come_back(&w, 42);
        world_done(&w);
}

/* One that hangs up on everybody is not asked for ever. */
static void comes_back_to_hang_up(void) {
        unsigned n = 0;
        struct world w;

        wait_config.give_up_msec = 300;
        one(&w);
        wait_config.restart_msec = 40;
        fake_hang_up(&w.system);
        while (program_enabled() != 0) {
                if (!fake_is_called(&w.system, 10))
                        continue;
                fake_accept(&w.system);
                fake_apply(&w.system, HANDSHAKE_READY, true);
                fake_hang_up(&w.system);
                g_assert_cmpuint(++n, <, 12);
        }
        g_assert_cmpuint(n, >=, 2);
        world_done(&w);
}

/* With an address of its own a program belongs to a daemon that does not come back. */
static void variable_ends(void) {
        g_autofree char *path = NULL;
        struct world w;
        GThread *t;

        world_init(&w);
        path = g_build_filename(w.system_directory, TRACECTL_REGISTER_NAME, NULL);
        g_setenv("TRACECTL_SOCKET", path, TRUE);
        t = g_thread_new("register", world_register, NULL);
        fake_accept(&w.system);
        fake_apply(&w.system, HANDSHAKE_READY, true);
        g_thread_join(t);
        fake_hang_up(&w.system);
        world_wait_until_enabled(0);
        while (fake_count_helpers(NULL) != 0)
                sched_yield();
        g_assert_false(fake_is_called(&w.system, 0));
        world_done(&w);
}

/* A hang-up at each step of a conversation, the first one and those that resume. */
static void hang_up_at_each_step(void) {
        struct world w;

        one(&w);
        for (unsigned step = 0; step < 6; step++) {
                fake_hang_up(&w.system);
                world_assert_recorded(&w, 2, 0);
                g_assert_true(fake_is_called(&w.system, FAKE_TIMEOUT_MSEC));
                if (step == 0) { /* before anything is read */
                        w.system.connection = accept(w.system.listener, NULL, NULL);
                        continue;
                }
                if (step == 1) /* after the definitions */
                        w.system.definitions = 0;
                fake_accept(&w.system);
                if (step <= 2) /* after the registration */
                        continue;
                if (step == 3) { /* before it is acknowledged */
                        g_assert_true(fake_send_view(&w.system, HANDSHAKE_READY, true));
                        continue;
                }
                fake_apply(&w.system, HANDSHAKE_READY, true);
                if (step == 5) /* in a change */
                        (void) fake_send_view(&w.system, HANDSHAKE_CONFIG, true);
        }
        fake_hang_up(&w.system);
        come_back(&w, 42);
        world_done(&w);
}

/* While nobody is there, fork() is not held up, and the child finds its own way. */
static void fork_meanwhile(void) {
        struct world w;
        int status;
        pid_t pid;

        one(&w);
        fake_hang_up(&w.system);
        pid = fork();
        if (pid == 0) {
                world_wait_until_enabled(PROGRAM);
                program_trace(9);
                _exit(0);
        }
        for (unsigned i = 0; i < 2; i++) {
                w.system.connection = -1; /* stays open */
                fake_accept(&w.system);
                if (w.system.registration.pid == (uint64_t) pid) {
                        g_assert_false(w.system.registration.keys & HANDSHAKE_RESUME);
                        (void) fake_send_view(&w.system, HANDSHAKE_READY, true);
                } else {
                        g_assert_true(w.system.registration.keys & HANDSHAKE_RESUME);
                        fake_apply(&w.system, HANDSHAKE_READY, true);
                }
        }
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_cmpint(status, ==, 0);
        g_assert_cmpuint(fake_consume(&w.system), ==, 2);
        world_assert_recorded(&w, 2, 0);
        world_done(&w);
}

/* A library that is loaded while nobody is there is among what resumes. */
static void library_meanwhile(void) {
        struct world w;
        GThread *t;

        one(&w);
        fake_hang_up(&w.system);
        t = g_thread_new("dlopen", world_register_plugin, NULL);
        fake_accept(&w.system);
        /* It may have come too late for the registration. */
        if (w.system.n_events != 3)
                fake_take_events(&w.system);
        fake_apply(&w.system, HANDSHAKE_READY, true);
        g_assert_cmpuint(GPOINTER_TO_UINT(g_thread_join(t)), ==, PROGRAM | EVENT_PLUGIN);
        world_assert_recorded(&w, 3, 0);
        world_done(&w);
}

static void unregister_at_exit(void) {
        uint32_t before = daemons[0].wakes;

        program_unregister();
        if (daemons[0].wakes != before)
                _exit(1);
}

/* What was there before the library comes after it, as the objects' destructors do. */
static void exits(void) {
        (void) atexit(unregister_at_exit);
        program_register();
        exit(0);
}

/* A process that ends hangs up; for the events that go first, it does not wake its helper. */
static void end_of_process(void) {
        struct handshake h;
        struct world w;
        int status;
        pid_t pid;

        world_init(&w);
        g_unsetenv("XDG_RUNTIME_DIR");
        fake_want(&w.system, true);
        pid = fork();
        if (pid == 0)
                exits();
        fake_accept(&w.system);
        fake_apply(&w.system, HANDSHAKE_READY, true);
        g_assert_false(fake_receive(&w.system, &h));
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_cmpint(status, ==, 0);
        world_done(&w);
}

static const struct world_test tests[] = {
        { "same-rings", same_rings, false },
        { "same-view", same_view, false },
        { "kept-view", kept_view, false },
        { "awaits-the-next", awaits_the_next, false },
        { "hangs-up-on-one", hangs_up_on_one, false },
        { "awaits-its-turn", awaits_its_turn, false },
        { "changes-while-it-waits", changes_while_it_waits, false },
        { "unknown-application", unknown_application, false },
        { "other-rings", other_rings, false },
        { "nothing-wanted", nothing_wanted, false },
        { "does-not-come-back", does_not_come_back, false },
        { "full-backlog", full_backlog, false },
        { "comes-back-to-hang-up", comes_back_to_hang_up, false },
        { "variable-ends", variable_ends, false },
        { "hang-up-at-each-step", hang_up_at_each_step, false },
        { "fork-meanwhile", fork_meanwhile, false, .not_on_tsan = true },
        { "library-meanwhile", library_meanwhile, false },
        { "end-of-process", end_of_process, false },
        { "pauses", pauses, false },
        { "gives-up-in-time", gives_up_in_time, false },
};

int main(int argc, char **argv) {
        return world_run_tests(argc, argv, tests, G_N_ELEMENTS(tests));
}
