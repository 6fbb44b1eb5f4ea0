/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "consumer/own-threads.h"

#ifdef TRACECTL_FUZZ
#define BUCKETS 64
#else
#define BUCKETS 4096 /* a power of two */
#endif
#define SPANS_MAX (1 << 20)

int own_threads_init(struct own_threads *t) {
        *t = (struct own_threads) { .buckets = calloc(BUCKETS, sizeof(*t->buckets)), .n_buckets = BUCKETS };
        return t->buckets ? 0 : -ENOMEM;
}

void own_threads_done(struct own_threads *t) {
        own_threads_forget(t, UINT64_MAX);
        for (size_t i = 0; t->buckets && i < t->n_buckets; i++)
                while (t->buckets[i]) {
                        struct own_span *s = t->buckets[i];

                        t->buckets[i] = s->next;
                        free(s);
                }
        free(t->buckets);
        *t = (struct own_threads) { 0 };
}

static struct own_span **bucket(const struct own_threads *t, int32_t tid) {
        return &t->buckets[(uint32_t) tid & (t->n_buckets - 1)];
}

static struct own_span *find(const struct own_threads *t, int32_t tid, uint64_t time) {
        for (struct own_span *s = *bucket(t, tid); s; s = s->next)
                if (s->tid == tid && s->from <= time && time <= s->to)
                        return s;
        return NULL;
}

bool own_threads_have(const struct own_threads *t, int32_t tid, uint64_t time) {
        return find(t, tid, time);
}

bool own_threads_doubt(const struct own_threads *t, int32_t tid, uint64_t time) {
        for (const struct own_span *s = *bucket(t, tid); s; s = s->next)
                if (s->tid == tid && s->from <= time)
                        return time > s->to && s->closed;
        return false;
}

/* What began later than an end of that thread was somebody else's with its number, and nobody has vouched for him. */
static void end(struct own_threads *t, int32_t tid, uint64_t time, bool by_exec) {
        for (struct own_span *s = *bucket(t, tid); s; s = s->next) {
                if (s->tid != tid || s->to <= time)
                        continue;
                s->to = time;
                s->closed = by_exec;
        }
}

void own_threads_doubt_all(struct own_threads *t, uint64_t time) {
        for (size_t i = 0; i < t->n_buckets; i++)
                for (struct own_span *s = t->buckets[i]; s; s = s->next)
                        if (s->to > time) {
                                s->to = time;
                                s->closed = true;
                        }
}

int own_threads_add(struct own_threads *t, int32_t tid, bool bound, uint64_t time) {
        struct own_span **at = bucket(t, tid), *s;

        if (t->n >= SPANS_MAX)
                return -ENOSPC;
        end(t, tid, time, false);
        s = malloc(sizeof(*s));
        if (!s)
                return -ENOMEM;
        *s = (struct own_span) { .next = *at, .tid = tid, .bound = bound, .from = time, .to = UINT64_MAX };
        *at = s;
        t->n++;
        return 0;
}

int own_threads_fork(struct own_threads *t, int32_t parent, int32_t child, uint64_t time) {
        const struct own_span *s = find(t, parent, time);

        if (s)
                return own_threads_add(t, child, s->bound, time);
        end(t, child, time, false);
        return 0;
}

int own_threads_exec(struct own_threads *t, int32_t tid, int32_t old, uint64_t time) {
        const struct own_span *s = find(t, old, time);
        bool bound = s && s->bound;

        if (bound && old == tid)
                return 0;
        end(t, tid, time, s && !bound);
        t->in_doubt |= s && !bound;
        if (old != tid)
                end(t, old, time, false);
        return bound ? own_threads_add(t, tid, true, time) : 0;
}

void own_threads_exit(struct own_threads *t, int32_t tid, uint64_t time) {
        end(t, tid, time, false);
}

void own_threads_forget(struct own_threads *t, uint64_t before) {
        for (size_t i = 0; t->buckets && i < t->n_buckets; i++)
                for (struct own_span **p = &t->buckets[i]; *p;) {
                        struct own_span *s = *p;

                        /* What is in doubt stays so, until its thread ends. */
                        if (s->to >= before || s->closed) {
                                p = &s->next;
                                continue;
                        }
                        *p = s->next;
                        free(s);
                        t->n--;
                }
}
