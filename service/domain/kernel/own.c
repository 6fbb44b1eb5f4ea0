/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/datagram.h"
#include "common/fd.h"
#include "service/domain/kernel/own.h"
#include "service/domain/kernel/tracefs.h"

/* The reader answers at once, whatever the session's consumer does. */
#define ANSWER_MSEC 5000
#define COUNTS_SIZE 4096

static const struct instance_event news[] = {
        { .event = { "sched", "sched_process_fork" } },
        { .event = { "sched", "sched_process_exec" } },
        { .event = { "sched", "sched_process_exit" } },
};

const struct instance_list kernel_own_news = { (struct instance_event *) news, ARRAY_SIZE(news) };

/* One answer: its error in *ret_error and 1; 0 where none has come. */
static int receive(struct kernel_own *o, uint64_t *ret_serial, int *ret_error) {
        int fds[DATAGRAM_FDS_MAX], r;
        struct consumer_ack ack;
        size_t n_fds = 0;

        r = datagram_recv(o->socket, &ack, sizeof(ack), fds, &n_fds, MSG_DONTWAIT);
        if (r == -EAGAIN)
                return 0;
        if (r <= 0)
                return r < 0 ? r : -EPIPE;
        datagram_close_fds(fds, n_fds);
        if (r != (int) sizeof(ack) || ack.header.type != CONSUMER_ACK)
                return -EBADMSG;
        *ret_serial = ack.header.serial;
        *ret_error = ack.error;
        if (ack.header.serial == o->flush)
                o->flush = 0;
        return 1;
}

static int wait_for(struct kernel_own *o, uint64_t serial) {
        struct pollfd p = { o->socket, POLLIN, 0 };
        int error, r;

        for (;;) {
                uint64_t answered;

                r = receive(o, &answered, &error);
                if (r < 0)
                        return r;
                if (r > 0 && answered == serial)
                        return -error;
                if (r > 0)
                        continue;
                do
                        r = poll(&p, 1, ANSWER_MSEC);
                while (r < 0 && errno == EINTR);
                if (r <= 0)
                        return r < 0 ? -errno : -ETIMEDOUT;
        }
}

static int send_message(struct kernel_own *o, struct own_message *m, const int *fds, size_t n_fds) {
        m->header.size = sizeof(*m);
        m->header.serial = ++o->serial;
        return datagram_send(o->socket, m, sizeof(*m), fds, n_fds, MSG_DONTWAIT);
}

static int request(struct kernel_own *o, struct own_message *m, const int *fds, size_t n_fds) {
        int r = send_message(o, m, fds, n_fds);

        return r < 0 ? r : wait_for(o, m->header.serial);
}

/* What was asked and not answered in time is not asked again: a reader begins once. */
static int ask_to_begin(struct kernel_own *o, enum trace_clock clock) {
        struct own_message m = { .header.type = OWN, .clock = clock };
        int r;

        if (o->begin == 0) {
                r = send_message(o, &m, &o->asked_by, 1);
                if (r < 0)
                        return r;
                o->begin = m.header.serial;
        }
        r = wait_for(o, o->begin);
        if (r != -ETIMEDOUT)
                o->begin = 0;
        return r;
}

int kernel_own_begin(struct kernel_own *o, enum trace_clock clock) {
        int r;

        if (o->failed)
                return -EPIPE;
        if (o->begun)
                return 0;
        if (o->socket < 0)
                return -EAGAIN;
        r = ask_to_begin(o, clock);
        if (r < 0)
                return r;
        closep(&o->asked_by);
        o->asked_by = -1;
        o->begun = true;
        return 0;
}

int kernel_own_announce_channel(struct kernel_own *o, const struct instance *i, uint32_t n_cpus, int descriptions) {
        struct own_message m = {
                .header.type = OWN_CHANNEL,
                .stream = i->channel,
                .subbuf_size = i->subbuf_size,
                .n_cpus = n_cpus,
        };

        return request(o, &m, &descriptions, 1);
}

int kernel_own_announce_cpu(struct kernel_own *o, const struct instance *i, uint32_t cpu, int pipe, int stats,
                            int *ret_pipe, int *ret_stats) {
        struct own_message m = { .header.type = OWN_CPU, .stream = i->channel, .cpu = cpu };
        _cleanup_close_ int to = -1, from = -1, counts = -1;
        int pair[2], r;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
                return -errno;
        to = pair[0];
        from = pair[1];
        r = memfd_new_shared("tracectl-counts", COUNTS_SIZE, &counts);
        if (r >= 0)
                r = request(o, &m, (const int[]) { pipe, stats, to, counts }, 4);
        if (r < 0)
                return r;
        *ret_pipe = TAKE_FD(from);
        *ret_stats = TAKE_FD(counts);
        return 0;
}

int kernel_own_announce_events(struct kernel_own *o, const struct instance *i, int descriptions) {
        struct own_message m = { .header.type = OWN_EVENTS, .stream = i->channel };

        return request(o, &m, &descriptions, 1);
}

struct threads {
        struct own_thread *items;
        size_t n, room;
};

static int add(struct threads *t, int32_t tid, bool bound) {
        if (t->n == t->room) {
                size_t room = t->room ? 2 * t->room : 64;
                struct own_thread *items = room <= OWN_THREADS_MAX ? realloc(t->items, room * sizeof(*items)) : NULL;

                if (!items)
                        return -ENOMEM;
                t->items = items;
                t->room = room;
        }
        t->items[t->n++] = (struct own_thread) { tid, bound };
        return 0;
}

/* Calls each for those that the kernel follows there. */
static int each_followed(const struct instance *i, int (*each)(void *userdata, int32_t tid), void *userdata) {
        _cleanup_free_ char *text = NULL;
        char *p, *end;
        size_t size;
        int r;

        r = tracefs_read(i->dir, "set_event_pid", &text, &size);
        for (p = text; r >= 0; p = end) {
                long tid = strtol(p, &end, 10);

                if (end == p)
                        break;
                r = each(userdata, (int32_t) tid);
        }
        return r;
}

struct vouching {
        int proc;
        uid_t owner;
        struct threads found, still;
};

static int verify(void *userdata, int32_t tid) {
        struct vouching *v = userdata;
        bool bound;

        return kernel_own_verify(v->proc, tid, v->owner, &bound) ? add(&v->found, tid, bound) : 0;
}

/* One whose number was another thread's when it was looked at is followed no more. */
static int confirm(void *userdata, int32_t tid) {
        struct vouching *v = userdata;

        for (size_t k = 0; k < v->found.n; k++)
                if (v->found.items[k].tid == tid)
                        return add(&v->still, tid, v->found.items[k].bound);
        return 0;
}

static int send_threads(struct kernel_own *o, const struct threads *t) {
        struct own_message m = { .header.type = OWN_THREADS };
        _cleanup_close_ int fd = -1;
        int r;

        if (t->n == 0)
                return request(o, &m, NULL, 0);
        r = memfd_new_constant("tracectl-threads", t->items, t->n * sizeof(*t->items), &fd);
        return r < 0 ? r : request(o, &m, &fd, 1);
}

int kernel_own_vouch(struct kernel_own *o, const struct instance *instances) {
        struct own_message hold = { .header.type = OWN_HOLD };
        struct vouching v = { .owner = o->owner };
        int r;

        v.proc = tree_open_proc();
        if (v.proc < 0)
                return v.proc;
        r = request(o, &hold, NULL, 0);
        for (const struct instance *i = instances; i && r >= 0; i = i->next)
                if (i->enabled.n > 0)
                        r = each_followed(i, verify, &v);
        for (const struct instance *i = instances; i && r >= 0; i = i->next)
                if (i->enabled.n > 0)
                        r = each_followed(i, confirm, &v);
        if (r >= 0)
                r = send_threads(o, &v.still);
        closep(&v.proc);
        free(v.found.items);
        free(v.still.items);
        return r;
}

int kernel_own_flush(struct kernel_own *o) {
        struct own_message m = { .header.type = OWN_FLUSH };
        uint64_t serial;
        int error, r;

        if (o->failed || !o->begun)
                return 0;
        if (o->flush == 0) {
                r = send_message(o, &m, NULL, 0);
                if (r < 0)
                        return r;
                o->flush = m.header.serial;
        }
        do
                r = receive(o, &serial, &error);
        while (r > 0 && o->flush > 0);
        return r < 0 ? r : o->flush > 0 ? -EAGAIN : 0;
}
