/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The kernel's own events, through the real consumer: nothing is lost that is
 * not counted, whatever happens to the consumer, and the values are the
 * kernel's.
 */

#undef NDEBUG
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "packets.h"
#include "play-kernel.h"

static const char *const getppid_events[] = { "syscalls/sys_enter_getppid", "syscalls/sys_exit_getppid", NULL };

struct fixture {
        struct play play;
        struct play_kernel kernel;
};

static void set_up(struct fixture *f, const struct play_kernel_options *options, const char *const *events) {
        play_start(&f->play, NULL);
        play_kernel_new(&f->kernel, options);
        g_assert_cmpint(play_kernel_send(&f->play, &f->kernel, 0, "k", events), ==, 0);
}

static void tear_down(struct fixture *f) {
        play_done(&f->play);
        play_kernel_done(&f->kernel);
}

static void enable(struct fixture *f, const char *const *events, bool on) {
        for (; *events; events++) {
                g_autofree char *path = g_strdup_printf("events/%s/enable", *events);

                play_kernel_write(&f->kernel, path, on ? "1" : "0");
        }
}

/* This process too; the first call excludes the rest of the machine. */
static void follow(struct fixture *f, pid_t pid) {
        g_autofree char *text = g_strdup_printf("%i", pid);

        play_kernel_write(&f->kernel, "set_event_pid", text);
}

static void call(unsigned n) {
        for (unsigned i = 0; i < n; i++)
                syscall(SYS_getppid);
}

/* Processes of the test that make calls when they are told to. */
static pid_t start_caller(struct fixture *f, unsigned n, unsigned pause_usec, int *ret_go) {
        int go[2];
        pid_t pid;
        char c;

        g_assert_cmpint(pipe(go), ==, 0);
        pid = fork();
        if (pid == 0) {
                if (read(go[0], &c, 1) != 1)
                        _exit(1);
                for (unsigned done = 0; done < n; done += 1000) {
                        call(MIN(n - done, 1000));
                        if (pause_usec > 0)
                                usleep(pause_usec);
                }
                _exit(0);
        }
        close(go[0]);
        *ret_go = go[1];
        return pid;
}

static void run_callers(struct fixture *f, unsigned n_processes, unsigned n, unsigned pause_usec) {
        g_autofree pid_t *pids = g_new(pid_t, n_processes);
        g_autofree int *go = g_new(int, n_processes);
        g_autoptr(GString) all = g_string_new(NULL);

        for (unsigned i = 0; i < n_processes; i++) {
                pids[i] = start_caller(f, n, pause_usec, &go[i]);
                g_string_append_printf(all, "%i ", pids[i]);
        }
        play_kernel_write(&f->kernel, "set_event_pid", all->str);
        for (unsigned i = 0; i < n_processes; i++) {
                g_assert_cmpint(write(go[i], "", 1), ==, 1);
                close(go[i]);
        }
        for (unsigned i = 0; i < n_processes; i++) {
                int status;

                g_assert_cmpint(waitpid(pids[i], &status, 0), ==, pids[i]);
                g_assert_cmpint(status, ==, 0);
        }
}

static char *kernel_directory(const struct fixture *f) {
        return g_build_filename(f->play.directory, "kernel", NULL);
}

/* Packets are contiguous, the page and the kernel agree with them, and all calls are there or counted. */
static void assert_conserved(struct fixture *f, uint64_t emitted) {
        g_autofree char *directory = kernel_directory(f);
        const struct consumer_status *s = f->play.status;
        uint64_t discarded = 0, packets = 0, bytes;

        for (unsigned cpu = 0; cpu < f->kernel.n_cpus; cpu++) {
                struct packets p = {};

                packets_read(&p, directory, "k", cpu);
                discarded += p.discarded;
                packets += p.n;
                if (p.n > 0)
                        g_assert_cmpuint(p.first_sequence, ==, 0);
        }
        bytes = packets_file_size(directory, "k_0") + packets_file_size(directory, "k_1");
        g_test_message("%" G_GUINT64_FORMAT " events, %" G_GUINT64_FORMAT " lost, %" G_GUINT64_FORMAT " packets, "
                       "%.2f bytes an event", s->events, s->lost_ring, packets,
                       s->events > 0 ? (double) bytes / (double) s->events : 0.0);
        g_assert_cmpuint(s->events + s->lost_ring, ==, emitted);
        g_assert_cmpuint(s->lost_ring, ==, discarded);
        g_assert_cmpuint(s->lost_ring, ==, play_kernel_lost(&f->kernel));
        g_assert_cmpuint(s->packets, ==, packets);
        g_assert_cmpuint(s->lost_garbage + s->lost_output, ==, 0);
}

static unsigned count_lines(char **lines, const char *word) {
        unsigned n = 0;

        for (; *lines; lines++)
                n += strstr(*lines, word) != NULL;
        return n;
}

static void test_small(void) {
        struct fixture f;

        if (!play_kernel_works())
                return;
        set_up(&f, &(struct play_kernel_options) { .buffer_kb = 256 }, getppid_events);
        follow(&f, getpid());
        enable(&f, getppid_events, true);
        call(100);
        enable(&f, getppid_events, false);
        g_assert_cmpint(play_stop(&f.play), ==, 0);
        assert_conserved(&f, 200);
        g_auto(GStrv) lines = play_read(f.play.directory, NULL);
        g_autofree char *tid = g_strdup_printf("{ tid = %i }", getpid());
        g_autofree char *ret = g_strdup_printf("{ ret = %i }", getppid());

        g_assert_cmpuint(g_strv_length(lines), ==, 200);
        g_assert_cmpuint(count_lines(lines, "syscall_entry_getppid: "), ==, 100);
        g_assert_cmpuint(count_lines(lines, "syscall_exit_getppid: "), ==, 100);
        g_assert_cmpuint(count_lines(lines, tid), ==, 200);
        g_assert_cmpuint(count_lines(lines, ret), ==, 100);
        tear_down(&f);
}

/* The counter that the program reads is the trace's clock: each call lies between two readings. */
static void test_tsc(void) {
#if defined(__x86_64__)
        const unsigned n = 500;
        g_autofree uint64_t *read = g_new(uint64_t, n + 1);
        struct fixture f;

        if (!play_kernel_works())
                return;
        play_start_tsc(&f.play);
        play_kernel_new(&f.kernel, &(struct play_kernel_options) { .buffer_kb = 256, .clock = "x86-tsc" });
        g_assert_cmpint(play_kernel_send(&f.play, &f.kernel, 0, "k", getppid_events), ==, 0);
        follow(&f, getpid());
        enable(&f, getppid_events, true);
        read[0] = trace_clock_read_tsc();
        for (unsigned i = 0; i < n; i++) {
                call(1);
                read[i + 1] = trace_clock_read_tsc();
        }
        enable(&f, getppid_events, false);
        g_assert_cmpint(play_stop(&f.play), ==, 0);
        g_auto(GStrv) lines = play_read(f.play.directory, NULL);

        g_assert_cmpuint(g_strv_length(lines), ==, 2 * n);
        for (unsigned i = 0; i < 2 * n; i++) {
                uint64_t time = g_ascii_strtoull(lines[i] + 1, NULL, 10);

                g_assert_cmpuint(time, >=, read[i / 2]);
                g_assert_cmpuint(time, <=, read[i / 2 + 1]);
        }
        tear_down(&f);
#else
        g_test_skip("needs a time stamp counter");
#endif
}

static bool is_long(void) {
        return g_strcmp0(g_getenv("TRACECTL_TORTURE"), "1") == 0;
}

static void test_conservation(void) {
        unsigned n = is_long() ? 1250000 : 20000;
        struct fixture f;

        if (!play_kernel_works())
                return;
        set_up(&f, &(struct play_kernel_options) { .buffer_kb = 4096, .subbuf_kb = 64 }, getppid_events);
        follow(&f, getpid());
        enable(&f, getppid_events, true);
        run_callers(&f, 2, n * 4, 0);
        run_callers(&f, 8, n, 0);
        enable(&f, getppid_events, false);
        g_assert_cmpint(play_stop(&f.play), ==, 0);
        assert_conserved(&f, 2 * (uint64_t) (2 * n * 4 + 8 * n));
        tear_down(&f);
}

/* Of its own processor, late rather than not at all, so that the rate is kept. */
static void make_paced(unsigned n, unsigned per_msec) {
        gint64 begin = g_get_monotonic_time();

        play_kernel_pin(1 % (unsigned) g_get_num_processors());
        for (uint64_t done = 0; done < n;) {
                uint64_t due = (uint64_t) (g_get_monotonic_time() - begin) * per_msec / 1000;

                call((unsigned) (MIN(due, n) - done));
                done = MIN(due, n);
        }
}

/* Two million events a second: nothing is lost, which takes a machine that has time for it. */
static void test_paced(void) {
        const unsigned n = 5000000;
        struct fixture f;
        int go[2], status;
        pid_t pid;
        char c;

        if (!is_long()) {
                g_test_skip("long form");
                return;
        }
        if (!play_kernel_works())
                return;
        set_up(&f, &(struct play_kernel_options) { .buffer_kb = 4096, .subbuf_kb = 64 }, getppid_events);
        g_assert_cmpint(pipe(go), ==, 0);
        pid = fork();
        if (pid == 0) {
                if (read(go[0], &c, 1) != 1)
                        _exit(1);
                make_paced(n, 1000);
                _exit(0);
        }
        follow(&f, pid);
        enable(&f, getppid_events, true);
        g_assert_cmpint(write(go[1], "", 1), ==, 1);
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        enable(&f, getppid_events, false);
        g_assert_cmpint(status, ==, 0);
        g_assert_cmpint(play_stop(&f.play), ==, 0);
        assert_conserved(&f, 2 * (uint64_t) n);
        g_assert_cmpuint(f.play.status->lost_ring, ==, 0);
        close(go[0]);
        close(go[1]);
        tear_down(&f);
}

/* The ring is far too small. */
static void test_lost(void) {
        struct fixture f;

        if (!play_kernel_works())
                return;
        set_up(&f, &(struct play_kernel_options) { .buffer_kb = 16 }, getppid_events);
        follow(&f, getpid());
        enable(&f, getppid_events, true);
        run_callers(&f, 4, 100000, 0);
        enable(&f, getppid_events, false);
        g_assert_cmpint(play_stop(&f.play), ==, 0);
        g_assert_cmpuint(f.play.status->lost_ring, >, 0);
        assert_conserved(&f, 2 * 4 * 100000);
        tear_down(&f);
}

struct killer {
        struct fixture *f;
        bool stop;
        unsigned n;
};

static gpointer kill_on(gpointer data) {
        struct killer *k = data;

        while (!__atomic_load_n(&k->stop, __ATOMIC_RELAXED)) {
                g_usleep((gulong) g_random_int_range(0, 15000));
                play_kill(&k->f->play);
                play_resume(&k->f->play);
                g_assert_cmpint(play_kernel_send(&k->f->play, &k->f->kernel, 0, "k", getppid_events), ==, 0);
                g_assert_cmpint(play_resumed(&k->f->play), ==, 0);
                k->n++;
        }
        return NULL;
}

static void test_kill(void) {
        unsigned n = is_long() ? 4000000 : 200000;
        g_autofree char *errors = NULL;
        struct fixture f;
        struct killer k = { .f = &f };
        GThread *thread;

        if (!play_kernel_works())
                return;
        set_up(&f, &(struct play_kernel_options) { .buffer_kb = 1024, .subbuf_kb = 16 }, getppid_events);
        follow(&f, getpid());
        enable(&f, getppid_events, true);
        thread = g_thread_new("killer", kill_on, &k);
        run_callers(&f, 2, n, 500);
        __atomic_store_n(&k.stop, true, __ATOMIC_RELAXED);
        g_thread_join(thread);
        enable(&f, getppid_events, false);
        g_assert_cmpint(play_stop(&f.play), ==, 0);
        g_test_message("%u kills", k.n);
        g_assert_cmpuint(k.n, >, 0);
        assert_conserved(&f, 2 * 2 * (uint64_t) n);
        /* The long form's text would not fit into memory. */
        if (!is_long())
                g_strfreev(play_read(f.play.directory, &errors));
        tear_down(&f);
}

/* Sub-buffers are read while they fill, event by event, over several chunks: babeltrace2 reads them as one trace. */
static void test_read_in_parts(void) {
        enum { CHUNKS = 3, CALLS = 400 };
        static const char *const events[] = { "syscalls/sys_exit_getppid", NULL };
        g_autofree char *errors = NULL;
        struct fixture f;

        if (!play_kernel_works())
                return;
        set_up(&f, &(struct play_kernel_options) { .buffer_kb = 256 }, events);
        play_kernel_pin(0);
        follow(&f, getpid());
        enable(&f, events, true);
        for (unsigned i = 0; i < CHUNKS; i++) {
                g_autofree char *chunk = g_strdup_printf("chunk-%u", i);

                for (unsigned k = 0; k < CALLS; k++) {
                        call(1);
                        g_assert_cmpint(play_flush(&f.play), ==, 0);
                }
                g_assert_cmpint(play_rotate(&f.play, chunk, 0), ==, 0);
        }
        enable(&f, events, false);
        g_assert_cmpint(play_stop(&f.play), ==, 0);
        g_auto(GStrv) lines = play_read(f.play.directory, &errors);

        g_assert_cmpuint(g_strv_length(lines), ==, CHUNKS * CALLS);
        g_assert_cmpstr(errors, ==, "");
        for (unsigned i = 1; i < CHUNKS * CALLS; i++)
                g_assert_cmpint(g_ascii_strtoll(lines[i] + 1, NULL, 10), >, g_ascii_strtoll(lines[i - 1] + 1, NULL, 10));
        tear_down(&f);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/kernel/live/small", test_small);
        g_test_add_func("/kernel/live/tsc", test_tsc);
        g_test_add_func("/kernel/live/conservation", test_conservation);
        g_test_add_func("/kernel/live/paced", test_paced);
        g_test_add_func("/kernel/live/lost", test_lost);
        g_test_add_func("/kernel/live/kill", test_kill);
        g_test_add_func("/kernel/live/read-in-parts", test_read_in_parts);
        return g_test_run();
}
