/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/cleanup.h"
#include "common/datagram.h"
#include "common/fd.h"
#include "protocol/handshake.h"
#include "protocol/view.h"
#include "tracer/client.h"
#include "tracer/credentials.h"
#include "tracer/objects.h"
#include "tracer/probe.h"
#include "tracer/retry.h"
#include "tracer/sys.h"

#define SEND_TIMEOUT_MSEC 500

/* Of what we send. Less than what is received may have: each page of a stack that is touched is one more for a process. */
#define SENT_SIZE_MAX 1024
_Static_assert(SENT_SIZE_MAX >= HANDSHAKE_NAME_MAX + HANDSHAKE_EXECUTABLE_MAX + 512, "names and numbers fit");

struct client {
        struct daemon *daemon;
        int socket, wake;
};

static int send_message(struct client *c, const struct handshake *h, const int *fds, size_t n_fds) {
        char buffer[SENT_SIZE_MAX];
        size_t size = handshake_format(h, buffer, sizeof(buffer));

        return datagram_send(c->socket, buffer, size, fds, n_fds, 0);
}

static uint32_t form(struct client *c) {
        c->daemon->asked_locked = __atomic_load_n(&c->daemon->want_locked, __ATOMIC_RELAXED);
        return c->daemon->asked_locked ? HANDSHAKE_FORM_LOCKED : 0;
}

/*
 * Daemons of our own user see it themselves where they need it. To ask takes longer than the rest of the message: the
 * kernel makes files in proc of this process for it. A path that has no room is left out: a part of it would be another
 * one. It is not worth a call that may kill.
 */
static void add_executable(const struct daemon *d, struct handshake *h) {
        char path[HANDSHAKE_EXECUTABLE_MAX + 1];
        long n;

        if (!daemon_is_systems(d) || probe_is_filtered())
                return;
        n = sys_readlink("/proc/self/exe", path, sizeof(path));
        if (n <= 0 || n > HANDSHAKE_EXECUTABLE_MAX)
                return;
        path[n] = '\0';
        handshake_set_executable(h, path);
        h->keys |= HANDSHAKE_EXECUTABLE;
}

/* The first message. A helper makes it before there is a connection: whoever accepts that finds it there. */
struct registration {
        char data[SENT_SIZE_MAX];
        size_t size;
};

static void make_registration(struct client *c, struct registration *ret) {
        struct handshake h = {
                .keys = HANDSHAKE_REGISTER | HANDSHAKE_ABI | HANDSHAKE_NAME | HANDSHAKE_EVENTS | HANDSHAKE_PID |
                        HANDSHAKE_WORD | form(c),
                .abi_major = HANDSHAKE_ABI_MAJOR,
                .abi_minor = HANDSHAKE_ABI_MINOR,
                .events = c->daemon->snapshot->hash,
                .pid = (uint64_t) sys_getpid(),
                .word = sizeof(void *) * 8,
                .resume = c->daemon->application,
        };
        size_t i;

        if (c->daemon->application)
                h.keys |= HANDSHAKE_RESUME;
        if (c->daemon->application && actions_are_in_force(&c->daemon->view, c->daemon->snapshot, &h.view))
                h.keys |= HANDSHAKE_VIEW;
        for (i = 0; i < HANDSHAKE_NAME_MAX && program_invocation_short_name[i]; i++) {
                char byte = program_invocation_short_name[i];

                h.name[i] = byte > ' ' && byte <= '~' ? byte : '?';
        }
        h.name[i] = '\0';
        add_executable(c->daemon, &h);
        ret->size = handshake_format(&h, ret->data, sizeof(ret->data));
}

/* The hash of the definitions, or with a descriptor the definitions themselves. */
static int send_events(struct client *c, const int *fd) {
        struct handshake h = { .keys = HANDSHAKE_EVENTS | form(c), .events = c->daemon->snapshot->hash };

        return send_message(c, &h, fd, fd ? 1 : 0);
}

static int send_definitions(struct client *c) {
        const struct snapshot *s = c->daemon->snapshot;
        _cleanup_close_ int fd = -1;
        int r;

        r = memfd_new_constant("tracectl-definitions", s->definitions, s->definitions_size, &fd);
        if (r < 0)
                return r;
        return send_events(c, &fd);
}

static int take_snapshot(struct daemon *d) {
        struct snapshot *s;
        int r;

        objects_lock();
        r = objects_snapshot(&s);
        if (r >= 0) {
                if (d->snapshot)
                        snapshot_unref(d->snapshot);
                d->snapshot = s;
        }
        objects_unlock();
        return r;
}

/* A message. Its room is free again when it has been parsed, but for a view that is in it. */
struct received {
        char room[HANDSHAKE_SIZE_MAX] __attribute__((aligned(8)));
        int fds[DATAGRAM_FDS_MAX];
        size_t n_fds;
        const char *view; /* NULL: none is in it */
        size_t view_size;
};

/* A view into room where it fits, which most do: a mapping costs a page fault, and interrupts other CPUs when it goes. */
static int load_view(struct received *m, const void **ret_data, size_t *ret_size) {
        uint64_t size;
        int r;

        *ret_data = m->view;
        *ret_size = m->view_size;
        if (m->view)
                return 0;
        r = memfd_check_constant(m->fds[0], VIEW_SIZE_MAX, &size);
        if (r < 0)
                return r;
        if (size > sizeof(m->room))
                return memfd_map_constant(m->fds[0], VIEW_SIZE_MAX, ret_data, ret_size);
        if (pread(m->fds[0], m->room, size, 0) != (ssize_t) size)
                return -EBADMSG;
        *ret_data = m->room;
        *ret_size = size;
        return 0;
}

/* What came of a view. */
enum outcome {
        OUTCOME_APPLIED,
        OUTCOME_STALE,   /* the next one is on its way */
        OUTCOME_NO_RINGS /* it is asked for once more, with them */
};

/* An enum outcome, or -errno: it is refused. */
static int apply_checked(struct daemon *d, const struct view *view, const int *fds) {
        int r;

        /* Made for definitions that have changed since. */
        if (view->header->definitions != d->snapshot->hash)
                return OUTCOME_STALE;
        if (view->header->n_events != d->snapshot->n_definitions)
                return -EBADMSG;
        if (!fds && !actions_have_rings(&d->view, view))
                return OUTCOME_NO_RINGS;
        r = actions_apply(&d->view, view, fds, d->snapshot);
        return r == -ESTALE ? OUTCOME_STALE : r < 0 ? r : OUTCOME_APPLIED;
}

/* Likewise. */
static int apply_view(struct daemon *d, struct received *m) {
        const void *data;
        struct view view;
        size_t size;
        int r;

        r = load_view(m, &data, &size);
        if (r < 0)
                return r;
        r = view_check(data, size, m->view ? VIEW_FDS_KEPT : m->n_fds - 1, &view);
        if (r >= 0)
                r = apply_checked(d, &view, m->view ? NULL : m->fds + 1);
        if (!m->view && data != m->room)
                munmap((void *) data, size);
        return r;
}

static bool is_in_force(const struct daemon *d, uint64_t wanted) {
        uint64_t view;

        return actions_are_in_force(&d->view, d->snapshot, &view) && view == wanted;
}

/* The view has stayed behind: it is asked for, unless the one that we had is still right. */
static int handle_no_view(struct client *c, const struct handshake *h) {
        struct daemon *d = c->daemon;
        bool kept = h->keys & HANDSHAKE_VIEW && is_in_force(d, h->view);
        struct handshake answer = { .keys = HANDSHAKE_GET, .get = h->generation };
        int r;

        if (kept)
                answer = (struct handshake) { .keys = HANDSHAKE_APPLIED, .applied = h->generation };
        r = send_message(c, &answer, NULL, 0);
        if (kept)
                daemon_set_applied(d, d->snapshot->version);
        return r;
}

static int handle_view(struct client *c, const struct handshake *h, struct received *m) {
        struct handshake answer = { .keys = HANDSHAKE_APPLIED, .applied = h->generation };
        int r;

        if (!(h->keys & HANDSHAKE_GENERATION))
                return -EBADMSG;
        if (h->keys & HANDSHAKE_APPLICATION)
                c->daemon->application = h->application;
        if (h->keys & HANDSHAKE_READY)
                contexts_read_process(h, &c->daemon->view.process);
        c->daemon->ready = true;
        __atomic_store_n(&c->daemon->silent, 0, __ATOMIC_RELEASE);
        if (m->n_fds == 0 && !m->view)
                return handle_no_view(c, h);
        r = apply_view(c->daemon, m);
        if (r == OUTCOME_STALE)
                return 0;
        if (r == OUTCOME_NO_RINGS)
                return send_message(c, &(struct handshake) { .keys = HANDSHAKE_GET, .get = h->generation }, NULL, 0);
        if (r < 0) {
                /* Refused is what has gone off as well, and nobody waits for it any longer. */
                actions_clear(&c->daemon->view);
                answer = (struct handshake) {
                        .keys = HANDSHAKE_ERRNO | HANDSHAKE_GENERATION,
                        .error = (uint64_t) -r,
                        .generation = h->generation,
                };
        }
        /* First the answer: whoever waits for us here may use the bus at once. */
        r = send_message(c, &answer, NULL, 0);
        daemon_set_applied(c->daemon, c->daemon->snapshot->version);
        return r;
}

static int parse(struct received *m, size_t size, struct handshake *ret) {
        size_t view;
        int n;

        n = handshake_find_view(m->room, size, &view);
        if (n < 0)
                return n;
        m->view = view < size ? m->room + view : NULL;
        m->view_size = size - view;
        /* Whose rings came with it is not in the message itself. */
        if (m->view && m->n_fds > 0)
                return -EBADMSG;
        return handshake_parse(m->room, (size_t) n, ret);
}

static int handle_message(struct client *c) {
        struct received m;
        struct handshake h;
        int n, r;

        m.n_fds = 0;
        n = datagram_recv(c->socket, m.room, sizeof(m.room), m.fds, &m.n_fds, 0);
        if (n <= 0)
                return n < 0 ? n : -ECONNRESET;
        r = parse(&m, (size_t) n, &h);
        if (r >= 0) {
                if (h.keys & (HANDSHAKE_READY | HANDSHAKE_CONFIG))
                        r = handle_view(c, &h, &m);
                else if (h.keys & HANDSHAKE_NEED)
                        r = send_definitions(c);
        }
        datagram_close_fds(m.fds, m.n_fds);
        return r;
}

void client_drain_wake(int wake) {
        struct signalfd_siginfo info;

        while (read(wake, &info, sizeof(info)) > 0)
                ;
}

/* Tells the daemon what has changed since it was told last. */
static int send_changes(struct client *c) {
        int r;

        if (objects_version() != c->daemon->snapshot->version) {
                r = take_snapshot(c->daemon);
                if (r < 0)
                        return r;
                return send_events(c, NULL);
        }
        if (__atomic_load_n(&c->daemon->want_locked, __ATOMIC_RELAXED) && !c->daemon->asked_locked)
                return send_events(c, NULL);
        return 0;
}

/*
 * Until something comes on either, or this thread's uids have changed. That is done by a signal of the C library's,
 * which it lets nobody block: it would be missed between a look at the uids and the wait. So it is blocked there.
 */
static int wait_for_events(const struct daemon *d, struct pollfd *fds, unsigned n) {
        const uint64_t all = ~UINT64_C(0);
        uint64_t before;
        int r = 0;

        (void) sys_sigmask(&all, &before);
        if (credentials_include(d->uid))
                r = sys_ppoll(fds, n, &before);
        (void) sys_sigmask(&before, NULL);
        return r == -EINTR ? 0 : r;
}

static int converse(struct client *c) {
        struct daemon *d = c->daemon;
        int r = 0;

        while (r >= 0) {
                struct pollfd fds[] = {
                        { .fd = c->socket, .events = POLLIN },
                        { .fd = c->wake, .events = POLLIN },
                };

                r = wait_for_events(d, fds, ARRAY_SIZE(fds));
                if (r < 0)
                        return r;
                if (__atomic_load_n(&d->quit, __ATOMIC_SEQ_CST))
                        return 0;
                pthread_mutex_lock(&d->lock);
                if (!credentials_include(d->uid))
                        r = -EPERM;
                if (r >= 0 && fds[1].revents) {
                        client_drain_wake(c->wake);
                        r = send_changes(c);
                }
                if (r >= 0 && fds[0].revents)
                        r = handle_message(c);
                pthread_mutex_unlock(&d->lock);
        }
        return r;
}

static int set_timeout(int fd, int option, int64_t msec) {
        struct timeval timeout = { .tv_sec = msec / 1000, .tv_usec = msec % 1000 * 1000 };

        /* None at all would be for ever. */
        if (msec <= 0)
                timeout.tv_usec = 1;
        return setsockopt(fd, SOL_SOCKET, option, &timeout, sizeof(timeout)) < 0 ? -errno : 0;
}

static int open_connection(const struct daemon *d, int64_t timeout, int *ret) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = -1;
        int r;

        fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        strcpy(address.sun_path, d->socket);
        r = set_timeout(fd, SO_SNDTIMEO, timeout);
        if (r < 0)
                return r;
        if (connect(fd, (struct sockaddr *) &address, sizeof(address)) < 0)
                return -errno;
        *ret = TAKE_FD(fd);
        return 0;
}

/* Under the lock. */
static int prepare_registration(struct client *c, struct registration *ret) {
        int r;

        if (credentials_hide())
                return -EPERM;
        /* First this: a change that comes in between is seen afterwards. */
        __atomic_store_n(&c->daemon->uid, geteuid(), __ATOMIC_RELEASE);
        r = take_snapshot(c->daemon);
        if (r >= 0)
                make_registration(c, ret);
        return r;
}

static int send_registration(struct client *c, const struct registration *registration) {
        return datagram_send(c->socket, registration->data, registration->size, NULL, 0, 0);
}

int client_connect(struct daemon *d, int64_t deadline) {
        return open_connection(d, deadline - retry_now(), &d->connection);
}

int client_register(struct daemon *d) {
        struct client c = { .daemon = d, .socket = d->connection, .wake = -1 };
        struct registration registration;
        int r;

        r = prepare_registration(&c, &registration);
        return r < 0 ? r : send_registration(&c, &registration);
}

int client_receive_first(struct daemon *d, int64_t deadline) {
        struct client c = { .daemon = d, .socket = d->connection, .wake = -1 };
        uint32_t version = d->snapshot->version;
        int r = 0;

        while (r >= 0 && __atomic_load_n(&d->applied, __ATOMIC_RELAXED) != version) {
                int64_t left = deadline - retry_now();

                if (left <= 0)
                        return -EAGAIN;
                r = set_timeout(c.socket, SO_RCVTIMEO, left);
                if (r >= 0)
                        r = handle_message(&c);
        }
        return r;
}

/* What the starting thread has begun, where it has not abandoned it: the socket. Waits until it hands it over. */
static bool take_over(struct daemon *d, int *ret) {
        bool good;

        if (__atomic_load_n(&d->begun, __ATOMIC_ACQUIRE) == BEGUN_NOTHING)
                return false;
        pthread_mutex_lock(&d->lock);
        *ret = d->connection;
        good = __atomic_exchange_n(&d->begun, BEGUN_NOTHING, __ATOMIC_RELAXED) == BEGUN_TAKEN;
        pthread_mutex_unlock(&d->lock);
        if (!good)
                closep(ret);
        return good;
}

/* Who changed something since the starting thread registered, and before this one could be woken, has woken nobody. */
static int catch_up(struct client *c) {
        int r;

        if (daemons_are_ending())
                return 0;
        pthread_mutex_lock(&c->daemon->lock);
        r = send_changes(c);
        pthread_mutex_unlock(&c->daemon->lock);
        return r;
}

/* Connects, which may take its time, without the lock. */
static int register_anew(struct client *c, int *ret) {
        struct registration registration;
        int r;

        pthread_mutex_lock(&c->daemon->lock);
        r = prepare_registration(c, &registration);
        pthread_mutex_unlock(&c->daemon->lock);
        if (r >= 0)
                r = open_connection(c->daemon, SEND_TIMEOUT_MSEC, ret);
        if (r < 0)
                return r;
        c->socket = *ret;
        return send_registration(c, &registration);
}

int client_talk(struct daemon *d, int wake, bool *ret_ready) {
        struct client c = { .daemon = d, .wake = wake };
        _cleanup_close_ int fd = -1;
        int r;

        if (take_over(d, &fd)) {
                c.socket = fd;
                r = catch_up(&c);
        } else {
                r = register_anew(&c, &fd);
        }
        if (r >= 0)
                r = converse(&c);
        pthread_mutex_lock(&d->lock);
        *ret_ready = d->ready;
        d->ready = false;
        pthread_mutex_unlock(&d->lock);
        return r;
}
