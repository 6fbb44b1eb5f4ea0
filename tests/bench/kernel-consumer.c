/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the consumer takes for events of the kernel: a process makes system calls
 * in a tight loop, or a number of them each millisecond, whose entries and exits
 * are recorded. As JSON: the consumer's processor time an event (reading,
 * transcoding and writing), what was lost, and the bytes of an event on disk.
 * Needs root.
 *
 *   kernel-consumer [SECONDS [CALLS-A-MILLISECOND, 0: as many as there can be]]
 */

#undef NDEBUG
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../unit/consumer/packets.h"
#include "../unit/consumer/play-kernel.h"

static const char *const events[] = { "syscalls/sys_enter_getppid", "syscalls/sys_exit_getppid", NULL };

static uint64_t cpu_nsec(pid_t pid) {
        struct timespec ts;
        clockid_t clock;

        g_assert_cmpint(clock_getcpuclockid(pid, &clock), ==, 0);
        g_assert_cmpint(clock_gettime(clock, &ts), ==, 0);
        return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}

static void call(uint64_t n) {
        for (uint64_t i = 0; i < n; i++)
                syscall(SYS_getppid);
}

/* Makes its calls late rather than not at all, so that the rate is kept. */
static void make_calls(gint64 usec, uint64_t per_msec) {
        gint64 begin = g_get_monotonic_time(), now = begin;
        uint64_t done = 0;

        for (; now < begin + usec; now = g_get_monotonic_time()) {
                uint64_t due = per_msec > 0 ? (uint64_t) (now - begin) * per_msec / 1000 - done : 10000;

                call(due);
                done += due;
        }
}

static void run_caller(const struct play_kernel *k, gint64 usec, uint64_t per_msec) {
        g_autofree char *text = NULL;
        int go[2], status;
        pid_t pid;
        char c;

        g_assert_cmpint(pipe(go), ==, 0);
        pid = fork();
        if (pid == 0) {
                play_kernel_pin(1 % (unsigned) g_get_num_processors());
                if (read(go[0], &c, 1) == 1)
                        make_calls(usec, per_msec);
                _exit(0);
        }
        text = g_strdup_printf("%i", pid);
        play_kernel_write(k, "set_event_pid", text);
        for (const char *const *event = events; *event; event++) {
                g_autofree char *path = g_strdup_printf("events/%s/enable", *event);

                play_kernel_write(k, path, "1");
        }
        g_assert_cmpint(write(go[1], "", 1), ==, 1);
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        close(go[0]);
        close(go[1]);
}

int main(int argc, char *argv[]) {
        gint64 usec = (argc > 1 ? atoi(argv[1]) : 2) * G_USEC_PER_SEC;
        uint64_t per_msec = argc > 2 ? (uint64_t) atoi(argv[2]) : 0, before, cpu, bytes = 0;
        struct play_kernel kernel;
        struct play play;

        g_test_init(&argc, &argv, NULL);
        if (!play_kernel_works())
                return 77;
        play_start(&play, NULL);
        play_kernel_new(&kernel, &(struct play_kernel_options) { .buffer_kb = 4096, .subbuf_kb = 64 });
        g_assert_cmpint(play_kernel_send(&play, &kernel, 0, "k", events), ==, 0);
        before = cpu_nsec(play.pid);
        run_caller(&kernel, usec, per_msec);
        g_assert_cmpint(play_stop(&play), ==, 0);
        cpu = cpu_nsec(play.pid) - before;
        for (unsigned i = 0; i < kernel.n_cpus; i++) {
                g_autofree char *name = g_strdup_printf("kernel/k_%u", i);

                bytes += packets_file_size(play.directory, name);
        }
        printf("{ \"events\": %" PRIu64 ", \"lost\": %" PRIu64 ", \"events a second\": %.0f, "
               "\"consumer ns an event\": %.1f, \"bytes an event\": %.2f }\n",
               play.status->events, play.status->lost_ring,
               (double) (play.status->events + play.status->lost_ring) / ((double) usec / G_USEC_PER_SEC),
               (double) cpu / (double) play.status->events, (double) bytes / (double) play.status->events);
        play_done(&play);
        play_kernel_done(&kernel);
        return 0;
}
