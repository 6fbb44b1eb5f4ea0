/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <linux/close_range.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
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
#include "tracer/actions.h"
#include "tracer/client.h"
#include "tracer/objects.h"
#include "tracer/sys.h"

#define SEND_TIMEOUT_MSEC 500
#define RETRY_FIRST_MSEC 10
#define RETRY_LAST_MSEC 1000
#define RETRIES 14 /* about 10 s */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Too large for the helper's stack, and needed once. */
static struct {
        struct snapshot snapshot;
        struct applied applied;
        uint32_t version; /* objects_version() of the snapshot */
        uint64_t application; /* 0 before the first READY */
} state;

struct client {
        int socket, wake;
        const uint32_t *want_locked;
        bool asked_locked;
        const struct client_callbacks *callbacks;
};

void client_lock(void) {
        pthread_mutex_lock(&lock);
}

void client_unlock(void) {
        pthread_mutex_unlock(&lock);
}

void client_reset(void) {
        pthread_mutex_init(&lock, NULL);
        actions_forget(&state.applied);
        state.application = 0;
}

static int send_message(struct client *c, const struct handshake *h, const int *fds, size_t n_fds) {
        char buffer[HANDSHAKE_SIZE_MAX];
        size_t size = handshake_format(h, buffer, sizeof(buffer));

        return datagram_send(c->socket, buffer, size, fds, n_fds, 0);
}

static uint32_t form(struct client *c) {
        c->asked_locked = __atomic_load_n(c->want_locked, __ATOMIC_RELAXED);
        return c->asked_locked ? HANDSHAKE_FORM_LOCKED : 0;
}

static int send_register(struct client *c) {
        struct handshake h = {
                .keys = HANDSHAKE_REGISTER | HANDSHAKE_ABI | HANDSHAKE_NAME | HANDSHAKE_EVENTS | HANDSHAKE_PID |
                        HANDSHAKE_WORD | form(c),
                .abi_major = HANDSHAKE_ABI_MAJOR,
                .abi_minor = HANDSHAKE_ABI_MINOR,
                .events = state.snapshot.hash,
                .pid = (uint64_t) sys_getpid(),
                .word = sizeof(void *) * 8,
                .resume = state.application,
        };
        size_t i;

        if (state.application)
                h.keys |= HANDSHAKE_RESUME;
        for (i = 0; i < HANDSHAKE_NAME_MAX && program_invocation_short_name[i]; i++) {
                char byte = program_invocation_short_name[i];

                h.name[i] = byte > ' ' && byte <= '~' ? byte : '?';
        }
        h.name[i] = '\0';
        return send_message(c, &h, NULL, 0);
}

/* The hash of the definitions, or with a descriptor the definitions themselves. */
static int send_events(struct client *c, const int *fd) {
        struct handshake h = { .keys = HANDSHAKE_EVENTS | form(c), .events = state.snapshot.hash };

        return send_message(c, &h, fd, fd ? 1 : 0);
}

static int send_definitions(struct client *c) {
        _cleanup_close_ int fd = -1;
        int r;

        r = memfd_new_constant("tracectl-definitions", state.snapshot.definitions, state.snapshot.definitions_size,
                               &fd);
        if (r < 0)
                return r;
        return send_events(c, &fd);
}

static int take_snapshot(void) {
        int r;

        objects_lock();
        r = objects_snapshot(&state.snapshot);
        if (r >= 0)
                state.version = objects_version();
        objects_unlock();
        return r;
}

static int apply_view(struct client *c, const int *fds, size_t n_fds, bool *ret_stale) {
        const void *data;
        struct view view;
        size_t size;
        int r;

        r = memfd_map_constant(fds[0], VIEW_SIZE_MAX, &data, &size);
        if (r < 0)
                return r;
        r = view_check(data, size, n_fds - 1, &view);
        if (r >= 0) {
                /* Made for definitions that have changed since? Then the next one is on its way. */
                *ret_stale = view.header->definitions != state.snapshot.hash;
                if (!*ret_stale && view.header->n_events != state.snapshot.n_definitions)
                        r = -EBADMSG;
                else if (!*ret_stale)
                        r = actions_apply(&state.applied, &view, fds + 1, &state.snapshot);
        }
        munmap((void *) data, size);
        return r;
}

static int handle_view(struct client *c, const struct handshake *h, const int *fds, size_t n_fds) {
        struct handshake answer = { .keys = HANDSHAKE_APPLIED, .applied = h->generation };
        bool stale = false;
        int r;

        if (!(h->keys & HANDSHAKE_GENERATION))
                return -EBADMSG;
        if (h->keys & HANDSHAKE_APPLICATION)
                state.application = h->application;
        if (n_fds == 0) {
                answer = (struct handshake) { .keys = HANDSHAKE_GET, .get = h->generation };
                return send_message(c, &answer, NULL, 0);
        }
        r = apply_view(c, fds, n_fds, &stale);
        if (stale)
                return 0;
        if (r < 0) {
                answer.keys = HANDSHAKE_ERRNO;
                answer.error = (uint64_t) -r;
        }
        /* First the answer: whoever waits for us here may use the bus at once. */
        r = send_message(c, &answer, NULL, 0);
        c->callbacks->applied(state.version);
        return r;
}

static int handle_message(struct client *c) {
        char buffer[HANDSHAKE_SIZE_MAX];
        int fds[DATAGRAM_FDS_MAX];
        struct handshake h;
        size_t n_fds = 0;
        int n, r;

        n = datagram_recv(c->socket, buffer, sizeof(buffer), fds, &n_fds, 0);
        if (n <= 0)
                return n < 0 ? n : -ECONNRESET;
        r = handshake_parse(buffer, (size_t) n, &h);
        if (r >= 0) {
                if (h.keys & (HANDSHAKE_READY | HANDSHAKE_CONFIG))
                        r = handle_view(c, &h, fds, n_fds);
                else if (h.keys & HANDSHAKE_NEED)
                        r = send_definitions(c);
        }
        datagram_close_fds(fds, n_fds);
        return r;
}

static int handle_wake(struct client *c) {
        struct signalfd_siginfo info;
        int r;

        while (read(c->wake, &info, sizeof(info)) > 0)
                ;
        if (objects_version() != state.version) {
                r = take_snapshot();
                if (r < 0)
                        return r;
                return send_events(c, NULL);
        }
        if (__atomic_load_n(c->want_locked, __ATOMIC_RELAXED) && !c->asked_locked)
                return send_events(c, NULL);
        return 0;
}

/* Talks until the other side hangs up, breaks the form, or *quit is set. */
static int converse(struct client *c, const uint32_t *quit) {
        int r;

        client_lock();
        r = take_snapshot();
        if (r >= 0)
                r = send_register(c);
        client_unlock();
        while (r >= 0) {
                struct pollfd fds[] = {
                        { .fd = c->socket, .events = POLLIN },
                        { .fd = c->wake, .events = POLLIN },
                };

                if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
                        return -errno;
                if (__atomic_load_n(quit, __ATOMIC_ACQUIRE))
                        return 0;
                client_lock();
                if (fds[1].revents)
                        r = handle_wake(c);
                if (r >= 0 && fds[0].revents)
                        r = handle_message(c);
                client_unlock();
        }
        return r;
}

static int open_connection(const char *path, int *ret) {
        struct timeval timeout = { .tv_usec = SEND_TIMEOUT_MSEC * 1000 };
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = -1;

        fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
        if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0 ||
            connect(fd, (struct sockaddr *) &address, sizeof(address)) < 0)
                return -errno;
        *ret = TAKE_FD(fd);
        return 0;
}

/* A wait that grows and differs between processes, so that a storm of them spreads. Ends early on a wake-up. */
static void pause_before_retry(int wake, unsigned attempt) {
        unsigned msec = RETRY_FIRST_MSEC << (attempt < 7 ? attempt : 7);
        struct pollfd fd = { .fd = wake, .events = POLLIN };

        if (msec > RETRY_LAST_MSEC)
                msec = RETRY_LAST_MSEC;
        msec += (unsigned) sys_gettid() % (msec / 2 + 1);
        (void) poll(&fd, 1, (int) msec);
}

/*
 * Connects. Before the first registration, only a full backlog is worth another
 * try: where nobody listens, nobody wants us. Later a restart is.
 */
static int connect_patiently(const char *path, int wake, const uint32_t *quit, int *ret) {
        for (unsigned attempt = 0;; attempt++) {
                int r = open_connection(path, ret);

                if (r >= 0 || (r != -EAGAIN && state.application == 0) || attempt == RETRIES ||
                    __atomic_load_n(quit, __ATOMIC_ACQUIRE))
                        return r;
                pause_before_retry(wake, attempt);
        }
}

static int open_wake(int signal) {
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, signal);
        return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

void client_run(const char *path, int wake_signal, const uint32_t *quit, const uint32_t *want_locked,
                const struct client_callbacks *callbacks) {
        _cleanup_close_ int wake = -1;

        /* From here on this thread has a table of descriptors of its own, empty. */
        if (close_range(0, ~0U, CLOSE_RANGE_UNSHARE) < 0)
                return;
        wake = open_wake(wake_signal);
        while (wake >= 0 && !__atomic_load_n(quit, __ATOMIC_ACQUIRE)) {
                _cleanup_close_ int fd = -1;
                struct client c = { .wake = wake, .want_locked = want_locked, .callbacks = callbacks };

                if (connect_patiently(path, wake, quit, &fd) < 0)
                        break;
                c.socket = fd;
                if (converse(&c, quit) >= 0)
                        return;
                if (state.application == 0) /* refused */
                        break;
        }
        client_lock();
        if (!__atomic_load_n(quit, __ATOMIC_ACQUIRE))
                actions_clear(&state.applied, &state.snapshot);
        client_unlock();
}
