/* SPDX-License-Identifier: LGPL-2.1-or-later */

#undef NDEBUG
#include <fcntl.h>
#include <glib/gstdio.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/boot-id.h"
#include "common/clock.h"
#include "common/datagram.h"
#include "common/fd.h"
#include "common/program.h"
#include "play-tracingd.h"

#define WAIT_MAX (30 * G_USEC_PER_SEC)

static pid_t start_consumer(int socket) {
        char *argv[] = { (char *) "tracectl-consumer", NULL };
        posix_spawn_file_actions_t actions;
        char *path;
        pid_t pid;

        g_assert_cmpint(program_find("consumer", "tracectl-consumer", &path), ==, 0);
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, socket, 3);
        posix_spawn_file_actions_addclosefrom_np(&actions, 4);
        g_assert_cmpint(posix_spawn(&pid, path, &actions, NULL, argv, environ), ==, 0);
        posix_spawn_file_actions_destroy(&actions);
        free(path);
        return pid;
}

static void launch(struct play *p) {
        int pair[2];

        g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), ==, 0);
        p->pid = start_consumer(pair[1]);
        close(pair[1]);
        p->socket = pair[0];
}

void play_start_silent(struct play *p, const char *directory) {
        *p = (struct play) { .status_fd = -1, .clock = TRACE_CLOCK_MONOTONIC, .boot = { 1, 2, 3, 4 } };
        p->directory = directory ? g_strdup(directory) : g_dir_make_tmp("tracectl-consumer-XXXXXX", NULL);
        g_assert_nonnull(p->directory);
        launch(p);
        p->created = trace_clock_read_monotonic(0) - UINT64_C(10000000000);
}

static void new_status(struct play *p) {
        g_assert_cmpint(memfd_new_shared("status", sizeof(*p->status), &p->status_fd), ==, 0);
        p->status = mmap(NULL, sizeof(*p->status), PROT_READ | PROT_WRITE, MAP_SHARED, p->status_fd, 0);
        g_assert_true(p->status != MAP_FAILED);
        *p->status = (struct consumer_status) { .magic = CONSUMER_STATUS_MAGIC, .major = 1 };
}

void play_send_output(struct play *p, uint32_t flags) {
        struct consumer_output output = { .kind = CONSUMER_OUTPUT_FD, .flags = flags };
        int fd = open(p->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        g_assert_cmpint(fd, >=, 0);
        output.flags |= p->flags;
        play_send(p, CONSUMER_OUTPUT, &output, sizeof(output), &fd, 1);
        close(fd);
}

void play_send_session(struct play *p) {
        struct consumer_session session = {
                .name = "shop",
                .clock = p->clock,
                .clock_frequency = 1000000000,
                .clock_offset_seconds = 1700000000,
                .clock_offset_ticks = 5,
                .clock_precision = 77,
                .created = UINT64_C(1700000000000000),
                .sync_msec = p->sync_msec,
        };

        memcpy(session.clock_uuid, p->boot, sizeof(p->boot));
        play_send(p, CONSUMER_SESSION, &session, sizeof(session), &p->status_fd, 1);
}

static void introduce(struct play *p, uint32_t flags) {
        play_send_output(p, flags);
        g_assert_cmpint(play_answer(p, NULL), ==, 0);
        if (!p->status)
                new_status(p);
        play_send_session(p);
        g_assert_cmpint(play_answer(p, NULL), ==, 0);
}

void play_start(struct play *p, const char *directory) {
        play_start_silent(p, directory);
        introduce(p, 0);
}

void play_start_files(struct play *p, const char *directory, bool this_boot, uint32_t sync_msec) {
        play_start_silent(p, directory);
        p->flags = CONSUMER_FILES;
        p->sync_msec = sync_msec;
        if (this_boot)
                g_assert_cmpint(boot_id_read(p->boot), ==, 0);
        introduce(p, 0);
}

void play_start_tsc(struct play *p) {
        play_start_silent(p, NULL);
        p->clock = TRACE_CLOCK_TSC;
        introduce(p, 0);
}

void play_kill(struct play *p) {
        int status;

        g_assert_cmpint(kill(p->pid, SIGKILL), ==, 0);
        g_assert_cmpint(waitpid(p->pid, &status, 0), ==, p->pid);
        close(p->socket);
        p->socket = -1;
}

void play_resume(struct play *p) {
        launch(p);
        introduce(p, CONSUMER_RESUME);
}

int play_recover(const char *directory, char **ret_said) {
        g_autofree char *out = NULL, *err = NULL;
        char *path;
        int status;

        g_assert_cmpint(program_find("consumer", "tracectl-consumer", &path), ==, 0);
        {
                char *argv[] = { path, (char *) "--recover", (char *) directory, NULL };

                g_assert_true(g_spawn_sync(NULL, argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &out, &err, &status, NULL));
        }
        free(path);
        if (ret_said)
                *ret_said = g_strconcat(out, err, NULL);
        g_assert_true(g_spawn_check_wait_status(status, NULL) || WIFEXITED(status));
        return WEXITSTATUS(status);
}

void play_hang_up(struct play *p) {
        int status;

        close(p->socket);
        p->socket = -1;
        g_assert_cmpint(waitpid(p->pid, &status, 0), ==, p->pid);
        p->pid = 0;
        g_assert_true(WIFEXITED(status));
        g_assert_cmpint(WEXITSTATUS(status), ==, 0);
}

static void remove_tree(const char *path) {
        const char *argv[] = { "rm", "-rf", "--", path, NULL };

        g_assert_true(g_spawn_sync(NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL,
                                   NULL));
}

void play_done(struct play *p) {
        if (p->socket >= 0)
                play_hang_up(p);
        if (p->status)
                munmap(p->status, sizeof(*p->status));
        if (p->status_fd >= 0)
                close(p->status_fd);
        remove_tree(p->directory);
        g_free(p->directory);
}

void play_send(struct play *p, uint32_t type, void *message, size_t size, const int *fds, size_t n_fds) {
        struct consumer_header *header = message;

        *header = (struct consumer_header) { .type = type, .size = (uint32_t) size, .serial = ++p->serial };
        g_assert_cmpint(datagram_send(p->socket, message, size, fds, n_fds, 0), ==, 0);
        if (p->status) {
                __atomic_fetch_add(&p->status->wake, 1, __ATOMIC_RELEASE);
                syscall(SYS_futex, &p->status->wake, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
        }
}

int play_call(struct play *p, uint32_t type, void *message, size_t size, const int *fds, size_t n_fds) {
        play_send(p, type, message, size, fds, n_fds);
        return play_answer(p, NULL);
}

/* Waits for the answer to the last message, and the descriptors that come with it. */
static int receive_answer(struct play *p, struct consumer_output_ack *ack, int *fds) {
        size_t n = 0;

        *ack = (struct consumer_output_ack) {};
        while (ack->ack.header.serial != p->serial) {
                int r;

                r = datagram_recv(p->socket, ack, sizeof(*ack), fds, &n, 0);
                g_assert_true(r == sizeof(*ack) || r == sizeof(ack->ack));
                g_assert_cmpuint(ack->ack.header.type, ==, CONSUMER_ACK);
                g_assert_cmpuint(ack->ack.header.size, ==, r);
        }
        return (int) n;
}

int play_answer(struct play *p, char **ret_path) {
        struct consumer_output_ack ack;
        int fds[DATAGRAM_FDS_MAX];

        g_assert_cmpint(receive_answer(p, &ack, fds), ==, 0);
        if (ret_path)
                *ret_path = g_strdup(ack.path);
        return ack.ack.error;
}

int play_resumed(struct play *p) {
        struct consumer_header m;

        return play_call(p, CONSUMER_RESUMED, &m, sizeof(m), NULL, 0);
}

int play_flush(struct play *p) {
        struct consumer_header m;

        return play_call(p, CONSUMER_FLUSH, &m, sizeof(m), NULL, 0);
}

int play_stop(struct play *p) {
        struct consumer_header m;

        return play_call(p, CONSUMER_STOP, &m, sizeof(m), NULL, 0);
}

int play_snapshot(struct play *p, const char *name) {
        return play_snapshot_flags(p, name, 0);
}

int play_snapshot_flags(struct play *p, const char *name, uint32_t flags) {
        struct consumer_snapshot m = { .flags = flags };

        g_strlcpy(m.name, name, sizeof(m.name));
        return play_call(p, CONSUMER_SNAPSHOT, &m, sizeof(m), NULL, 0);
}

int play_rings(struct play *p, uint64_t set, uint32_t stream, const char *set_name, const char *channel,
               const struct play_ring *ring) {
        play_send_rings(p, set, stream, set_name, channel, 0, ring);
        return play_answer(p, NULL);
}

int play_ring_files(struct play *p, uint64_t set, uint32_t stream, const char *set_name, const char *channel,
                    struct play_ring *ret) {
        return play_ring_files_flags(p, set, stream, set_name, channel, 0, ret);
}

int play_ring_files_flags(struct play *p, uint64_t set, uint32_t stream, const char *set_name, const char *channel,
                          uint32_t flags, struct play_ring *ret) {
        struct consumer_ring_files m = {
                .rings = { .set = set, .stream = stream, .uid = 1234, .word_size = 64,
                           .uuid = { 5, (uint8_t) set, 0x40, 0x80 } },
                .flags = flags,
                .n_cpus = 2,
                .n_subbufs = 4,
                .subbuf_size = RING_SUBBUF_SIZE_MIN,
        };
        struct consumer_output_ack ack;
        int fds[DATAGRAM_FDS_MAX], n;

        g_strlcpy(m.rings.set_name, set_name, sizeof(m.rings.set_name));
        g_strlcpy(m.rings.channel, channel, sizeof(m.rings.channel));
        play_send(p, CONSUMER_RING_FILES, &m, sizeof(m), NULL, 0);
        n = receive_answer(p, &ack, fds);
        g_assert_cmpint(n, ==, ack.ack.error ? 0 : 2);
        if (!ack.ack.error)
                play_ring_map(ret, fds[0], fds[1]);
        return ack.ack.error;
}

void play_send_rings(struct play *p, uint64_t set, uint32_t stream, const char *set_name, const char *channel,
                        uint32_t contexts, const struct play_ring *ring) {
        struct consumer_rings m = {
                .set = set,
                .stream = stream,
                .uid = 1234,
                .word_size = 64,
                .contexts = contexts,
                .uuid = { 5, (uint8_t) set, 0x40, 0x80 },
        };
        int fds[] = { ring->ring_fd, ring->positions_fd };

        g_strlcpy(m.set_name, set_name, sizeof(m.set_name));
        g_strlcpy(m.channel, channel, sizeof(m.channel));
        play_send(p, CONSUMER_RINGS, &m, sizeof(m), fds, 2);
}

int play_rotate(struct play *p, const char *name, uint32_t flags) {
        struct consumer_rotate m = { .flags = flags };

        g_strlcpy(m.name, name, sizeof(m.name));
        return play_call(p, CONSUMER_ROTATE, &m, sizeof(m), NULL, 0);
}

int play_clear(struct play *p) {
        struct consumer_header m;

        return play_call(p, CONSUMER_CLEAR, &m, sizeof(m), NULL, 0);
}

int play_release(struct play *p, uint64_t set, uint32_t stream) {
        struct consumer_release m = { .set = set, .stream = stream };

        return play_call(p, CONSUMER_RELEASE, &m, sizeof(m), NULL, 0);
}

int play_classes(struct play *p, uint64_t set, uint32_t stream, const struct definition *definitions,
                 const uint32_t *ids, unsigned n) {
        play_send_classes(p, set, stream, definitions, ids, n);
        return play_answer(p, NULL);
}

void play_send_classes(struct play *p, uint64_t set, uint32_t stream, const struct definition *definitions,
                       const uint32_t *ids, unsigned n) {
        size_t size = sizeof(struct consumer_classes) + n * sizeof(struct consumer_class);
        size_t total = sizeof(struct definitions_header), allocated = 65536;
        g_autofree struct consumer_classes *m = g_malloc0(size);
        g_autofree char *buffer = g_malloc0(allocated);
        int fd;

        for (unsigned i = 0; i < n; i++) {
                g_assert_cmpint(definitions_append(buffer, allocated, &total, &definitions[i]), ==, 0);
                m->classes[i] = (struct consumer_class) { .event = i, .id = ids[i] };
        }
        definitions_finish(buffer, n, total);
        g_assert_cmpint(memfd_new_constant("definitions", buffer, total, &fd), ==, 0);
        m->set = set;
        m->stream = stream;
        m->n_classes = n;
        play_send(p, CONSUMER_CLASSES, m, size, &fd, 1);
        close(fd);
}

void play_wait_for(const uint64_t *word, uint64_t value) {
        gint64 end = g_get_monotonic_time() + WAIT_MAX;

        while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != value && g_get_monotonic_time() < end)
                g_usleep(1000);
        g_assert_cmpuint(__atomic_load_n(word, __ATOMIC_ACQUIRE), ==, value);
}

char **play_read_all(const char *directory, char **ret_errors) {
        const char *argv[] = { "babeltrace2", "--clock-cycles", "--no-delta", directory, NULL };
        g_autofree char *out = NULL, *err = NULL;
        g_autoptr(GPtrArray) lines = g_ptr_array_new();
        g_auto(GStrv) split = NULL;
        int status;

        g_assert_true(g_spawn_sync(NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, &err, &status,
                                   NULL));
        if (!ret_errors || status)
                g_assert_cmpstr(err, ==, "");
        g_assert_cmpint(status, ==, 0);
        if (ret_errors)
                *ret_errors = g_steal_pointer(&err);
        split = g_strsplit(out, "\n", -1);
        for (char **line = split; *line && **line; line++) {
                /* "[cycles] host name: ..." without the host. */
                char *name = strstr(*line, "] "), *space = name ? strchr(name + 2, ' ') : NULL;

                g_assert_nonnull(space);
                if (strchr(name, ':') > space)
                        memmove(name + 2, space + 1, strlen(space));
                g_ptr_array_add(lines, g_strdup(*line));
        }
        g_ptr_array_add(lines, NULL);
        return (char **) g_ptr_array_free(g_steal_pointer(&lines), FALSE);
}

char **play_read(const char *directory, char **ret_errors) {
        char **lines = play_read_all(directory, ret_errors), **to = lines;

        for (char **line = lines; *line; line++) {
                if (strstr(*line, " tracectl:thread: "))
                        g_free(*line);
                else
                        *to++ = *line;
        }
        *to = NULL;
        return lines;
}

char *play_path(const struct play *p, const char *path) {
        return g_build_filename(p->directory, "user", "1234", path, NULL);
}
