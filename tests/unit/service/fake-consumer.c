/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "fake-consumer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fixture.h"

/* A thread that answers every message and keeps it. */
struct fake_consumer {
        struct fixture *fixture;
        GThread *thread;
        int fd, die_fd, resume_fd;
        GMutex lock;
        GCond changed;
        GQueue messages;
        bool hung_up;
        struct consumer_status *status;
};

void fake_message_free(struct fake_message *m) {
        datagram_close_fds(m->fds, m->n_fds);
        g_free(m);
}

/* What the real one tells: a directory's path, or a state directory that this one has made up. */
static const char *opened_path(struct fake_consumer *c, const struct consumer_output *output) {
        if (output->kind == CONSUMER_OUTPUT_DIRECTORY)
                return output->path;
        return output->kind == CONSUMER_OUTPUT_STATE ? c->fixture->output : "";
}

void fake_consumer_answer(struct fake_consumer *c, const struct fake_message *m, int error) {
        bool is_output = m->header.type == CONSUMER_OUTPUT;
        struct consumer_output_ack ack = {
                .ack = {
                        .header = {
                                .type = CONSUMER_ACK,
                                .size = is_output ? sizeof(ack) : sizeof(ack.ack),
                                .serial = m->header.serial,
                        },
                        .error = error,
                },
        };

        if (is_output && error == 0)
                snprintf(ack.path, sizeof(ack.path), "%s", opened_path(c, &m->output));
        (void) datagram_send(c->fd, &ack, ack.ack.header.size, NULL, 0, 0);
}

void fake_consumer_notice(struct fake_consumer *c) {
        const struct consumer_ack notice = { .header = { .type = CONSUMER_NOTICE, .size = sizeof(notice) } };

        (void) datagram_send(c->fd, &notice, sizeof(notice), NULL, 0, 0);
}

static void keep(struct fake_consumer *c, struct fake_message *m) {
        int error = 0;

        if (m->header.type == CONSUMER_SESSION) {
                g_assert_cmpuint(m->n_fds, ==, 1);
                c->status = mmap(NULL, sizeof(*c->status), PROT_READ | PROT_WRITE, MAP_SHARED, m->fds[0], 0);
                g_assert_true(c->status != MAP_FAILED);
        }
        if ((int) m->header.type == g_atomic_int_get(&c->fixture->answer_type))
                error = g_atomic_int_get(&c->fixture->answer_error);
        /* -1: not now. */
        if (error >= 0)
                fake_consumer_answer(c, m, error);
        g_queue_push_tail(&c->messages, m);
        g_cond_broadcast(&c->changed);
}

static bool read_message(struct fake_consumer *c) {
        struct fake_message *m = g_new0(struct fake_message, 1);
        int n = datagram_recv(c->fd, m->bytes, sizeof(m->bytes), m->fds, &m->n_fds, 0);

        if (n <= 0) {
                g_free(m);
                return false;
        }
        g_assert_cmpuint(m->header.size, ==, (unsigned) n);
        g_mutex_lock(&c->lock);
        keep(c, m);
        g_mutex_unlock(&c->lock);
        return true;
}

static gpointer consume(gpointer userdata) {
        struct fake_consumer *c = userdata;
        for (;;) {
                struct pollfd fds[] = {
                        { .fd = c->fd, .events = POLLIN },
                        { .fd = c->die_fd, .events = POLLIN },
                };

                eventfd_t n;

                if (g_atomic_int_get(&c->fixture->paused))
                        g_assert_no_errno(eventfd_read(c->resume_fd, &n));
                g_assert_no_errno(poll(fds, G_N_ELEMENTS(fds), -1));
                if (fds[1].revents || !read_message(c))
                        break;
        }
        close(c->fd);
        g_mutex_lock(&c->lock);
        c->hung_up = true;
        g_cond_broadcast(&c->changed);
        g_mutex_unlock(&c->lock);
        return NULL;
}

int fake_consumer_start(int socket, void *userdata, int *ret_pidfd) {
        struct fixture *f = userdata;
        struct fake_consumer *c;

        if (f->refuse_start)
                return -ENOENT;
        c = g_new0(struct fake_consumer, 1);
        c->fixture = f;
        c->fd = fcntl(socket, F_DUPFD_CLOEXEC, 3);
        c->die_fd = eventfd(0, EFD_CLOEXEC);
        c->resume_fd = eventfd(0, EFD_CLOEXEC);
        g_mutex_init(&c->lock);
        g_cond_init(&c->changed);
        g_queue_init(&c->messages);
        c->thread = g_thread_new("consumer", consume, c);
        g_ptr_array_add(f->all_consumers, c);
        g_async_queue_push(f->consumers, c);
        return 0;
}

struct fake_consumer *fake_consumer_next(struct fixture *f) {
        struct fake_consumer *c = g_async_queue_timeout_pop(f->consumers, WAIT_SECONDS * G_USEC_PER_SEC);

        g_assert_nonnull(c);
        return c;
}

static struct fake_message *take(struct fake_consumer *c, enum consumer_type type) {
        for (GList *l = c->messages.head; l; l = l->next) {
                struct fake_message *m = l->data;

                if (m->header.type == type) {
                        g_queue_delete_link(&c->messages, l);
                        return m;
                }
        }
        return NULL;
}

struct fake_message *fake_consumer_peek(struct fake_consumer *c, enum consumer_type type) {
        struct fake_message *m;

        g_mutex_lock(&c->lock);
        m = take(c, type);
        g_mutex_unlock(&c->lock);
        return m;
}

struct fake_message *fake_consumer_wait(struct fake_consumer *c, enum consumer_type type) {
        gint64 end = g_get_monotonic_time() + WAIT_SECONDS * G_USEC_PER_SEC;
        struct fake_message *m;

        g_mutex_lock(&c->lock);
        while (!(m = take(c, type)))
                if (!g_cond_wait_until(&c->changed, &c->lock, end))
                        g_error("no message of type %i", (int) type);
        g_mutex_unlock(&c->lock);
        return m;
}

void fake_consumer_resume(struct fake_consumer *c) {
        g_atomic_int_set(&c->fixture->paused, 0);
        g_assert_no_errno(eventfd_write(c->resume_fd, 1));
}

void fake_consumer_die(struct fake_consumer *c) {
        g_assert_no_errno(eventfd_write(c->die_fd, 1));
        fake_consumer_wait_hang_up(c);
}

void fake_consumer_wait_hang_up(struct fake_consumer *c) {
        gint64 end = g_get_monotonic_time() + WAIT_SECONDS * G_USEC_PER_SEC;

        g_mutex_lock(&c->lock);
        while (!c->hung_up)
                if (!g_cond_wait_until(&c->changed, &c->lock, end))
                        g_error("tracingd did not hang up");
        g_mutex_unlock(&c->lock);
}

struct consumer_status *fake_consumer_status(struct fake_consumer *c) {
        struct consumer_status *status;

        g_mutex_lock(&c->lock);
        status = c->status;
        g_mutex_unlock(&c->lock);
        return status;
}

void fake_consumer_free(void *p) {
        struct fake_consumer *c = p;

        fake_consumer_wait_hang_up(c);
        g_thread_join(c->thread);
        g_queue_clear_full(&c->messages, (GDestroyNotify) fake_message_free);
        if (c->status)
                munmap(c->status, sizeof(*c->status));
        close(c->die_fd);
        close(c->resume_fd);
        g_cond_clear(&c->changed);
        g_mutex_clear(&c->lock);
        g_free(c);
}
