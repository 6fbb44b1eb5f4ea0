/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "common/datagram.h"
#include "common/fd.h"
#include "service/unit/sender-internal.h"

/* A consumer that leaves this much untaken has failed. */
#define WAITING_BYTES_MAX (UINT64_C(64) << 20)
#define WAITING_MESSAGES_MAX 16384

void sender_drop(struct sender *s, struct messages *list, struct message *m) {
        if (m == s->next_describing)
                s->next_describing = TAILQ_NEXT(m, entries);
        if (m == s->next_asking)
                s->next_asking = TAILQ_NEXT(m, entries);
        if (!m->left) {
                s->n_waiting--;
                s->n_waiting_bytes -= m->body->header.size;
        }
        if (m->body->header.type == CONSUMER_RELEASE)
                s->n_releases--;
        TAILQ_REMOVE(list, m, entries);
        ledger_drop(s->keep.ledger, &m->entry);
        message_free(m);
}

void sender_drop_all(struct sender *s) {
        while (!TAILQ_EMPTY(&s->describing))
                sender_drop(s, &s->describing, TAILQ_FIRST(&s->describing));
        while (!TAILQ_EMPTY(&s->asking))
                sender_drop(s, &s->asking, TAILQ_FIRST(&s->asking));
}

static struct sender *sender_free(struct sender *s) {
        sender_drop_all(s);
        fd_store_remove(s->keep.store, &s->status_stored);
        if (s->status)
                munmap(s->status, sizeof(*s->status));
        closep(&s->fd);
        closep(&s->status_fd);
        closep(&s->event_fd);
        pthread_mutex_destroy(&s->lock);
        free(s->problem);
        free(s);
        return NULL;
}

struct sender *sender_ref(struct sender *s) {
        atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
        return s;
}

struct sender *sender_unref(struct sender *s) {
        if (s && atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1)
                sender_free(s);
        return NULL;
}

int sender_map_status(struct sender *s) {
        void *p;

        p = mmap(NULL, sizeof(*s->status), PROT_READ | PROT_WRITE, MAP_SHARED, s->status_fd, 0);
        if (p == MAP_FAILED)
                return -errno;
        s->status = p;
        return 0;
}

static int make_status(struct sender *s) {
        int r;

        r = memfd_new_shared("tracectl-status", sizeof(*s->status), &s->status_fd);
        if (r < 0)
                return r;
        r = sender_map_status(s);
        if (r < 0)
                return r;
        s->status_stored = fd_store_add(s->keep.store, s->status_fd, FD_STORE_SESSION);
        s->status->magic = CONSUMER_STATUS_MAGIC;
        s->status->major = CONSUMER_STATUS_MAJOR;
        s->status->minor = CONSUMER_STATUS_MINOR;
        s->status->notice_at = UINT64_MAX;
        return 0;
}

int sender_make(const struct keep *keep, bool resumable, struct sender **ret) {
        _cleanup_(sender_unrefp) struct sender *s = NULL;
        const struct sender initial = {
                .refs = 1,
                .resumable = resumable,
                .keep = *keep,
                .away = resumable,
                .fd = -1,
                .status_fd = -1,
                .event_fd = -1,
        };

        s = malloc(sizeof(*s));
        if (!s)
                return -ENOMEM;
        memcpy(s, &initial, sizeof(*s));
        TAILQ_INIT(&s->describing);
        TAILQ_INIT(&s->asking);
        LIST_INIT(&s->definitions);
        pthread_mutex_init(&s->lock, NULL);
        s->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (s->event_fd < 0)
                return -errno;
        *ret = TAKE_PTR(s);
        return 0;
}

static int new(const struct keep *keep, bool resumable, struct sender **ret) {
        _cleanup_(sender_unrefp) struct sender *s = NULL;
        int r;

        r = sender_make(keep, resumable, &s);
        if (r < 0)
                return r;
        r = make_status(s);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

int sender_new(int fd, struct sender **ret) {
        const struct keep nowhere = { 0 };
        int r;

        r = new(&nowhere, false, ret);
        if (r >= 0)
                (*ret)->fd = fd;
        return r;
}

int sender_new_resumable(const struct keep *keep, struct sender **ret) {
        return new(keep, true, ret);
}

void sender_poke_main_loop(struct sender *s) {
        (void) eventfd_write(s->event_fd, 1);
}

/* The consumer sleeps on this word and on those of its rings, not on the socket. */
void sender_wake_consumer(struct sender *s) {
        __atomic_add_fetch(&s->status->wake, 1, __ATOMIC_SEQ_CST);
        syscall(SYS_futex, &s->status->wake, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* 1 when it has left, 0 when it has to wait, -EPIPE. */
static int send_now(struct sender *s, const struct consumer_header *header, const int *fds, size_t n_fds) {
        int r;

        r = datagram_send(s->fd, header, header->size, fds, n_fds, MSG_DONTWAIT);
        if (r == -EAGAIN || r == -ENOBUFS || r == -ETOOMANYREFS)
                return 0;
        if (r < 0) {
                /* The main loop finds the end of the connection behind the last answers. */
                s->away = s->resumable;
                s->broken = !s->resumable;
                return -EPIPE;
        }
        sender_wake_consumer(s);
        return 1;
}

/* Pairs with the acquire in sender_has_sent(): who sees the serial may let an application use what was announced. */
static void has_left(struct sender *s, uint64_t serial) {
        if (serial > atomic_load_explicit(&s->sent, memory_order_relaxed))
                atomic_store_explicit(&s->sent, serial, memory_order_release);
}

static int send_kept(struct sender *s, struct message *m) {
        bool describes = message_describes(m);
        int fds[MESSAGE_FDS_MAX], r;

        for (size_t i = 0; i < m->n_files; i++)
                fds[i] = m->files[i]->fd;
        r = send_now(s, &m->body->header, fds, m->n_files);
        if (r <= 0)
                return r;
        if (describes)
                s->next_describing = TAILQ_NEXT(m, entries);
        else
                s->next_asking = TAILQ_NEXT(m, entries);
        if (!m->left) {
                m->left = true;
                s->n_waiting--;
                s->n_waiting_bytes -= m->body->header.size;
        }
        has_left(s, m->body->header.serial);
        if (!s->resumable || m->body->header.type == CONSUMER_RESUMED)
                sender_drop(s, describes ? &s->describing : &s->asking, m);
        return 1;
}

static struct message *next_message(const struct sender *s) {
        return s->next_describing ?: s->next_asking;
}

static int drain_locked(struct sender *s) {
        struct message *m;

        while ((m = next_message(s))) {
                int r = s->broken || s->away ? -EPIPE : send_kept(s, m);

                if (r <= 0)
                        return r;
        }
        if (s->hanging_up && !s->away && !s->broken) {
                /* Not close(): that would throw away acknowledgements that are still to come. */
                shutdown(s->fd, SHUT_WR);
                sender_wake_consumer(s);
        }
        return s->broken || s->away ? -EPIPE : 1;
}

void sender_append(struct sender *s, struct message *m) {
        if (message_describes(m)) {
                TAILQ_INSERT_TAIL(&s->describing, m, entries);
                if (!s->next_describing)
                        s->next_describing = m;
        } else {
                TAILQ_INSERT_TAIL(&s->asking, m, entries);
                if (!s->next_asking)
                        s->next_asking = m;
        }
        if (m->body->header.type == CONSUMER_RELEASE)
                s->n_releases++;
        s->n_waiting++;
        s->n_waiting_bytes += m->body->header.size;
}

static int keep(struct sender *s, const struct consumer_header *header, const int *fds, size_t n_fds,
                const struct iovec *more) {
        struct message *m;
        int r;

        if (s->n_waiting >= WAITING_MESSAGES_MAX || s->n_waiting_bytes + header->size > WAITING_BYTES_MAX)
                return -ENOBUFS;
        r = message_new(header, fds, n_fds, &s->definitions, &m);
        if (r < 0)
                return r;
        r = sender_put(s, m, more);
        if (r < 0) {
                message_free(m);
                return r;
        }
        sender_append(s, m);
        return 0;
}

void sender_note_told(struct sender *s, const struct consumer_header *header) {
        if (!message_type_is_told(header->type))
                return;
        atomic_store(&s->described, header->serial);
        if (header->type == CONSUMER_RING_FILES)
                atomic_store(&s->has_files, true);
}

static int send_locked(struct sender *s, struct consumer_header *header, const int *fds, size_t n_fds,
                       const struct iovec *more) {
        int r = 0;

        if (s->broken || s->hanging_up)
                return -EPIPE;
        header->serial = s->serial + 1;
        if (!s->resumable && !next_message(s))
                r = send_now(s, header, fds, n_fds);
        if (r < 0)
                return r;
        if (r > 0)
                has_left(s, header->serial);
        else {
                r = keep(s, header, fds, n_fds, more);
                if (r < 0)
                        return r;
        }
        s->serial++;
        sender_note_told(s, header);
        if (header->type == CONSUMER_OUTPUT)
                s->output_serial = header->serial;
        else if (header->type == CONSUMER_SESSION)
                s->session_serial = header->serial;
        /* Where the consumer has just died, its successor gets it. */
        if (s->resumable)
                (void) drain_locked(s);
        return 0;
}

int sender_send(struct sender *s, struct consumer_header *header, const int *fds, size_t n_fds, uint64_t *ret_serial) {
        return sender_send_with(s, header, fds, n_fds, NULL, ret_serial);
}

int sender_send_with(struct sender *s, struct consumer_header *header, const int *fds, size_t n_fds,
                     const struct iovec *more, uint64_t *ret_serial) {
        bool poke;
        int r;

        pthread_mutex_lock(&s->lock);
        r = send_locked(s, header, fds, n_fds, more);
        poke = r < 0 || next_message(s);
        pthread_mutex_unlock(&s->lock);
        if (poke)
                sender_poke_main_loop(s);
        if (r < 0)
                return r;
        *ret_serial = header->serial;
        return 0;
}

bool sender_has_sent(const struct sender *s, uint64_t serial) {
        return atomic_load_explicit(&s->sent, memory_order_acquire) >= serial;
}

bool sender_has_done(const struct sender *s, uint64_t serial) {
        return atomic_load_explicit(&s->done, memory_order_acquire) >= serial;
}

bool sender_note_done(struct sender *s, uint64_t serial) {
        uint64_t done = atomic_load_explicit(&s->done, memory_order_relaxed);

        if (serial > done)
                atomic_store_explicit(&s->done, done = serial, memory_order_release);
        return atomic_load(&s->has_files) && done >= atomic_load(&s->described);
}

void sender_report(struct sender *s, const char *problem) {
        pthread_mutex_lock(&s->lock);
        if (!s->problem)
                s->problem = strdup(problem);
        pthread_mutex_unlock(&s->lock);
        sender_poke_main_loop(s);
}

int sender_event_fd(const struct sender *s) {
        return s->event_fd;
}

int sender_drain(struct sender *s) {
        eventfd_t n;
        int r;

        (void) eventfd_read(s->event_fd, &n);
        pthread_mutex_lock(&s->lock);
        r = drain_locked(s);
        pthread_mutex_unlock(&s->lock);
        return r;
}

char *sender_take_problem(struct sender *s) {
        char *text;

        pthread_mutex_lock(&s->lock);
        text = TAKE_PTR(s->problem);
        pthread_mutex_unlock(&s->lock);
        return text;
}

void sender_hang_up(struct sender *s) {
        pthread_mutex_lock(&s->lock);
        s->hanging_up = true;
        (void) drain_locked(s);
        pthread_mutex_unlock(&s->lock);
}

int sender_fd(const struct sender *s) {
        return s->fd;
}

int sender_status_fd(const struct sender *s) {
        return s->status_fd;
}

const struct keep *sender_keep(const struct sender *s) {
        return &s->keep;
}

void sender_set_notice(struct sender *s, uint64_t bytes) {
        __atomic_store_n(&s->status->notice_at, bytes, __ATOMIC_RELAXED);
}

struct consumer_status sender_status(const struct sender *s) {
        struct consumer_status now = { 0 };

        now.output_error = __atomic_load_n(&s->status->output_error, __ATOMIC_RELAXED);
        now.output_failure = __atomic_load_n(&s->status->output_failure, __ATOMIC_RELAXED);
        now.events = __atomic_load_n(&s->status->events, __ATOMIC_RELAXED);
        now.lost_ring = __atomic_load_n(&s->status->lost_ring, __ATOMIC_RELAXED);
        now.lost_output = __atomic_load_n(&s->status->lost_output, __ATOMIC_RELAXED);
        now.lost_overwrite = __atomic_load_n(&s->status->lost_overwrite, __ATOMIC_RELAXED);
        now.lost_garbage = __atomic_load_n(&s->status->lost_garbage, __ATOMIC_RELAXED);
        now.packets = __atomic_load_n(&s->status->packets, __ATOMIC_RELAXED);
        now.bytes = __atomic_load_n(&s->status->bytes, __ATOMIC_RELAXED);
        now.chunks_removed = __atomic_load_n(&s->status->chunks_removed, __ATOMIC_RELAXED);
        return now;
}
