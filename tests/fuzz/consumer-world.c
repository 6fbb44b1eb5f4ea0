/* SPDX-License-Identifier: LGPL-2.1-or-later */

#undef NDEBUG

#include "tests/fuzz/consumer-world.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/libtracectl-read/tracectl-read.h"
#include "common/boot-id.h"
#include "common/clock.h"
#include "common/datagram.h"
#include "common/fd.h"
#include "consumer/opener.h"
#include "consumer/ring-place.h"

static char *folder;
static struct opener opener;
static int status_fd;
static struct consumer_status *status;

static void *map(int fd, size_t size) {
        void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

        g_assert_true(p != MAP_FAILED);
        return p;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        return ftw->level > 0 ? remove(path) : 0;
}

static void empty_folder(void) {
        g_assert_cmpint(nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS), ==, 0);
}

static void remove_folder(void) {
        empty_folder();
        rmdir(folder);
}

/* output.h without another process: the opener's part is done where it is asked for. */
int output_map_status(struct output *output, int fd) {
        if (!fd_same_file(fd, status_fd))
                return -EBADMSG;
        output->status = status;
        return 0;
}

void output_done(struct output *output) {
        output->status = NULL;
}

/* The folder is memory: to what is too large for it, the disk is full. */
int output_open(struct output *output, const struct request *request, int *ret_fd) {
        return request->size > WORLD_FILE_MAX ? -ENOSPC : opener_open(&opener, request, ret_fd);
}

/* That would be a process. */
int output_ask(struct output *output, const struct request *request) {
        return request->kind == REQUEST_SYNC ? 0 : opener_change(&opener, request);
}

static int change(enum request_kind kind, const char *name) {
        struct request request = { .kind = kind };

        memcpy(request.snapshot, name, strlen(name) + 1);
        return output_ask(NULL, &request);
}

int output_prepare(struct output *output, const char *name) {
        return change(REQUEST_PREPARE, name);
}

int output_move(struct output *output, const char *name) {
        return change(REQUEST_MOVE, name);
}

int output_remove(struct output *output, const char *name) {
        return change(REQUEST_REMOVE, name);
}

int output_trim(struct output *output, uint32_t keep_kib, uint32_t *ret_removed) {
        const struct request request = { .kind = REQUEST_TRIM, .keep_kib = keep_kib };

        return opener_trim(&opener, &request, ret_removed);
}

int output_next(struct output *output, char ret[CONSUMER_NAME_MAX]) {
        return opener_next(&opener, &(struct request) { .kind = REQUEST_NEXT }, ret);
}

static void set_up(struct consumer_world *w) {
        /* Memory, where it can be had. */
        folder = g_strdup_printf("%s/tracectl-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : g_get_tmp_dir());
        g_assert_nonnull(g_mkdtemp(folder));
        atexit(remove_folder);
        opener.directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        g_assert_cmpint(opener.directory, >=, 0);
        g_assert_cmpint(ring_geometry_init(&w->geometry, RING_LOCKED, TRACE_CLOCK_MONOTONIC, 1, WORLD_SUBBUFS,
                                           RING_SUBBUF_SIZE_MIN), ==, 0);
        g_assert_cmpint(memfd_new_shared("ring", w->geometry.total_size, &w->ring_fd), ==, 0);
        g_assert_cmpint(memfd_new_shared("positions", w->geometry.positions_size, &w->positions_fd), ==, 0);
        g_assert_cmpint(memfd_new_shared("status", sizeof(*status), &status_fd), ==, 0);
        w->ring = map(w->ring_fd, w->geometry.total_size);
        w->positions = map(w->positions_fd, w->geometry.positions_size);
        w->status = status = map(status_fd, sizeof(*status));
        w->status_fd = status_fd;
}

void world_begin(struct consumer_world *w, bool resumed, uint32_t flags) {
        struct session session;
        int pair[2];

        if (!folder)
                set_up(w);
        opener.resumed = resumed;
        opener.has_rings = false;
        w->geometry.flags = RING_LOCKED | flags;
        memset(w->ring, 0, w->geometry.total_size);
        memset(w->positions, 0, w->geometry.positions_size);
        ring_format(&w->geometry, trace_clock_read_monotonic(0), w->ring, w->positions);
        *w->status = (struct consumer_status) { .magic = CONSUMER_STATUS_MAGIC, .major = 1 };
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), ==, 0);
        w->socket = pair[0];
        w->serial = 0;
        session_init(&session, -1, resumed);
        w->drainer = drainer_new(pair[1], &session);
        g_assert_nonnull(w->drainer);
}

int world_use_files(struct consumer_world *w, bool rebooted) {
        int fd;

        opener.has_rings = w->drainer->session.has_rings = true;
        w->drainer->session.rebooted = rebooted;
        if (mkdirat(opener.directory, RING_PLACE, 0700) < 0)
                g_assert_cmpint(errno, ==, EEXIST);
        fd = openat(opener.directory, RING_PLACE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        g_assert_cmpint(fd, >=, 0);
        return fd;
}

void world_kill(struct consumer_world *w) {
        int socket = w->drainer->socket;

        drainer_free(w->drainer);
        close(socket);
        close(w->socket);
}

void world_end(struct consumer_world *w) {
        world_kill(w);
        empty_folder();
}

int world_open(const char *path, int flags) {
        return openat(opener.directory, path, flags | O_CLOEXEC);
}

bool world_send(struct consumer_world *w, uint32_t type, void *message, size_t size, const int *fds, size_t n_fds) {
        struct consumer_header *header = message;

        *header = (struct consumer_header) { .type = type, .size = (uint32_t) size, .serial = ++w->serial };
        return datagram_send(w->socket, message, size, fds, n_fds, MSG_DONTWAIT) >= 0;
}

void world_send_session(struct consumer_world *w) {
        struct consumer_session session = {
                .name = "shop",
                .clock = TRACE_CLOCK_MONOTONIC,
                .clock_frequency = 1000000000,
                .clock_offset_seconds = 1700000000,
        };

        g_assert_cmpint(boot_id_read(session.clock_uuid), ==, 0);
        session.clock_uuid[0] ^= w->earlier_boot;
        g_assert_true(world_send(w, CONSUMER_SESSION, &session, sizeof(session), &w->status_fd, 1));
}

void world_send_rings(struct consumer_world *w, uint32_t contexts) {
        struct consumer_rings rings = {
                .set = WORLD_SET, .stream = WORLD_STREAM, .uid = 7, .word_size = 64, .contexts = contexts,
                .uuid = { 5, 6 }, .set_name = "shared", .channel = "channel0",
        };
        const int fds[] = { w->ring_fd, w->positions_fd };

        if (contexts & CONTEXT_APPLICATION)
                strcpy(rings.app_contexts, "shop:queue shop:till");
        g_assert_true(world_send(w, CONSUMER_RINGS, &rings, sizeof(rings), fds, 2));
}

void world_send_classes(struct consumer_world *w, const void *definitions, size_t size, uint32_t n_events) {
        size_t n = sizeof(struct consumer_classes) + n_events * sizeof(struct consumer_class);
        g_autofree struct consumer_classes *classes = g_malloc0(n);
        int fd;

        classes->set = WORLD_SET;
        classes->stream = WORLD_STREAM;
        classes->n_classes = n_events;
        for (uint32_t i = 0; i < n_events; i++)
                classes->classes[i] = (struct consumer_class) { .event = i, .id = 1 + i };
        g_assert_cmpint(memfd_new_constant("definitions", definitions, size, &fd), ==, 0);
        g_assert_true(world_send(w, CONSUMER_CLASSES, classes, n, &fd, 1));
        close(fd);
}

void world_read_acks(struct consumer_world *w) {
        char buffer[sizeof(struct consumer_output_ack)];
        const struct consumer_ack *ack = (const struct consumer_ack *) buffer;
        int fds[DATAGRAM_FDS_MAX];
        size_t n_fds;

        while (datagram_recv(w->socket, buffer, sizeof(buffer), fds, &n_fds, MSG_DONTWAIT) > 0) {
                g_assert_cmpuint(n_fds, ==, 0);
                g_assert_cmpuint(ack->header.type, ==, CONSUMER_ACK);
                g_assert_cmpint(ack->error, >=, 0);
        }
}

static void complain(const char *sentence, void *userdata) {
        g_error("%s", sentence);
}

uint64_t world_read_traces(void) {
        tracectl_reader_event *event;
        tracectl_reader *reader;
        uint64_t n = 0;

        g_assert_cmpint(tracectl_reader_new(&reader), ==, 0);
        tracectl_reader_set_report(reader, complain, NULL);
        if (tracectl_reader_open(reader, folder) >= 0) {
                for (; tracectl_reader_next(reader, &event) > 0; n++)
                        while (tracectl_reader_event_next_field(event))
                                ;
                g_assert_cmpuint(tracectl_reader_get_bytes_skipped(reader), ==, 0);
        }
        tracectl_reader_free(reader);
        return n;
}
