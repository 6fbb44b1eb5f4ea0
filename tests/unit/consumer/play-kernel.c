/* SPDX-License-Identifier: LGPL-2.1-or-later */

#undef NDEBUG
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "common/fd.h"
#include "consumer/kernel-stats.h"
#include "play-kernel.h"

static char *mount_point;

static void unmount(void) {
        umount2(mount_point, MNT_DETACH);
        g_rmdir(mount_point);
}

static bool mount_tracefs(void) {
        if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                return false;
        mount_point = g_dir_make_tmp("tracectl-tracefs-XXXXXX", NULL);
        g_assert_nonnull(mount_point);
        if (mount("none", mount_point, "tracefs", 0, NULL) < 0) {
                g_rmdir(mount_point);
                return false;
        }
        atexit(unmount);
        return true;
}

bool play_kernel_works(void) {
        static int works = -1;

        if (works < 0)
                works = mount_tracefs();
        if (!works)
                g_test_skip("needs root and tracefs");
        return works;
}

bool play_kernel_try(const struct play_kernel *k, const char *path, const char *value) {
        g_autofree char *file = g_build_filename(k->instance, path, NULL);
        int fd = open(file, O_WRONLY | O_CLOEXEC);
        bool good;

        if (fd < 0)
                return false;
        good = write(fd, value, strlen(value)) == (ssize_t) strlen(value);
        close(fd);
        return good;
}

void play_kernel_write(const struct play_kernel *k, const char *path, const char *value) {
        if (!play_kernel_try(k, path, value))
                g_error("cannot write %s to %s: %s", value, path, g_strerror(errno));
}

char *play_kernel_read(const struct play_kernel *k, const char *path) {
        g_autofree char *file = g_build_filename(k->instance, path, NULL);
        char *text = NULL;

        if (!g_file_get_contents(file, &text, NULL, NULL))
                g_error("cannot read %s", file);
        return text;
}

static uint64_t read_number(const struct play_kernel *k, const char *path) {
        g_autofree char *text = play_kernel_read(k, path);

        return g_ascii_strtoull(text, NULL, 10);
}

void play_kernel_new(struct play_kernel *k, const struct play_kernel_options *o) {
        static unsigned number;
        g_autofree char *size = g_strdup_printf("%u", o->buffer_kb);

        *k = (struct play_kernel) {
                .instance = g_strdup_printf("%s/instances/tracectl-test-%i-%u", mount_point, getpid(), number++),
                .n_cpus = (uint32_t) get_nprocs_conf(),
        };
        g_assert_cmpint(g_mkdir(k->instance, 0700), ==, 0);
        play_kernel_write(k, "tracing_on", "0");
        play_kernel_write(k, "buffer_size_kb", "8");
        if (o->subbuf_kb > 0) {
                g_autofree char *subbuf = g_strdup_printf("%u", o->subbuf_kb);

                play_kernel_write(k, "buffer_subbuf_size_kb", subbuf);
        }
        play_kernel_write(k, "trace_clock", o->clock ?: "mono");
        play_kernel_write(k, "buffer_size_kb", size);
        play_kernel_write(k, "options/overwrite", o->overwrite ? "1" : "0");
        (void) play_kernel_try(k, "buffer_percent", "25");
        k->subbuf_size = 4096;
        if (o->subbuf_kb > 0)
                k->subbuf_size = (uint32_t) read_number(k, "buffer_subbuf_size_kb") * 1024;
        k->buffer_size = MAX(read_number(k, "buffer_size_kb") * 1024, k->subbuf_size);
        g_assert_cmpint(memfd_new_shared("scratch", CONSUMER_KERNEL_SCRATCH_SIZE(k->n_cpus, k->subbuf_size),
                                         &k->scratch_fd), ==, 0);
        play_kernel_write(k, "tracing_on", "1");
}

void play_kernel_done(struct play_kernel *k) {
        close(k->scratch_fd);
        (void) play_kernel_try(k, "events/enable", "0");
        for (int i = 0; g_rmdir(k->instance) < 0 && errno == EBUSY && i < 1000; i++)
                g_usleep(1000);
        g_assert_false(g_file_test(k->instance, G_FILE_TEST_EXISTS));
        g_free(k->instance);
}

static void append(GString *text, const struct play_kernel *k, const char *system, const char *name,
                   const char *path) {
        g_autofree char *content = play_kernel_read(k, path);

        g_string_append_printf(text, "@ %s %s %zu\n%s", system, name, strlen(content), content);
}

GString *play_kernel_descriptions(const struct play_kernel *k, const char *const *events, bool first) {
        GString *text = g_string_new(NULL);

        if (first) {
                append(text, k, "events", "header_page", "events/header_page");
                append(text, k, "events", "header_event", "events/header_event");
        }
        for (; *events; events++) {
                g_auto(GStrv) parts = g_strsplit(*events, "/", 2);
                g_autofree char *path = g_strdup_printf("events/%s/format", *events);

                append(text, k, parts[0], parts[1], path);
        }
        return text;
}

static int describe(const struct play_kernel *k, const char *const *events, bool first) {
        GString *text = play_kernel_descriptions(k, events, first);
        int fd;

        g_assert_cmpint(memfd_new_constant("events", text->str, text->len, &fd), ==, 0);
        g_string_free(text, TRUE);
        return fd;
}

static int send_cpu(struct play *p, const struct play_kernel *k, uint32_t stream, uint32_t cpu) {
        struct consumer_kernel_cpus m = { .set = PLAY_KERNEL_SET, .stream = stream, .first_cpu = cpu, .n_cpus = 1 };
        g_autofree char *pipe = g_strdup_printf("%s/per_cpu/cpu%u/trace_pipe_raw", k->instance, cpu);
        g_autofree char *stats = g_strdup_printf("%s/per_cpu/cpu%u/stats", k->instance, cpu);
        int fds[] = { open(pipe, O_RDONLY | O_NONBLOCK | O_CLOEXEC), open(stats, O_RDONLY | O_CLOEXEC) };
        int r;

        g_assert_cmpint(fds[0], >=, 0);
        g_assert_cmpint(fds[1], >=, 0);
        r = play_call(p, CONSUMER_KERNEL_CPUS, &m, sizeof(m), fds, 2);
        close(fds[0]);
        close(fds[1]);
        return r;
}

int play_kernel_send(struct play *p, const struct play_kernel *k, uint32_t stream, const char *channel,
                     const char *const *events) {
        g_autofree char *on = play_kernel_read(k, "options/overwrite");
        struct consumer_kernel m = {
                .set = PLAY_KERNEL_SET,
                .stream = stream,
                .flags = on[0] == '1' ? CONSUMER_KERNEL_OVERWRITE : 0,
                .subbuf_size = k->subbuf_size,
                .n_cpus = k->n_cpus,
                .buffer_size = k->buffer_size,
                .uuid = { 9, 8, 7, 6, 0, 0, 0x40, 0, 0x80 },
        };
        int fds[] = { k->scratch_fd, describe(k, events, true) }, r;

        g_strlcpy(m.channel, channel, sizeof(m.channel));
        r = play_call(p, CONSUMER_KERNEL, &m, sizeof(m), fds, 2);
        close(fds[1]);
        for (uint32_t cpu = 0; r == 0 && cpu < k->n_cpus; cpu++)
                r = send_cpu(p, k, stream, cpu);
        return r;
}

int play_kernel_describe(struct play *p, const struct play_kernel *k, uint32_t stream, const char *const *events) {
        struct consumer_kernel_events m = { .set = PLAY_KERNEL_SET, .stream = stream };
        int fd = describe(k, events, false), r;

        r = play_call(p, CONSUMER_KERNEL_EVENTS, &m, sizeof(m), &fd, 1);
        close(fd);
        return r;
}

uint64_t play_kernel_lost(const struct play_kernel *k) {
        uint64_t sum = 0, lost;

        for (uint32_t cpu = 0; cpu < k->n_cpus; cpu++) {
                g_autofree char *path = g_strdup_printf("per_cpu/cpu%u/stats", cpu);
                g_autofree char *text = play_kernel_read(k, path);

                g_assert_cmpint(kernel_stats_parse(text, &lost), ==, 0);
                sum += lost;
        }
        return sum;
}

void play_kernel_pin(unsigned cpu) {
        cpu_set_t set;

        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
        g_assert_cmpint(sched_setaffinity(0, sizeof(set), &set), ==, 0);
}
