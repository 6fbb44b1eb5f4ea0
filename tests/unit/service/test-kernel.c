/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The kernel domain's files on a folder that looks like tracefs; no kernel, no root. */

#undef NDEBUG

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/datagram.h"
#include "service/domain/kernel/formats.h"
#include "service/domain/kernel/internal.h"
#include "service/domain/kernel/probe.h"
#include "service/domain/kernel/spare-instance.h"
#include "service/domain/kernel/tracefs.h"

#define GROUP "tracectl_0123456789abcdef_1000_7"

struct fake {
        char *path;
        int fd;
};

static void put(const struct fake *f, const char *name, const char *text) {
        g_autofree char *path = g_build_filename(f->path, name, NULL);

        g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static char *get(const struct fake *f, const char *name) {
        g_autofree char *path = g_build_filename(f->path, name, NULL);
        char *text;

        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        return text;
}

static void fake_begin(struct fake *f) {
        f->path = g_dir_make_tmp("tracefs-XXXXXX", NULL);
        f->fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        g_assert_cmpint(f->fd, >=, 0);
}

static void fake_end(struct fake *f) {
        static const char *const names[] = { "uprobe_events", "kprobe_events", "error_log", "available_events" };

        for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
                (void) unlinkat(f->fd, names[i], 0);
        (void) unlinkat(f->fd, "instances", AT_REMOVEDIR);
        close(f->fd);
        g_assert_cmpint(g_rmdir(f->path), ==, 0);
        g_free(f->path);
}

static struct selector *parse(const char *text) {
        struct failure failure;
        struct selector *s;

        if (selector_parse(text, &s, &failure) < 0)
                g_error("%s: %s", text, failure.text);
        return s;
}

static void assert_line(const struct probe_line *line, const char *prefix, const char *suffix) {
        if (!g_str_has_prefix(line->text, prefix) || !g_str_has_suffix(line->text, suffix))
                g_error("'%s' is not '%s...%s'", line->text, prefix, suffix);
}

static void test_lines_of_the_kernel(void) {
        _cleanup_(selector_unrefp) struct selector *probe = parse("kernel probe my:place probe=do_exit+0x10");
        _cleanup_(selector_unrefp) struct selector *function = parse("kernel function leave probe=do_exit");
        struct probe_lines lines;
        struct failure failure;
        char label[160];

        g_assert_cmpint(kernel_probe_lines(probe, GROUP, -1, &lines, &failure), ==, 0);
        g_assert_cmpstr(lines.file, ==, "kprobe_events");
        g_assert_cmpuint(lines.n, ==, 1);
        assert_line(&lines.items[0], "p:" GROUP "/p", "_0_place do_exit+0x10\n");
        kernel_probe_lines_done(&lines);
        g_assert_cmpint(kernel_probe_lines(function, GROUP, -1, &lines, &failure), ==, 0);
        g_assert_cmpuint(lines.n, ==, 2);
        assert_line(&lines.items[0], "p:" GROUP "/p", "_0_leave do_exit\n");
        assert_line(&lines.items[1], "r:" GROUP "/p", "_1_leave do_exit\n");
        for (int i = 0; i < 2; i++) {
                const struct kernel_event e = { GROUP, lines.items[i].event }, other = { "tracectl_x_1000_7", e.name };

                g_assert_true(kernel_probe_is_event(&e) && kernel_probe_selected(&e, GROUP, function));
                g_assert_false(kernel_probe_selected(&e, GROUP, probe) || kernel_probe_selected(&other, GROUP, function));
                kernel_probe_label(&e, function, label, sizeof(label));
                g_assert_cmpstr(label, ==, i == 0 ? "leave_entry" : "leave_return");
        }
        kernel_probe_lines_done(&lines);
}

static void assert_refused(const struct fake *f, const struct selector *s, const char *wanted) {
        struct failure failure;

        g_assert_cmpint(kernel_probes_set(f->fd, GROUP, s, -1, &failure), <, 0);
        if (!strstr(failure.text, wanted))
                g_error("'%s' does not say '%s'", failure.text, wanted);
}

static void test_set(void) {
        _cleanup_(selector_unrefp) struct selector *probe = parse("kernel probe place probe=do_exit");
        g_autofree char *written = NULL, *again = NULL;
        g_autoptr(GString) many = g_string_new("");
        struct failure failure;
        struct fake f;

        fake_begin(&f);
        assert_refused(&f, probe, "CONFIG_KPROBE_EVENTS");
        put(&f, "kprobe_events", "");
        g_assert_cmpint(kernel_probes_set(f.fd, GROUP, probe, -1, &failure), ==, 0);
        written = get(&f, "kprobe_events");
        g_assert_true(g_str_has_prefix(written, "p:" GROUP "/p") && g_str_has_suffix(written, " do_exit\n"));
        /* It is there: nothing is written. */
        put(&f, "uprobe_events", "");
        g_assert_cmpint(kernel_probes_set(f.fd, GROUP, probe, -1, &failure), ==, 0);
        again = get(&f, "kprobe_events");
        g_assert_cmpstr(again, ==, written);
        for (int i = 0; i < PROBES_PER_SESSION_MAX; i++)
                g_string_append_printf(many, "p:" GROUP "/x%i /bin/true:0x1\n", i);
        put(&f, "uprobe_events", many->str);
        put(&f, "kprobe_events", "");
        assert_refused(&f, probe, "more than 1024 probes");
        fake_end(&f);
}

static bool is_ours(const char *group, void *userdata) {
        return strcmp(group, GROUP) == 0;
}

static void test_remove(void) {
        g_autofree char *left = NULL, *untouched = NULL;
        struct fake f;

        fake_begin(&f);
        /* The fake keeps what is written last at its begin. */
        put(&f, "uprobe_events", "p:others/a /bin/true:0x1\np:" GROUP "/mine /bin/true:0x2 arg1=%ax:u64\n");
        put(&f, "kprobe_events", "r8:others/b do_exit\ngarbage\n\n");
        g_assert_cmpint(kernel_probes_remove(f.fd, is_ours, NULL), ==, 0);
        left = get(&f, "uprobe_events");
        g_assert_true(g_str_has_prefix(left, "-:" GROUP "/mine\n"));
        untouched = get(&f, "kprobe_events");
        g_assert_cmpstr(untouched, ==, "r8:others/b do_exit\ngarbage\n\n");
        fake_end(&f);
}

static void test_files(void) {
        _cleanup_(selector_unrefp) struct selector *s = parse("kernel userspace-probe a probe=/bin/true:main");
        _cleanup_close_ int path = open("/bin/true", O_PATH | O_CLOEXEC), file = open("/bin/true", O_RDONLY | O_CLOEXEC);
        _cleanup_close_ int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        struct failure failure;

        g_assert_cmpint(kernel_probe_check_file(s, file, &failure), ==, 0);
        g_assert_cmpint(kernel_probe_check_file(s, path, &failure), <, 0);
        g_assert_nonnull(strstr(failure.text, "not open for reading"));
        g_assert_cmpint(kernel_probe_check_file(s, null, &failure), <, 0);
}

static void unavailable(const char *path, bool is_real, const char *wanted) {
        char reason[256];
        int fd;

        g_assert_cmpint(tracefs_open(path, is_real, &fd, reason, sizeof(reason)), <, 0);
        if (!strstr(reason, wanted))
                g_error("'%s' does not say '%s'", reason, wanted);
}

static void test_availability(void) {
        char reason[256];
        struct fake f;
        int fd;

        fake_begin(&f);
        unavailable("/no/such/folder", false, "no tracefs is mounted on /no/such/folder");
        unavailable(f.path, true, "no tracefs is mounted on");
        unavailable(f.path, false, "no tracefs is mounted on");
        put(&f, "available_events", "");
        g_assert_cmpint(mkdirat(f.fd, "instances", 0500), ==, 0);
        if (geteuid() != 0)
                unavailable(f.path, false, "cannot be used: Permission denied");
        g_assert_cmpint(fchmodat(f.fd, "instances", 0700, 0), ==, 0);
        g_assert_cmpint(tracefs_open(f.path, false, &fd, reason, sizeof(reason)), ==, 0);
        close(fd);
        fake_end(&f);
}

/* What an apply of a plan has told. */
struct told {
        int done, gone;
};

static void on_done(const struct failure *failure, void *userdata) {
        ((struct told *) userdata)->done++;
}

static void on_gone(void *userdata) {
        ((struct told *) userdata)->gone++;
}

struct domain {
        struct fake fake;
        sd_event *event;
        struct user_domain user;
        struct kernel_domain *kernel;
        struct sender *sender;
        int ends[2];
};

static bool domain_begin(struct domain *d) {
        struct kernel_config config;

        if (geteuid() != 0) {
                g_test_skip("needs root");
                return false;
        }
        *d = (struct domain) {};
        fake_begin(&d->fake);
        put(&d->fake, "available_events", "");
        g_assert_cmpint(mkdirat(d->fake.fd, "instances", 0700), ==, 0);
        config = (struct kernel_config) { .tracefs = d->fake.path, .run_directory = d->fake.path };
        g_assert_cmpint(sd_event_new(&d->event), ==, 0);
        g_assert_cmpint(kernel_domain_new(d->event, &d->user, &config, &d->kernel), ==, 0);
        g_assert_null(kernel_domain_unavailable(d->kernel));
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, d->ends), ==, 0);
        g_assert_cmpint(sender_new(d->ends[0], &d->sender), ==, 0);
        return true;
}

static void domain_end(struct domain *d) {
        kernel_domain_free(d->kernel);
        sender_unref(d->sender);
        close(d->ends[1]);
        sd_event_unref(d->event);
        (void) unlinkat(d->fake.fd, "kernel-id", 0);
        fake_end(&d->fake);
}

static struct kernel_recording *record(struct domain *d, struct told *told) {
        const struct kernel_recording_config config = { .owner = 1000, .key = 7 };
        struct kernel_plan plan = { 0 };
        struct kernel_recording *r;

        g_assert_cmpint(kernel_recording_new(d->kernel, &config, d->sender, &r), ==, 0);
        g_assert_cmpint(kernel_recording_apply(r, &plan, on_done, on_gone, told), ==, 0);
        return r;
}

/* Whoever waits is told once, either way, and never twice. */
static void test_told_once(void) {
        struct told first = {}, second = {};
        struct kernel_recording *r;
        struct domain d;

        if (!domain_begin(&d))
                return;
        r = record(&d, &first);
        while (first.done == 0)
                g_assert_cmpint(sd_event_run(d.event, UINT64_MAX), >=, 0);
        kernel_recording_end(r, false);
        r = record(&d, &second);
        kernel_recording_end(r, false);
        while (second.gone == 0)
                g_assert_cmpint(sd_event_run(d.event, 10 * G_USEC_PER_SEC), >, 0);
        domain_end(&d);
        g_assert_cmpint(first.done, ==, 1);
        g_assert_cmpint(first.gone, ==, 0);
        g_assert_cmpint(second.done, ==, 0);
        g_assert_cmpint(second.gone, ==, 1);
}

/* When everything goes, before those do who are told. */
static void test_told_when_drained(void) {
        struct told first = {}, second = {};
        struct kernel_recording *r, *late;
        struct domain d;

        if (!domain_begin(&d))
                return;
        r = record(&d, &first);
        kernel_domain_drain(d.kernel);
        g_assert_cmpint(first.done, ==, 1);
        late = record(&d, &second);
        kernel_recordings_tell_gone(d.kernel);
        g_assert_cmpint(second.gone, ==, 1);
        kernel_recording_end(r, false);
        kernel_recording_end(late, false);
        domain_end(&d);
        g_assert_cmpint(first.done + second.gone, ==, 2);
        g_assert_cmpint(first.gone + second.done, ==, 0);
}

/* The answer of a reader, which o's request with this serial will find. */
static void answer(int reader, uint64_t serial, int error) {
        const struct consumer_ack ack = {
                .header = { .type = CONSUMER_ACK, .size = sizeof(ack), .serial = serial },
                .error = error,
        };

        g_assert_cmpint(send(reader, &ack, sizeof(ack), 0), ==, sizeof(ack));
}

/* Who tries again after the reader refused has everything that it needs, and hears the reason, not one of ours. */
static void test_begin_again(void) {
        struct kernel_own o = {};
        int pair[2], asks[2], fds[DATAGRAM_FDS_MAX];
        struct own_message m;
        size_t n_fds;

        g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), ==, 0);
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, asks), ==, 0);
        o.socket = pair[0];
        o.asked_by = asks[1];
        answer(pair[1], 1, ENOMEM);
        answer(pair[1], 2, ENOMEM);
        answer(pair[1], 3, 0);
        for (int i = 0; i < 2; i++)
                g_assert_cmpint(kernel_own_begin(&o, TRACE_CLOCK_MONOTONIC), ==, -ENOMEM);
        g_assert_cmpint(kernel_own_begin(&o, TRACE_CLOCK_MONOTONIC), ==, 0);
        g_assert_cmpint(kernel_own_begin(&o, TRACE_CLOCK_MONOTONIC), ==, 0);
        for (uint64_t serial = 1; serial <= 3; serial++) {
                g_assert_cmpint(datagram_recv(pair[1], &m, sizeof(m), fds, &n_fds, MSG_DONTWAIT), ==, sizeof(m));
                g_assert_cmpuint(m.header.serial, ==, serial);
                g_assert_cmpuint(n_fds, ==, 1);
                datagram_close_fds(fds, n_fds);
        }
        g_assert_cmpint(recv(pair[1], &m, sizeof(m), MSG_DONTWAIT), <, 0);
        g_assert_cmpint(o.asked_by, ==, -1);
        close(asks[0]);
        close(pair[0]);
        close(pair[1]);
}

static bool has(int tracefs, const char *instance) {
        g_autofree char *path = g_build_filename("instances", instance, NULL);

        return faccessat(tracefs, path, F_OK, 0) == 0;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata) {
        g_error("the instance is still there");
        return 0;
}

/* An instance that is ready for the next recording goes when there is none for so long. This one is the kernel's own. */
static void test_unused_spare(void) {
        g_autofree char *name = g_strdup_printf("tracectl-test-spare-%i", getpid());
        const struct instance_config config = {
                .name = name,
                .subbuf_size = 4096,
                .buffer_size = 65536,
                .clock = TRACE_CLOCK_MONOTONIC,
        };
        struct spare_instance *spare;
        struct worker *worker;
        char reason[256];
        sd_event *event;
        int tracefs;

        if (tracefs_open(TRACEFS_ROOT, true, &tracefs, reason, sizeof(reason)) < 0) {
                g_test_skip(reason);
                return;
        }
        g_assert_cmpint(sd_event_new(&event), >=, 0);
        g_assert_cmpint(worker_new(event, &worker), ==, 0);
        g_assert_cmpint(spare_instance_new(event, worker, tracefs, 1000, &spare), ==, 0);
        spare_instance_order(spare, &config, (struct spare_events) { 0 });
        /* No time passes before the loop goes on. */
        worker_drain(worker);
        g_assert_true(has(tracefs, name));
        g_assert_cmpint(sd_event_add_time_relative(event, NULL, CLOCK_MONOTONIC, 30 * G_USEC_PER_SEC, 0, on_deadline,
                                                   NULL), >=, 0);
        while (has(tracefs, name))
                g_assert_cmpint(sd_event_run(event, 2000), >=, 0);
        spare_instance_end(spare);
        worker_free(worker);
        spare_instance_free(spare);
        sd_event_unref(event);
        close(tracefs);
}

static void put_format(const struct fake *f, const char *name, const char *text) {
        g_autofree char *path = g_build_filename(f->path, "events/syscalls", name, NULL);
        g_autofree char *format = g_strdup_printf("events/syscalls/%s/format", name);

        g_assert_cmpint(g_mkdir_with_parents(path, 0700), ==, 0);
        put(f, format, text);
}

static void remove_below(const char *path) {
        GDir *dir = g_dir_open(path, 0, NULL);
        const char *name;

        while (dir && (name = g_dir_read_name(dir))) {
                g_autofree char *below = g_build_filename(path, name, NULL);

                remove_below(below);
        }
        if (dir)
                g_dir_close(dir);
        g_assert_cmpint(g_remove(path), ==, 0);
}

/* All of them or none: a rule for all system calls must not be one for those that could be read. */
static void test_formats(void) {
        g_autofree char *events = NULL, *broken = NULL;
        const struct format *all, *one;
        struct formats *formats;
        struct fake f;

        fake_begin(&f);
        events = g_build_filename(f.path, "events", NULL);
        g_assert_cmpint(formats_new(&formats), ==, 0);
        /* A kernel that has none. */
        formats_begin(formats, f.fd);
        g_assert_cmpuint(formats_get(formats, &all), ==, 0);
        g_assert_null(formats_find(formats, "syscalls", "sys_enter_b"));
        for (char name = 'a'; name <= 'e'; name++) {
                g_autofree char *event = g_strdup_printf("sys_enter_%c", name);

                put_format(&f, event, event);
        }
        put(&f, "events/syscalls/enable", "0\n");
        g_assert_cmpint(mkdirat(f.fd, "events/syscalls/none", 0700), ==, 0);
        /* One that cannot be read. */
        broken = g_build_filename(f.path, "events/syscalls/sys_enter_broken/format", NULL);
        g_assert_cmpint(g_mkdir_with_parents(broken, 0700), ==, 0);
        formats_begin(formats, f.fd);
        g_assert_cmpuint(formats_get(formats, &all), ==, 0);
        g_assert_null(formats_find(formats, "syscalls", "sys_enter_b"));
        /* Another recording tries again, and once they are there nobody reads them any more. */
        g_assert_cmpint(g_rmdir(broken), ==, 0);
        formats_begin(formats, f.fd);
        g_assert_cmpuint(formats_get(formats, &all), ==, 5);
        remove_below(events);
        formats_begin(formats, f.fd);
        g_assert_cmpuint(formats_get(formats, &all), ==, 5);
        one = formats_find(formats, "syscalls", "sys_enter_b");
        g_assert_true(one == &all[1]);
        g_assert_cmpstr(one->text, ==, "sys_enter_b");
        g_assert_cmpuint(one->size, ==, strlen("sys_enter_b"));
        g_assert_null(formats_find(formats, "syscalls", "sys_enter_bc"));
        g_assert_null(formats_find(formats, "sched", "sys_enter_b"));
        formats_free(formats);
        fake_end(&f);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/kernel/lines-of-the-kernel", test_lines_of_the_kernel);
        g_test_add_func("/kernel/set", test_set);
        g_test_add_func("/kernel/remove", test_remove);
        g_test_add_func("/kernel/files", test_files);
        g_test_add_func("/kernel/availability", test_availability);
        g_test_add_func("/kernel/begin-again", test_begin_again);
        g_test_add_func("/kernel/unused-spare", test_unused_spare);
        g_test_add_func("/kernel/formats", test_formats);
        g_test_add_func("/kernel/told-once", test_told_once);
        g_test_add_func("/kernel/told-when-drained", test_told_when_drained);
        return g_test_run();
}
