/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What liburcu and GLib promise, for the thread sanitizer, which cannot look
 * into them: each function stands in front of the library's own and says what
 * happens before what, by the library's documentation and no more than that:
 *
 *   - what was written before a pointer is published is seen by who reads it;
 *   - what was written before a node is added, or put into a queue, is seen by
 *     who finds or takes that node;
 *   - what was done before call_rcu(), and in read-side critical sections that
 *     ended before the grace period did, is over when the callback runs; the
 *     same for synchronize_rcu(). (A section that began later is said to be
 *     over, too; the sanitizer misses accesses in such a one.)
 *   - after rcu_barrier() all callbacks have run;
 *   - what was done before a mutex was unlocked, or before a pointer was put into
 *     a queue, is over for who locks the one, or takes the other.
 */

#include <dlfcn.h>
#include <glib.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <urcu.h>
#include <urcu/rculfhash.h>
#include <urcu/wfcqueue.h>

/* The sanitizer's own, which has no header. */
void __tsan_acquire(void *p);
void __tsan_release(void *p);

/* Names of what has no address: the ends of critical sections, and of callbacks. */
static char sections, callbacks;

#define NEXT(name) \
        static _Atomic(__typeof__(&(name))) next_; \
        __typeof__(&(name)) next = atomic_load_explicit(&next_, memory_order_relaxed); \
\
        if (!next) { \
                next = (__typeof__(&(name))) dlsym(RTLD_NEXT, NAME(name)); \
                atomic_store_explicit(&next_, next, memory_order_relaxed); \
        }
#define NAME(name) NAME_(name)
#define NAME_(name) #name

static void released(void *p) {
        if (p)
                __tsan_release(p);
}

static void acquired(void *p) {
        if (p)
                __tsan_acquire(p);
}

void *rcu_dereference_sym(void *p) {
        acquired(p);
        return p;
}

void *rcu_xchg_pointer_sym(void **p, void *v) {
        NEXT(rcu_xchg_pointer_sym)
        void *old;

        released(v);
        old = next(p, v);
        acquired(old);
        return old;
}

void rcu_read_unlock(void) {
        NEXT(rcu_read_unlock)

        released(&sections);
        next();
}

void synchronize_rcu(void) {
        NEXT(synchronize_rcu)

        next();
        acquired(&sections);
}

void rcu_barrier(void) {
        NEXT(rcu_barrier)

        next();
        acquired(&callbacks);
}

/* The callback's place in the head is taken by one that says what is over, and calls it. */
struct callback {
        struct rcu_head head;
        struct rcu_head *of;
        void (*function)(struct rcu_head *head);
};

static void call(struct rcu_head *head) {
        struct callback *c = caa_container_of(head, struct callback, head);

        acquired(c);
        acquired(&sections);
        c->function(c->of);
        free(c);
        released(&callbacks);
}

void call_rcu(struct rcu_head *head, void (*function)(struct rcu_head *head)) {
        NEXT(call_rcu)
        struct callback *c = malloc(sizeof(*c));

        if (!c)
                abort();
        c->of = head;
        c->function = function;
        released(c);
        next(&c->head, call);
}

void cds_lfht_add(struct cds_lfht *ht, unsigned long hash, struct cds_lfht_node *node) {
        NEXT(cds_lfht_add)

        released(node);
        next(ht, hash, node);
}

struct cds_lfht_node *cds_lfht_add_unique(struct cds_lfht *ht, unsigned long hash, cds_lfht_match_fct match,
                                          const void *key, struct cds_lfht_node *node) {
        NEXT(cds_lfht_add_unique)
        struct cds_lfht_node *found;

        released(node);
        found = next(ht, hash, match, key, node);
        acquired(found);
        return found;
}

/* The library asks about a node that nobody has been given yet. */
struct question {
        cds_lfht_match_fct match;
        const void *key;
};

static int ask(struct cds_lfht_node *node, const void *key) {
        const struct question *q = key;

        acquired(node);
        return q->match(node, q->key);
}

void cds_lfht_lookup(struct cds_lfht *ht, unsigned long hash, cds_lfht_match_fct match, const void *key,
                     struct cds_lfht_iter *iter) {
        const struct question q = { match, key };
        NEXT(cds_lfht_lookup)

        next(ht, hash, ask, &q, iter);
        acquired(iter->node);
}

void cds_lfht_next_duplicate(struct cds_lfht *ht, cds_lfht_match_fct match, const void *key,
                             struct cds_lfht_iter *iter) {
        const struct question q = { match, key };
        NEXT(cds_lfht_next_duplicate)

        next(ht, ask, &q, iter);
        acquired(iter->node);
}

void cds_lfht_first(struct cds_lfht *ht, struct cds_lfht_iter *iter) {
        NEXT(cds_lfht_first)

        next(ht, iter);
        acquired(iter->node);
}

void cds_lfht_next(struct cds_lfht *ht, struct cds_lfht_iter *iter) {
        NEXT(cds_lfht_next)

        next(ht, iter);
        acquired(iter->node);
}

bool cds_wfcq_enqueue(cds_wfcq_head_ptr_t head, struct cds_wfcq_tail *tail, struct cds_wfcq_node *node) {
        NEXT(cds_wfcq_enqueue)

        released(node);
        return next(head, tail, node);
}

struct cds_wfcq_node *cds_wfcq_dequeue_blocking(struct cds_wfcq_head *head, struct cds_wfcq_tail *tail) {
        NEXT(cds_wfcq_dequeue_blocking)
        struct cds_wfcq_node *node = next(head, tail);

        acquired(node);
        return node;
}

struct cds_wfcq_node *__cds_wfcq_dequeue_blocking(cds_wfcq_head_ptr_t head, struct cds_wfcq_tail *tail) {
        NEXT(__cds_wfcq_dequeue_blocking)
        struct cds_wfcq_node *node = next(head, tail);

        acquired(node);
        return node;
}

void g_mutex_lock(GMutex *mutex) {
        NEXT(g_mutex_lock)

        next(mutex);
        acquired(mutex);
}

void g_mutex_unlock(GMutex *mutex) {
        NEXT(g_mutex_unlock)

        released(mutex);
        next(mutex);
}

gboolean g_cond_wait_until(GCond *cond, GMutex *mutex, gint64 end) {
        NEXT(g_cond_wait_until)
        gboolean r;

        released(mutex);
        r = next(cond, mutex, end);
        acquired(mutex);
        return r;
}

void g_async_queue_push(GAsyncQueue *queue, gpointer data) {
        NEXT(g_async_queue_push)

        released(data);
        next(queue, data);
}

gpointer g_async_queue_timeout_pop(GAsyncQueue *queue, guint64 timeout) {
        NEXT(g_async_queue_timeout_pop)
        gpointer data = next(queue, timeout);

        acquired(data);
        return data;
}
