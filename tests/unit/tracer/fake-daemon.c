/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/datagram.h"
#include "common/fd.h"
#include "protocol/context.h"
#include "protocol/definitions.h"
#include "protocol/filter.h"
#include "protocol/view.h"
#include "tests/unit/tracer/fake-daemon.h"

static char *path_of(const struct fake_daemon *f, const char *name) {
        return g_build_filename(f->directory, name, NULL);
}

void fake_write_page(const char *path, uint32_t word) {
        struct wait_page page = { .word = word };

        memcpy(page.magic, WAIT_MAGIC, sizeof(page.magic));
        g_assert_true(g_file_set_contents(path, (const char *) &page, sizeof(page), NULL));
}

void fake_map_page(struct fake_daemon *f) {
        g_autofree char *path = path_of(f, TRACECTL_WAIT_NAME);
        int fd = open(path, O_RDWR | O_CLOEXEC);

        g_assert_cmpint(fd, >=, 0);
        if (f->page)
                munmap(f->page, sizeof(*f->page));
        f->page = mmap(NULL, sizeof(*f->page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        g_assert_true(f->page != MAP_FAILED);
        close(fd);
}

static void listen_at(struct fake_daemon *f) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        g_autofree char *path = path_of(f, TRACECTL_REGISTER_NAME);

        g_assert_cmpuint(strlen(path), <, sizeof(address.sun_path));
        strcpy(address.sun_path, path);
        f->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        g_assert_cmpint(bind(f->listener, (struct sockaddr *) &address, sizeof(address)), ==, 0);
        g_assert_cmpint(listen(f->listener, 64), ==, 0);
}

void fake_init(struct fake_daemon *f, const char *directory, uint32_t form, uint32_t first_class) {
        g_autofree char *page = NULL;

        *f = (struct fake_daemon) { .directory = g_strdup(directory), .connection = -1, .first_class = first_class,
                                    .application = 42 };
        g_assert_cmpint(mkdir(directory, 0755), ==, 0);
        page = path_of(f, TRACECTL_WAIT_NAME);
        fake_write_page(page, 0x30303030);
        fake_map_page(f);
        listen_at(f);
        fixture_init(&f->rings, form, TRACE_CLOCK_TSC, 4, 16384);
        f->ring_id = first_class;
        reader_init(&f->reader, &f->rings, NULL, NULL);
}

void fake_want(struct fake_daemon *f, bool wanted) {
        __atomic_store_n(&f->page->word, (f->page->word + 2) & ~WAIT_WANTED, __ATOMIC_SEQ_CST);
        if (wanted)
                __atomic_fetch_or(&f->page->word, WAIT_WANTED, __ATOMIC_SEQ_CST);
        g_assert_cmpint(syscall(SYS_futex, &f->page->word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0), >=, 0);
}

static bool readable(int fd, int msec) {
        struct pollfd p = { .fd = fd, .events = POLLIN };

        return poll(&p, 1, msec) > 0;
}

bool fake_is_called(struct fake_daemon *f, int msec) {
        return readable(f->listener, msec);
}

static bool try_receive(struct fake_daemon *f, struct handshake *ret, int *fds, size_t *n_fds) {
        char buffer[HANDSHAKE_SIZE_MAX];
        int n;

        g_assert_true(readable(f->connection, FAKE_TIMEOUT_MSEC));
        n = datagram_recv(f->connection, buffer, sizeof(buffer), fds, n_fds, 0);
        if (n <= 0)
                return false;
        g_assert_cmpint(handshake_parse(buffer, (size_t) n, ret), ==, 0);
        return true;
}

static struct handshake receive(struct fake_daemon *f, int *fds, size_t *n_fds) {
        struct handshake h;

        g_assert_true(try_receive(f, &h, fds, n_fds));
        return h;
}

bool fake_receive(struct fake_daemon *f, struct handshake *ret) {
        int fds[DATAGRAM_FDS_MAX];
        size_t n = 0;
        bool received = try_receive(f, ret, fds, &n);

        datagram_close_fds(fds, n);
        return received;
}

struct handshake fake_expect(struct fake_daemon *f, uint32_t keys) {
        struct handshake h;

        g_assert_true(fake_receive(f, &h));
        if ((h.keys & keys) != keys)
                g_error("expected keys %x, got %x, error %" G_GUINT64_FORMAT, keys, h.keys, h.error);
        return h;
}

static bool send_message(struct fake_daemon *f, const struct handshake *h, const int *fds, size_t n) {
        char buffer[HANDSHAKE_SIZE_MAX];
        size_t size = handshake_format(h, buffer, sizeof(buffer));

        return datagram_send(f->connection, buffer, size, fds, n, 0) >= 0;
}

static void forget_definitions(struct fake_daemon *f) {
        if (f->events)
                munmap((void *) f->events, f->events_size);
        f->events = NULL;
}

static void take_definitions(struct fake_daemon *f) {
        struct handshake need = { .keys = HANDSHAKE_NEED }, h;
        struct definitions_reader reader;
        int fds[DATAGRAM_FDS_MAX];
        size_t n = 0;

        g_assert_true(send_message(f, &need, NULL, 0));
        do /* what was announced before comes first */
                h = receive(f, fds, &n);
        while (n == 0 && h.keys & HANDSHAKE_EVENTS);
        g_assert_cmpuint(n, ==, 1);
        g_assert_true(h.keys & HANDSHAKE_EVENTS);
        forget_definitions(f);
        g_assert_cmpint(memfd_map_constant(fds[0], DEFINITIONS_SIZE_MAX, &f->events, &f->events_size), ==, 0);
        g_assert_cmpint(definitions_reader_init(&reader, f->events, f->events_size), ==, 0);
        f->n_events = reader.n_events;
        g_assert_cmpuint(f->n_events, <=, FAKE_EVENTS_MAX);
        f->definitions = h.events;
        datagram_close_fds(fds, n);
}

void fake_done(struct fake_daemon *f) {
        g_autofree char *page = path_of(f, TRACECTL_WAIT_NAME), *path = path_of(f, TRACECTL_REGISTER_NAME);

        fake_hang_up(f);
        forget_definitions(f);
        close(f->listener);
        munmap(f->page, sizeof(*f->page));
        fixture_done(&f->rings);
        unlink(page);
        unlink(path);
        rmdir(f->directory);
        g_free(f->directory);
}

/* Whether there is somebody at the other end who has said something. */
static bool try_accept(struct fake_daemon *f) {
        struct pollfd p = { .events = POLLRDHUP };

        g_assert_true(fake_is_called(f, FAKE_TIMEOUT_MSEC));
        g_assert_cmpint(f->connection, ==, -1);
        f->connection = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC);
        g_assert_cmpint(f->connection, >=, 0);
        p.fd = f->connection;
        if (fake_receive(f, &f->registration) && poll(&p, 1, 0) == 0)
                return true;
        fake_hang_up(f);
        return false;
}

/* On a busy machine a connection may be given up before it is looked at, and made anew. */
void fake_accept(struct fake_daemon *f) {
        const uint32_t keys = HANDSHAKE_REGISTER | HANDSHAKE_EVENTS;

        while (!try_accept(f))
                ;
        g_assert_cmphex(f->registration.keys & keys, ==, keys);
        if (f->registration.events != f->definitions)
                take_definitions(f);
}

void fake_take_events(struct fake_daemon *f) {
        struct handshake h = fake_expect(f, HANDSHAKE_EVENTS);

        g_assert_cmphex(h.events, !=, f->definitions);
        take_definitions(f);
}

/* Where no record of the event could pass, it has no action. */
static void add_actions(struct fake_daemon *f, const struct definition *event, uint32_t number, GArray *actions,
                        GArray *filters, GByteArray *codes) {
        g_autofree char *code = g_malloc(FILTER_CODE_SIZE_MAX);

        for (uint32_t i = 0; i < (f->n_filters ? f->n_filters : 1); i++) {
                struct view_action action = { .event = number, .id = fake_class(f, number) };
                struct view_filter filter = { .offset = codes->len };
                struct filter_program *program;
                struct filter_error error;
                size_t size = 0;

                if (f->n_filters)
                        action.id = fake_class_filtered(f, number, i);
                if (f->n_filters && f->filters[i]) {
                        g_assert_cmpint(filter_compile(f->filters[i], &program, &error), ==, 0);
                        if (filter_bind(&program, 1, event, NULL, code, FILTER_CODE_SIZE_MAX, &size) > 0) {
                                filter.size = (uint32_t) size;
                                g_byte_array_append(codes, (const guint8 *) code, (guint) size);
                                g_array_append_val(filters, filter);
                        }
                        filter_program_unref(program);
                        if (size == 0)
                                continue;
                        action.filter = filters->len;
                }
                g_array_append_val(actions, action);
        }
}

GByteArray *fake_make_view(struct fake_daemon *f, bool on) {
        g_autoptr(GArray) actions = g_array_new(FALSE, FALSE, sizeof(struct view_action));
        g_autoptr(GArray) filters = g_array_new(FALSE, FALSE, sizeof(struct view_filter));
        g_autoptr(GByteArray) codes = g_byte_array_new();
        struct view_header header = { VIEW_MAGIC, VIEW_MAJOR, VIEW_MINOR, sizeof(header), sizeof(struct view_ring),
                                      sizeof(struct view_action), 1, 0, f->n_events, f->definitions, ++f->generation };
        bool locked = f->rings.geometry.flags & RING_LOCKED;
        struct view_ring ring = {
                .flags = (locked ? VIEW_RING_LOCKED : VIEW_RING_SHARED) | f->more_flags,
                .contexts = f->contexts,
        };
        GByteArray *view = g_byte_array_new();
        struct definitions_reader reader;
        struct definition event;

        g_assert_cmpint(definitions_reader_init(&reader, f->events, f->events_size), ==, 0);
        for (uint32_t i = 0; on && definitions_reader_next(&reader, &event) > 0; i++)
                add_actions(f, &event, i, actions, filters, codes);
        header.n_actions = actions->len;
        header.n_filters = filters->len;
        header.filter_size = sizeof(struct view_filter);
        header.total_size = sizeof(header) + sizeof(ring) + actions->len * sizeof(struct view_action) +
                            filters->len * sizeof(struct view_filter);
        for (guint i = 0; i < filters->len; i++)
                g_array_index(filters, struct view_filter, i).offset += (uint32_t) header.total_size;
        header.total_size += codes->len;
        *(locked ? &ring.locked_id : &ring.shared_id) = f->ring_id;
        g_byte_array_append(view, (const guint8 *) &header, sizeof(header));
        g_byte_array_append(view, (const guint8 *) &ring, sizeof(ring));
        g_byte_array_append(view, (const guint8 *) actions->data, actions->len * sizeof(struct view_action));
        g_byte_array_append(view, (const guint8 *) filters->data, filters->len * sizeof(struct view_filter));
        return g_byte_array_append(view, codes->data, codes->len);
}

bool fake_send(struct fake_daemon *f, uint32_t reply, const GByteArray *view) {
        struct handshake h = reply == HANDSHAKE_READY ? f->about : (struct handshake) { 0 };
        int fds[3] = { -1, f->rings.ring_fd, f->rings.positions_fd };
        bool sent;

        h.keys |= reply | HANDSHAKE_GENERATION;
        h.generation = f->generation;
        if (reply == HANDSHAKE_READY) {
                h.keys |= HANDSHAKE_APPLICATION;
                h.application = f->application;
        }
        g_assert_cmpint(memfd_new_constant("view", view->data, view->len, &fds[0]), ==, 0);
        sent = send_message(f, &h, fds, G_N_ELEMENTS(fds));
        close(fds[0]);
        return sent;
}

bool fake_send_inline(struct fake_daemon *f, const GByteArray *view, const int *fds, size_t n_fds) {
        const struct handshake h = { .keys = HANDSHAKE_CONFIG | HANDSHAKE_GENERATION, .generation = f->generation };
        char buffer[HANDSHAKE_SIZE_MAX];
        size_t size = handshake_format(&h, buffer, sizeof(buffer));

        size = handshake_append_view(buffer, sizeof(buffer), size, view->data, view->len);
        g_assert_cmpuint(size, >, 0);
        return datagram_send(f->connection, buffer, size, fds, n_fds, 0) >= 0;
}

bool fake_send_hash(struct fake_daemon *f, uint64_t view) {
        struct handshake h = f->about;

        h.keys |= HANDSHAKE_READY | HANDSHAKE_GENERATION | HANDSHAKE_APPLICATION | HANDSHAKE_VIEW;
        h.generation = f->generation;
        h.application = f->application;
        h.view = view;
        return send_message(f, &h, NULL, 0);
}

bool fake_send_view(struct fake_daemon *f, uint32_t reply, bool on) {
        g_autoptr(GByteArray) view = fake_make_view(f, on);

        return fake_send(f, reply, view);
}

void fake_apply(struct fake_daemon *f, uint32_t reply, bool on) {
        struct handshake h;

        g_assert_true(fake_send_view(f, reply, on));
        h = fake_expect(f, HANDSHAKE_APPLIED);
        g_assert_cmpuint(h.applied, ==, f->generation);
}

void fake_hang_up(struct fake_daemon *f) {
        if (f->connection >= 0)
                close(f->connection);
        f->connection = -1;
}

void fake_refuse(struct fake_daemon *f) {
        fake_hang_up(f);
        fake_accept(f);
        fake_hang_up(f);
}

uint64_t fake_consume(struct fake_daemon *f) {
        uint64_t before = f->reader.events;

        reader_consume(&f->reader);
        return f->reader.events - before;
}

void fake_in_process(void (*func)(void)) {
        int status;
        pid_t pid = fork();

        g_assert_cmpint(pid, >=, 0);
        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                func();
                _exit(0);
        }
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_cmpint(status, ==, 0);
}

/* The thread sanitizer has a thread of its own, which is named as the program. */
static bool is_sanitizers(const char *tid) {
#ifdef __SANITIZE_THREAD__
        g_autofree char *path = g_strdup_printf("/proc/self/task/%s/comm", tid), *name = NULL;

        return g_file_get_contents(path, &name, NULL, NULL) && strcmp(name, "tracectl\n") != 0;
#else
        return false;
#endif
}

unsigned fake_count_helpers(int *ret_tid) {
        DIR *dir = opendir("/proc/self/task");
        unsigned n = 0;

        g_assert_nonnull(dir);
        for (struct dirent *e; (e = readdir(dir));) {
                int tid = atoi(e->d_name);

                if (tid == 0 || tid == getpid() || is_sanitizers(e->d_name))
                        continue;
                if (n++ == 0 && ret_tid)
                        *ret_tid = tid;
        }
        closedir(dir);
        return n;
}

void fake_wait_asleep(int tid, long nr) {
        g_autofree char *path = g_strdup_printf("/proc/%i/syscall", tid);

        for (gint64 until = g_get_monotonic_time() + FAKE_TIMEOUT_MSEC * 1000;;) {
                g_autofree char *text = NULL;

                if (g_file_get_contents(path, &text, NULL, NULL) && strtol(text, NULL, 10) == nr &&
                    g_ascii_isdigit(text[0]))
                        return;
                g_assert_cmpint(g_get_monotonic_time(), <, until);
                sched_yield();
        }
}
