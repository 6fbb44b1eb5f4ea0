/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What tracingd asks for, of channels of the kernel: snapshots, rotation,
 * clearing, release, events that come later, the processes that there are; and
 * messages that cannot be right.
 */

#undef NDEBUG
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/fd.h"
#include "packets.h"
#include "play-kernel.h"

#define ENTRY "syscalls/sys_enter_getppid"
#define EXIT "syscalls/sys_exit_getppid"

static const char *const both[] = { ENTRY, EXIT, NULL };
static const char *const entry[] = { ENTRY, NULL };

static const struct definition step = {
        .provider = "app", .name = "step", .n_fields = 1, .fields = { { DEFINITION_U64, "n" } },
};
static const uint32_t step_id = 1;

struct fixture {
        struct play play;
        struct play_kernel kernel;
};

static void set_up(struct fixture *f, bool overwrite, const char *const *events) {
        play_start(&f->play, NULL);
        play_kernel_new(&f->kernel, &(struct play_kernel_options) { .buffer_kb = 256, .overwrite = overwrite });
        g_assert_cmpint(play_kernel_send(&f->play, &f->kernel, 0, "k", events), ==, 0);
        g_autofree char *pid = g_strdup_printf("%i", getpid());

        play_kernel_write(&f->kernel, "set_event_pid", pid);
}

static void tear_down(struct fixture *f) {
        play_done(&f->play);
        play_kernel_done(&f->kernel);
}

static void record(struct fixture *f, const char *event, unsigned n) {
        g_autofree char *path = g_strdup_printf("events/%s/enable", event);

        play_kernel_write(&f->kernel, path, "1");
        for (unsigned i = 0; i < n; i++)
                syscall(SYS_getppid);
        play_kernel_write(&f->kernel, path, "0");
}

/* Events in a directory of the output that the trace of the kernel is in. */
static unsigned count(const struct fixture *f, const char *directory) {
        g_autofree char *path = g_build_filename(f->play.directory, directory, "kernel", NULL), *errors = NULL;

        if (!g_file_test(path, G_FILE_TEST_EXISTS))
                return 0;
        g_auto(GStrv) lines = play_read(path, &errors);

        return g_strv_length(lines);
}

static void test_snapshot(void) {
        struct fixture f;

        if (!play_kernel_works())
                return;
        set_up(&f, true, both);
        record(&f, ENTRY, 10);
        g_assert_cmpint(play_stop(&f.play), ==, 0);
        g_assert_cmpuint(f.play.status->events, ==, 0);
        g_assert_cmpint(play_snapshot(&f.play, "snapshot-1"), ==, 0);
        g_assert_cmpuint(f.play.status->events, ==, 10);
        record(&f, EXIT, 20);
        g_assert_cmpint(play_snapshot(&f.play, "snapshot-2"), ==, 0);
        g_assert_cmpint(play_snapshot(&f.play, "snapshot-2"), ==, EEXIST);
        record(&f, EXIT, 5);
        g_assert_cmpint(play_snapshot(&f.play, ""), ==, 0);
        record(&f, EXIT, 3);
        play_hang_up(&f.play);
        g_assert_cmpuint(count(&f, "snapshot-1"), ==, 10);
        g_assert_cmpuint(count(&f, "snapshot-2"), ==, 20);
        g_assert_cmpuint(count(&f, "."), ==, 8);
        g_assert_cmpuint(f.play.status->events, ==, 38);
        tear_down(&f);
}

/* More than the ring holds: the newest are there, all others counted. */
static void test_overwritten(void) {
        struct fixture f;

        if (!play_kernel_works())
                return;
        set_up(&f, true, both);
        record(&f, ENTRY, 100000);
        g_assert_cmpint(play_snapshot(&f.play, ""), ==, 0);
        g_assert_cmpuint(f.play.status->lost_ring, >, 0);
        g_assert_cmpuint(f.play.status->lost_ring, ==, play_kernel_lost(&f.kernel));
        g_assert_cmpuint(f.play.status->events + f.play.status->lost_ring, ==, 100000);
        tear_down(&f);
}

static void test_rotate(void) {
        struct fixture f;

        if (!play_kernel_works())
                return;
        set_up(&f, false, both);
        record(&f, ENTRY, 10);
        g_assert_cmpint(play_rotate(&f.play, "chunk-1", 0), ==, 0);
        record(&f, ENTRY, 20);
        g_assert_cmpint(play_rotate(&f.play, "chunk-1", 0), ==, EEXIST);
        g_assert_cmpint(play_rotate(&f.play, "chunk-2", 0), ==, 0);
        record(&f, ENTRY, 30);
        g_assert_cmpint(play_clear(&f.play), ==, 0);
        g_assert_cmpuint(f.play.status->events, ==, 0);
        record(&f, EXIT, 40);
        g_assert_cmpint(play_stop(&f.play), ==, 0);
        g_assert_cmpuint(f.play.status->events, ==, 40);
        g_assert_cmpuint(count(&f, "chunk-1"), ==, 10);
        g_assert_cmpuint(count(&f, "chunk-2"), ==, 20);
        g_assert_cmpuint(count(&f, "."), ==, 40);
        tear_down(&f);
}

static void test_release(void) {
        struct fixture f;

        if (!play_kernel_works())
                return;
        set_up(&f, false, both);
        record(&f, ENTRY, 10);
        g_assert_cmpint(play_release(&f.play, PLAY_KERNEL_SET, 1), ==, ENOENT);
        g_assert_cmpint(play_release(&f.play, PLAY_KERNEL_SET, 0), ==, 0);
        g_assert_cmpint(play_release(&f.play, PLAY_KERNEL_SET, 0), ==, ENOENT);
        g_assert_cmpuint(f.play.status->events, ==, 10);
        /* Nothing of the instance is open any more. */
        play_kernel_done(&f.kernel);
        g_assert_cmpuint(count(&f, "."), ==, 10);
        play_done(&f.play);
}

/* Events that are described when some of them are in the ring already, as nobody should do it, and later ones. */
static void test_described_later(void) {
        static const char *const more[] = { EXIT, NULL };
        struct fixture f;

        if (!play_kernel_works())
                return;
        set_up(&f, false, entry);
        record(&f, ENTRY, 10);
        record(&f, EXIT, 7);
        g_assert_cmpint(play_stop(&f.play), ==, 0);
        g_assert_cmpuint(f.play.status->events, ==, 10);
        g_assert_cmpuint(f.play.status->lost_ring, ==, 7);
        g_assert_cmpint(play_kernel_describe(&f.play, &f.kernel, 0, more), ==, 0);
        g_assert_cmpint(play_kernel_describe(&f.play, &f.kernel, 0, both), ==, 0);
        g_assert_cmpint(play_kernel_describe(&f.play, &f.kernel, 3, both), ==, ENOENT);
        record(&f, EXIT, 5);
        g_assert_cmpint(play_stop(&f.play), ==, 0);
        g_assert_cmpuint(count(&f, "."), ==, 15);
        g_assert_cmpuint(f.play.status->lost_ring, ==, 7);
        tear_down(&f);
}

static void send_state(struct play *p) {
        static const struct consumer_kernel_process processes[] = {
                { .tid = 1, .pid = 1, .state = 'S', .name = "init" },
                { .tid = 77, .pid = 77, .ppid = 2, .cpu = 1, .state = 'R', .name = "kworker/0:1-long" },
        };
        struct consumer_kernel_state m = { .set = PLAY_KERNEL_SET };
        int fd;

        g_assert_cmpint(memfd_new_constant("processes", processes, sizeof(processes), &fd), ==, 0);
        g_assert_cmpint(play_call(p, CONSUMER_KERNEL_STATE, &m, sizeof(m), &fd, 1), ==, 0);
        close(fd);
}

/* Once, also where the consumer is told again. */
static void test_state(void) {
        struct fixture f;
        unsigned n = 0;

        if (!play_kernel_works())
                return;
        set_up(&f, false, both);
        send_state(&f.play);
        record(&f, ENTRY, 3);
        g_assert_cmpint(play_flush(&f.play), ==, 0);
        play_kill(&f.play);
        play_resume(&f.play);
        g_assert_cmpint(play_kernel_send(&f.play, &f.kernel, 0, "k", both), ==, 0);
        send_state(&f.play);
        g_assert_cmpint(play_resumed(&f.play), ==, 0);
        record(&f, ENTRY, 4);
        g_assert_cmpint(play_stop(&f.play), ==, 0);
        g_auto(GStrv) lines = play_read(f.play.directory, NULL);

        g_assert_cmpuint(g_strv_length(lines), ==, 3 + 4 + 4);
        g_assert_nonnull(strstr(lines[0], "lttng_statedump_start: "));
        g_assert_nonnull(strstr(lines[1], "tid = 1, pid = 1, ppid = 0, type = 0"));
        g_assert_nonnull(strstr(lines[2], "type = 1, mode = 4, submode = 1, status = 2, cpu = 1"));
        g_assert_nonnull(strstr(lines[2], "name = \"kworker/0:1-long\""));
        g_assert_nonnull(strstr(lines[3], "lttng_statedump_end: "));
        for (char **line = lines + 4; *line; line++)
                n += strstr(*line, "syscall_entry_getppid: ") != NULL;
        g_assert_cmpuint(n, ==, 7);
        tear_down(&f);
}

/* In one directory, in one order: an event of an application before and after each call. */
static void add_ring(struct fixture *f, struct play_ring *ring) {
        play_ring_new(ring, 0, 1, 4, RING_SUBBUF_SIZE_MIN, f->play.created);
        g_assert_cmpint(play_rings(&f->play, 1, 0, "shared", "default", ring), ==, 0);
        g_assert_cmpint(play_classes(&f->play, 1, 0, &step, &step_id, 1), ==, 0);
}

static void limit_files(struct fixture *f, rlim_t size) {
        struct rlimit limit = { size, RLIM_INFINITY };

        g_assert_cmpint(prlimit(f->play.pid, RLIMIT_FSIZE, &limit, NULL), ==, 0);
}

/* Where the new chunk has no metadata, be it the programs', the kernel's is tried again, too; without it is no chunk. */
static void test_rotate_full(void) {
        struct play_ring ring;
        struct fixture f;

        if (!play_kernel_works())
                return;
        set_up(&f, false, both);
        add_ring(&f, &ring);
        record(&f, ENTRY, 10);
        g_assert_cmpint(play_flush(&f.play), ==, 0);
        limit_files(&f, 100);
        g_assert_cmpint(play_rotate(&f.play, "chunk-1", 0), ==, 0);
        limit_files(&f, RLIM_INFINITY);
        record(&f, ENTRY, 20);
        g_assert_cmpint(play_rotate(&f.play, "chunk-2", 0), ==, 0);
        g_assert_cmpint(play_release(&f.play, 1, 0), ==, 0);
        limit_files(&f, 100);
        g_assert_cmpint(play_rotate(&f.play, "chunk-3", 0), ==, 0);
        g_assert_cmpint(play_rotate(&f.play, "chunk-4", 0), ==, EFBIG);
        limit_files(&f, RLIM_INFINITY);
        record(&f, ENTRY, 30);
        g_assert_cmpint(play_stop(&f.play), ==, 0);
        g_assert_cmpuint(count(&f, "chunk-1"), ==, 10);
        g_assert_cmpuint(count(&f, "chunk-2"), ==, 20);
        g_assert_cmpuint(count(&f, "."), ==, 30);
        play_ring_done(&ring);
        tear_down(&f);
}

static void test_merged(void) {
        const unsigned n = 200;
        struct play_ring ring;
        struct fixture f;

        if (!play_kernel_works())
                return;
        play_kernel_pin(0);
        set_up(&f, false, both);
        add_ring(&f, &ring);
        play_kernel_write(&f.kernel, "events/" ENTRY "/enable", "1");
        play_kernel_write(&f.kernel, "events/" EXIT "/enable", "1");
        for (uint64_t i = 0; i < n; i++) {
                uint64_t before = 2 * i, after = 2 * i + 1;

                g_assert_true(play_ring_write(&ring, 0, (uint64_t) g_get_monotonic_time() * 1000, 1, step_id, &before, 8));
                /* The application's clock is read in microseconds here. */
                g_usleep(2);
                syscall(SYS_getppid);
                g_usleep(2);
                g_assert_true(play_ring_write(&ring, 0, (uint64_t) g_get_monotonic_time() * 1000, 1, step_id, &after, 8));
        }
        g_assert_cmpint(play_stop(&f.play), ==, 0);
        g_auto(GStrv) lines = play_read(f.play.directory, NULL);

        g_assert_cmpuint(g_strv_length(lines), ==, 4 * n);
        for (unsigned i = 0; i < n; i++) {
                g_assert_nonnull(strstr(lines[4 * i], "app:step: "));
                g_assert_nonnull(strstr(lines[4 * i + 1], "syscall_entry_getppid: "));
                g_assert_nonnull(strstr(lines[4 * i + 2], "syscall_exit_getppid: "));
                g_assert_nonnull(strstr(lines[4 * i + 3], "app:step: "));
        }
        play_ring_done(&ring);
        tear_down(&f);
}

static int send_kernel(struct play *p, struct consumer_kernel *m, int scratch, const char *text) {
        int fds[2] = { scratch, -1 }, r;

        g_assert_cmpint(memfd_new_constant("events", text, strlen(text), &fds[1]), ==, 0);
        g_strlcpy(m->channel, "k", sizeof(m->channel));
        r = play_call(p, CONSUMER_KERNEL, m, sizeof(*m), fds, 2);
        close(fds[1]);
        return r;
}

static void test_refused(void) {
        static const char headers[] =
                "@ events header_page 124\n"
                "\tfield: u64 timestamp;\toffset:0;\tsize:8;\n\tfield: local_t commit;\toffset:8;\tsize:8;\n"
                "\tfield: char data;\toffset:16;\tsize:4080;\n"
                "@ events header_event 85\n"
                "type_len : 5 bits\ntime_delta : 27 bits\npadding : 29\ntime_extend : 30\ntime_stamp : 31\n";
        const struct consumer_kernel good = {
                .set = 5, .stream = 0, .subbuf_size = 4096, .n_cpus = 2, .buffer_size = 8192,
        };
        struct consumer_kernel m;
        struct consumer_kernel_events events = { .set = 5 };
        int scratch, small, r;
        struct play p;

        play_start(&p, NULL);
        g_assert_cmpint(memfd_new_shared("scratch", CONSUMER_KERNEL_SCRATCH_SIZE(2, 4096), &scratch), ==, 0);
        g_assert_cmpint(memfd_new_shared("scratch", 4096, &small), ==, 0);
        m = good;
        g_assert_cmpint(send_kernel(&p, &m, small, headers), ==, EBADMSG);
        m = good;
        g_assert_cmpint(send_kernel(&p, &m, scratch, "nonsense\n"), ==, EBADMSG);
        m = good;
        m.subbuf_size = 5000;
        g_assert_cmpint(send_kernel(&p, &m, scratch, headers), ==, EBADMSG);
        m = good;
        m.n_cpus = 0;
        g_assert_cmpint(send_kernel(&p, &m, scratch, headers), ==, EBADMSG);
        m = good;
        m.flags = 2;
        g_assert_cmpint(send_kernel(&p, &m, scratch, headers), ==, EBADMSG);
        r = play_call(&p, CONSUMER_KERNEL_EVENTS, &events, sizeof(events), &scratch, 1);
        g_assert_cmpint(r, ==, ENOENT);
        m = good;
        g_assert_cmpint(send_kernel(&p, &m, scratch, headers), ==, 0);
        m = good;
        g_assert_cmpint(send_kernel(&p, &m, scratch, headers), ==, EEXIST);
        m.set = 6;
        g_assert_cmpint(send_kernel(&p, &m, scratch, headers), ==, EBADMSG);
        r = play_call(&p, CONSUMER_KERNEL_EVENTS, &events, sizeof(events), &scratch, 1);
        g_assert_cmpint(r, ==, EPERM);
        /* No pipes have come, and nothing goes wrong. */
        g_assert_cmpint(play_stop(&p), ==, 0);
        close(scratch);
        close(small);
        play_done(&p);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/kernel/tasks/refused", test_refused);
        g_test_add_func("/kernel/tasks/snapshot", test_snapshot);
        g_test_add_func("/kernel/tasks/overwritten", test_overwritten);
        g_test_add_func("/kernel/tasks/rotate", test_rotate);
        g_test_add_func("/kernel/tasks/rotate-full", test_rotate_full);
        g_test_add_func("/kernel/tasks/release", test_release);
        g_test_add_func("/kernel/tasks/described-later", test_described_later);
        g_test_add_func("/kernel/tasks/state", test_state);
        g_test_add_func("/kernel/tasks/merged", test_merged);
        return g_test_run();
}
