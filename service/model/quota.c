/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/model/quota.h"

static const struct {
        const char *name; /* on the bus */
        const char *key;  /* in the configuration */
        const char *noun;
        const char *advice;
        uint64_t limit;
} kinds[_QUOTA_MAX] = {
        [QUOTA_SESSIONS] = { "sessions", "Sessions", "sessions", "destroy one first", 256 },
        [QUOTA_CHANNELS] = { "channels", "Channels", "channels", "destroy a session first", 1024 },
        [QUOTA_RULES] = { "rules", "Rules", "event rules", "remove some, or use patterns with '*'", 16384 },
        [QUOTA_RING_MEMORY] = { "ring-memory", "RingMemory", "bytes of ring buffers",
                                "use smaller ones, or destroy a session", UINT64_MAX },
        [QUOTA_STREAMS] = { "streams", "Streams", "ring buffer sets", "destroy a session first", 1024 },
        [QUOTA_APPLICATIONS] = { "applications", "Applications", "applications", "end some of them", UINT64_MAX },
        [QUOTA_DEFINITIONS] = { "definitions", "Definitions", "sets of event definitions", "end some applications",
                                1024 },
        [QUOTA_LIVE_STREAMS] = { "live-streams", "LiveStreams", "open live streams", "close one first", 32 },
};

void quota_init(struct quota *q, uid_t own) {
        *q = (struct quota) { .own = own };
        pthread_mutex_init(&q->lock, NULL);
        for (int i = 0; i < _QUOTA_MAX; i++) {
                q->table[i] = q->own_table[i] = kinds[i].limit;
                q->configured[i] = QUOTA_UNSET;
        }
}

void quota_done(struct quota *q) {
        while (q->users) {
                struct quota_user *u = q->users;

                q->users = u->next;
                free(u);
        }
        pthread_mutex_destroy(&q->lock);
}

/* With the lock, as the next three. */
static uint64_t default_limit(const struct quota *q, uid_t uid, int kind) {
        if (uid == q->own)
                return q->own_table[kind];
        return q->configured[kind] == QUOTA_UNSET ? q->table[kind] : q->configured[kind];
}

static void resolve(const struct quota *q, struct quota_user *u) {
        for (int kind = 0; kind < _QUOTA_MAX; kind++)
                atomic_store_explicit(&u->limits[kind],
                                      u->configured[kind] == QUOTA_UNSET ? default_limit(q, u->uid, kind)
                                                                         : u->configured[kind],
                                      memory_order_relaxed);
}

static struct quota_user *look_up(const struct quota *q, uid_t uid) {
        struct quota_user *u;

        for (u = q->users; u && u->uid != uid; u = u->next)
                ;
        return u;
}

/* NULL: memory ran out. */
static struct quota_user *look_up_or_make(struct quota *q, uid_t uid) {
        struct quota_user *u = look_up(q, uid);

        if (u || !(u = calloc(1, sizeof(*u))))
                return u;
        u->uid = uid;
        for (int kind = 0; kind < _QUOTA_MAX; kind++)
                u->configured[kind] = QUOTA_UNSET;
        resolve(q, u);
        u->next = q->users;
        q->users = u;
        return u;
}

void quota_set_total(struct quota *q, enum quota_kind kind, uint64_t total) {
        pthread_mutex_lock(&q->lock);
        q->own_table[kind] = total;
        q->table[kind] = total / 2;
        for (struct quota_user *u = q->users; u; u = u->next)
                resolve(q, u);
        pthread_mutex_unlock(&q->lock);
}

static int make_all(struct quota *q, const struct quota_setting *settings, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (settings[i].uid != QUOTA_EVERYBODY && !look_up_or_make(q, settings[i].uid))
                        return -ENOMEM;
        return 0;
}

int quota_configure(struct quota *q, const struct quota_setting *settings, size_t n) {
        int r;

        pthread_mutex_lock(&q->lock);
        r = make_all(q, settings, n);
        if (r >= 0) {
                for (int kind = 0; kind < _QUOTA_MAX; kind++) {
                        q->configured[kind] = QUOTA_UNSET;
                        for (struct quota_user *u = q->users; u; u = u->next)
                                u->configured[kind] = QUOTA_UNSET;
                }
                for (size_t i = 0; i < n; i++) {
                        struct quota_user *u = look_up(q, settings[i].uid);

                        *(u ? &u->configured[settings[i].kind] : &q->configured[settings[i].kind]) = settings[i].limit;
                }
                for (struct quota_user *u = q->users; u; u = u->next)
                        resolve(q, u);
        }
        pthread_mutex_unlock(&q->lock);
        return r;
}

int quota_kind_from_key(const char *key, enum quota_kind *ret) {
        for (int kind = 0; kind < _QUOTA_MAX; kind++)
                if (strcmp(kinds[kind].key, key) == 0) {
                        *ret = (enum quota_kind) kind;
                        return 0;
                }
        return -ENOENT;
}

void quota_excuse(struct quota *q, uid_t uid) {
        q->excused = uid;
        q->is_excusing = true;
}

void quota_excuse_end(struct quota *q) {
        q->is_excusing = false;
}

void quota_restore_begin(struct quota *q) {
        q->is_restoring = true;
}

void quota_restore_end(struct quota *q) {
        q->is_restoring = false;
}

/* NULL where there is none; with make, where memory ran out. */
static struct quota_user *find(struct quota *q, uid_t uid, bool make) {
        struct quota_user *u;

        pthread_mutex_lock(&q->lock);
        u = make ? look_up_or_make(q, uid) : look_up(q, uid);
        pthread_mutex_unlock(&q->lock);
        return u;
}

int quota_charge(struct quota *q, uid_t uid, enum quota_kind kind, uint64_t amount, struct charge *ret) {
        struct quota_user *u = find(q, uid, true);
        uint64_t used, limit;

        if (!u)
                return -ENOMEM;
        /* Only the numbers matter, which order nothing else. */
        limit = q->is_restoring ? UINT64_MAX : atomic_load_explicit(&u->limits[kind], memory_order_relaxed);
        used = atomic_load_explicit(&u->used[kind], memory_order_relaxed);
        do {
                if (used > limit || amount > limit - used)
                        return -EDQUOT;
        } while (!atomic_compare_exchange_weak_explicit(&u->used[kind], &used, used + amount, memory_order_relaxed,
                                                        memory_order_relaxed));
        *ret = (struct charge) { .user = u, .kind = kind, .amount = amount };
        return 0;
}

/* Beyond the limit. */
static int charge_excused(struct quota *q, uid_t uid, enum quota_kind kind, uint64_t amount, struct charge *ret) {
        struct quota_user *u = find(q, uid, true);

        if (!u)
                return -ENOMEM;
        atomic_fetch_add_explicit(&u->used[kind], amount, memory_order_relaxed);
        *ret = (struct charge) { .user = u, .kind = kind, .amount = amount };
        return 0;
}

int quota_charge_or_fail(struct quota *q, uid_t uid, enum quota_kind kind, uint64_t amount, struct charge *ret,
                         struct failure *failure) {
        char text[256];
        int r;

        r = quota_charge(q, uid, kind, amount, ret);
        if (r == -EDQUOT && q->is_excusing && q->excused == uid)
                r = charge_excused(q, uid, kind, amount, ret);
        if (r == -ENOMEM)
                return fail_memory(failure);
        if (r >= 0)
                return 0;
        q->n_refused++;
        quota_describe(q, uid, kind, text, sizeof(text));
        return fail(failure, FAILURE_LIMIT, "There can be no more %s: %s; %s.", kinds[kind].noun, text,
                    kinds[kind].advice);
}

void charge_done(struct charge *charge) {
        if (charge->user)
                atomic_fetch_sub_explicit(&charge->user->used[charge->kind], charge->amount, memory_order_relaxed);
        *charge = (struct charge) { 0 };
}

void quota_describe(struct quota *q, uid_t uid, enum quota_kind kind, char *ret, size_t size) {
        snprintf(ret, size, "user %u has %" PRIu64 " %s of %" PRIu64 " that a user can have", (unsigned) uid,
                 quota_used(q, uid, kind), kinds[kind].noun, quota_limit(q, uid, kind));
}

const char *quota_name(enum quota_kind kind) {
        return kinds[kind].name;
}

uint64_t quota_limit(struct quota *q, uid_t uid, enum quota_kind kind) {
        const struct quota_user *u;
        uint64_t limit;

        pthread_mutex_lock(&q->lock);
        u = look_up(q, uid);
        limit = u ? atomic_load_explicit(&u->limits[kind], memory_order_relaxed) : default_limit(q, uid, kind);
        pthread_mutex_unlock(&q->lock);
        return limit;
}

uint64_t quota_used(struct quota *q, uid_t uid, enum quota_kind kind) {
        const struct quota_user *u = find(q, uid, false);

        return u ? atomic_load_explicit(&u->used[kind], memory_order_relaxed) : 0;
}
