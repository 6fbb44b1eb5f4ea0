/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
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
#include "service/unit/sender.h"

/* A consumer that leaves this much untaken has failed. */
#define QUEUE_BYTES_MAX (UINT64_C(64) << 20)
#define QUEUE_MESSAGES_MAX 4096

#define MESSAGE_FDS_MAX 2

struct message {
        struct message *next;
        size_t size;
        size_t n_fds;
        int fds[MESSAGE_FDS_MAX];
        char data[] __attribute__((aligned(8)));
};

struct sender {
        atomic_uint refs;
        int fd, status_fd, event_fd;
        struct consumer_status *status;
        atomic_uint_least64_t sent; /* serial of the newest message that left */

        /* Held for one sendmsg() that does not wait, never while another lock is taken. */
        pthread_mutex_t lock;
        struct message *first, **last;
        size_t n_messages, n_bytes;
        uint64_t serial;
        bool broken, hanging_up;
        char *problem;
};

static void message_free(struct message *m) {
        datagram_close_fds(m->fds, m->n_fds);
        free(m);
}

DEFINE_CLEANUP(struct message *, message_free)

static struct sender *sender_free(struct sender *s) {
        while (s->first) {
                struct message *m = s->first;

                s->first = m->next;
                message_free(m);
        }
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

static int make_status(struct sender *s) {
        void *p;
        int r;

        r = memfd_new_shared("tracectl-status", sizeof(*s->status), &s->status_fd);
        if (r < 0)
                return r;
        p = mmap(NULL, sizeof(*s->status), PROT_READ | PROT_WRITE, MAP_SHARED, s->status_fd, 0);
        if (p == MAP_FAILED)
                return -errno;
        s->status = p;
        s->status->magic = CONSUMER_STATUS_MAGIC;
        s->status->major = 1;
        s->status->minor = 0;
        return 0;
}

int sender_new(int fd, struct sender **ret) {
        _cleanup_(sender_unrefp) struct sender *s = NULL;
        int r;

        s = malloc(sizeof(*s));
        if (!s)
                return -ENOMEM;
        *s = (struct sender) { .refs = 1, .fd = -1, .status_fd = -1, .event_fd = -1 };
        s->last = &s->first;
        pthread_mutex_init(&s->lock, NULL);
        s->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (s->event_fd < 0)
                return -errno;
        r = make_status(s);
        if (r < 0)
                return r;
        s->fd = fd;
        *ret = TAKE_PTR(s);
        return 0;
}

static void poke_main_loop(struct sender *s) {
        (void) eventfd_write(s->event_fd, 1);
}

/* The consumer sleeps on this word and on those of its rings, not on the socket. */
static void wake_consumer(struct sender *s) {
        __atomic_add_fetch(&s->status->wake, 1, __ATOMIC_SEQ_CST);
        syscall(SYS_futex, &s->status->wake, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static int send_now(struct sender *s, const void *data, size_t size, const int *fds, size_t n_fds) {
        const struct consumer_header *header = data;
        int r;

        r = datagram_send(s->fd, data, size, fds, n_fds, MSG_DONTWAIT);
        if (r == -EAGAIN || r == -ENOBUFS || r == -ETOOMANYREFS)
                return 0;
        if (r < 0) {
                s->broken = true;
                return -EPIPE;
        }
        atomic_store_explicit(&s->sent, header->serial, memory_order_release);
        wake_consumer(s);
        return 1;
}

static int enqueue(struct sender *s, const struct consumer_header *header, const int *fds, size_t n_fds) {
        _cleanup_(message_freep) struct message *m = NULL;

        if (s->n_messages >= QUEUE_MESSAGES_MAX || s->n_bytes + header->size > QUEUE_BYTES_MAX)
                return -ENOBUFS;
        m = malloc(sizeof(*m) + header->size);
        if (!m)
                return -ENOMEM;
        m->next = NULL;
        m->size = header->size;
        m->n_fds = 0;
        memcpy(m->data, header, header->size);
        for (size_t i = 0; i < n_fds; i++) {
                int copy = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);

                if (copy < 0)
                        return -errno;
                m->fds[m->n_fds++] = copy;
        }
        s->n_messages++;
        s->n_bytes += m->size;
        *s->last = m;
        s->last = &m->next;
        m = NULL;
        return 0;
}

static int send_locked(struct sender *s, struct consumer_header *header, const int *fds, size_t n_fds) {
        int r = 0;

        if (s->broken || s->hanging_up)
                return -EPIPE;
        header->serial = s->serial + 1;
        if (!s->first)
                r = send_now(s, header, header->size, fds, n_fds);
        if (r == 0)
                r = enqueue(s, header, fds, n_fds);
        if (r < 0)
                return r;
        s->serial++;
        return 0;
}

int sender_send(struct sender *s, struct consumer_header *header, const int *fds, size_t n_fds, uint64_t *ret_serial) {
        bool poke;
        int r;

        pthread_mutex_lock(&s->lock);
        r = send_locked(s, header, fds, n_fds);
        poke = r < 0 || s->first;
        pthread_mutex_unlock(&s->lock);
        if (poke)
                poke_main_loop(s);
        if (r < 0)
                return r;
        *ret_serial = header->serial;
        return 0;
}

bool sender_has_sent(const struct sender *s, uint64_t serial) {
        return atomic_load_explicit(&s->sent, memory_order_acquire) >= serial;
}

void sender_report(struct sender *s, const char *problem) {
        pthread_mutex_lock(&s->lock);
        if (!s->problem)
                s->problem = strdup(problem);
        pthread_mutex_unlock(&s->lock);
        poke_main_loop(s);
}

int sender_event_fd(const struct sender *s) {
        return s->event_fd;
}

static int drain_locked(struct sender *s) {
        while (s->first) {
                struct message *m = s->first;
                int r = s->broken ? -EPIPE : send_now(s, m->data, m->size, m->fds, m->n_fds);

                if (r <= 0)
                        return r;
                s->first = m->next;
                if (!s->first)
                        s->last = &s->first;
                s->n_messages--;
                s->n_bytes -= m->size;
                message_free(m);
        }
        if (s->hanging_up) {
                /* Not close(): that would throw away acknowledgements that are still to come. */
                shutdown(s->fd, SHUT_WR);
                wake_consumer(s);
        }
        return s->broken ? -EPIPE : 1;
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
        return now;
}
