/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fd.h"
#include "consumer/kernel-record.h"
#include "consumer/kernel-stats.h"
#include "consumer/own-cpu.h"

#define HELD_MAX 64

void own_cpu_init(struct own_cpu *cpu, struct own_channel *channel) {
        cpu->channel = channel;
        cpu->pipe = cpu->stats = cpu->to = cpu->counts = -1;
        STAILQ_INIT(&cpu->held);
}

void own_cpu_done(struct own_cpu *cpu) {
        struct own_held *h;

        while ((h = STAILQ_FIRST(&cpu->held))) {
                STAILQ_REMOVE_HEAD(&cpu->held, entries);
                free(h);
        }
        closep(&cpu->pipe);
        closep(&cpu->stats);
        closep(&cpu->to);
        closep(&cpu->counts);
}

static const struct own_class *find(const struct own_classes *classes, const char *record) {
        uint16_t id;

        memcpy(&id, record, sizeof(id));
        return id < classes->n ? classes->by_id[id] : NULL;
}

static struct kernel_cursor begin(const struct own_cpu *cpu, const char *page) {
        const struct kernel_layout *layout = &cpu->channel->layout;
        const char *p = page + layout->data_at;

        return (struct kernel_cursor) { p, p + kernel_page_size(layout, page), kernel_page_time(page) };
}

static int follow_all(const struct own_cpu *cpu, struct own_held *h, own_follow_t follow, void *userdata) {
        struct kernel_cursor c = begin(cpu, h->data);
        const char *record;
        uint32_t size;
        int r = 0;

        while (r >= 0 && (record = kernel_cursor_next(&c, &size))) {
                const struct own_class *class = find(&cpu->channel->classes, record);

                if (class && size >= class->min_size && class->kind >= OWN_FORK)
                        r = follow(class, record, c.time, userdata);
        }
        h->last = c.time;
        return r;
}

/* 1, or 0 where there is none. */
static int read_one(struct own_cpu *cpu, struct own_held **ret) {
        const size_t size = cpu->channel->layout.subbuf_size;
        _cleanup_free_ struct own_held *h = malloc(sizeof(*h) + size);
        ssize_t n;

        if (!h)
                return -ENOMEM;
        do
                n = read(cpu->pipe, h->data, size);
        while (n < 0 && errno == EINTR);
        if (n < (ssize_t) cpu->channel->layout.data_at)
                return 0;
        memset(h->data + n, 0, size - (size_t) n);
        *ret = TAKE_PTR(h);
        return 1;
}

bool own_cpu_read(struct own_cpu *cpu, uint64_t now, own_follow_t follow, void *userdata) {
        bool worked = false;

        if (cpu->pipe < 0) {
                cpu->covered = now;
                return false;
        }
        while (cpu->n_held < HELD_MAX) {
                struct own_held *h;
                int r = read_one(cpu, &h);

                if (r == 0)
                        cpu->covered = now;
                if (r <= 0)
                        return worked;
                worked = true;
                (void) follow_all(cpu, h, follow, userdata);
                STAILQ_INSERT_TAIL(&cpu->held, h, entries);
                cpu->n_held++;
                cpu->last = cpu->covered = h->last;
                if (cpu->last >= now)
                        return true;
        }
        return worked;
}

/* false: it must be tried again. A receiver that is gone wants nothing. */
static bool send_out(struct own_cpu *cpu) {
        struct iovec iov = { cpu->out.data, cpu->out.size };
        const struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
        ssize_t n;

        if (cpu->out.size > cpu->channel->layout.data_at) {
                do
                        n = sendmsg(cpu->to, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
                while (n < 0 && errno == EINTR);
                cpu->blocked = n < 0 && (errno == EAGAIN || errno == ENOBUFS);
                if (cpu->blocked)
                        return false;
        }
        cpu->out.size = 0;
        return true;
}

/* false: the receiver is slow; the record is to be tried again. */
static bool pass_record(struct own_cpu *cpu, const struct own_threads *threads, char *record, uint32_t size,
                        uint64_t time) {
        const struct kernel_layout *layout = &cpu->channel->layout;
        const struct own_class *class = find(&cpu->channel->classes, record);
        bool doubt = false;

        if (!class || !class->passed)
                return true;
        if (cpu->out.size > 0 && cpu->out.size + 16 + size > OWN_PAGE_MAX && !send_out(cpu))
                return false;
        if (!own_class_filter(class, threads, record, size, time, &doubt)) {
                cpu->doubtful += doubt;
                cpu->counted &= !doubt;
                return true;
        }
        if (cpu->out.size == 0)
                own_page_begin(&cpu->out, layout, time);
        if (own_page_add(&cpu->out, layout, record, size, time))
                return true;
        if (!send_out(cpu))
                return false;
        own_page_begin(&cpu->out, layout, time);
        if (!own_page_add(&cpu->out, layout, record, size, time)) {
                cpu->doubtful++;
                cpu->counted = false;
        }
        return true;
}

static bool pass_held(struct own_cpu *cpu, const struct own_threads *threads, struct own_held *h) {
        struct kernel_cursor c = begin(cpu, h->data);
        const char *record;
        uint32_t size;

        if (cpu->at == h) {
                c.p = cpu->next;
                c.time = cpu->time;
        }
        for (;;) {
                cpu->next = c.p;
                cpu->time = c.time;
                record = kernel_cursor_next(&c, &size);
                if (!record)
                        break;
                if (!pass_record(cpu, threads, (char *) record, size, c.time)) {
                        cpu->at = h;
                        return false;
                }
        }
        cpu->at = NULL;
        return true;
}

bool own_cpu_pass(struct own_cpu *cpu, const struct own_threads *threads, uint64_t horizon) {
        struct own_held *h;

        cpu->blocked = false;
        while ((h = STAILQ_FIRST(&cpu->held)) && h->last <= horizon) {
                if (!pass_held(cpu, threads, h))
                        return false;
                STAILQ_REMOVE_HEAD(&cpu->held, entries);
                cpu->n_held--;
                free(h);
        }
        return cpu->out.size == 0 || send_out(cpu);
}

bool own_cpu_has_lost(struct own_cpu *cpu) {
        uint64_t lost;

        if (cpu->stats < 0 || kernel_stats_read(cpu->stats, &lost) < 0 || lost == cpu->lost)
                return false;
        cpu->lost = lost;
        cpu->counted = false;
        return true;
}

void own_cpu_count(struct own_cpu *cpu) {
        struct iovec iov;
        char text[128];

        if (cpu->counts < 0 || cpu->counted)
                return;
        /* Always as long as the last time. */
        snprintf(text, sizeof(text), "overrun: %020" PRIu64 "\ndropped events: %020" PRIu64 "\n", cpu->lost,
                 cpu->doubtful);
        iov = (struct iovec) { text, strlen(text) };
        cpu->counted = pwritev_full(cpu->counts, &iov, 1, 0) >= 0;
}
