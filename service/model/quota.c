/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "service/model/quota.h"

static const struct {
        const char *name; /* on the bus */
        const char *noun;
        const char *advice;
        uint64_t limit;
} kinds[_QUOTA_MAX] = {
        [QUOTA_SESSIONS] = { "sessions", "sessions", "destroy one first", 256 },
        [QUOTA_CHANNELS] = { "channels", "channels", "destroy a session first", 1024 },
        [QUOTA_RULES] = { "rules", "event rules", "remove some, or use patterns with '*'", 16384 },
        [QUOTA_RING_MEMORY] = { "ring-memory", "bytes of ring buffers", "use smaller ones, or destroy a session",
                                UINT64_MAX },
        [QUOTA_STREAMS] = { "streams", "ring buffer sets", "destroy a session first", 1024 },
        [QUOTA_APPLICATIONS] = { "applications", "applications", "end some of them", UINT64_MAX },
        [QUOTA_DEFINITIONS] = { "definitions", "sets of event definitions", "end some applications", 1024 },
        [QUOTA_LIVE_STREAMS] = { "live-streams", "open live streams", "close one first", 32 },
};

void quota_init(struct quota *q, uid_t own) {
        *q = (struct quota) { .own = own };
        pthread_mutex_init(&q->lock, NULL);
        for (int i = 0; i < _QUOTA_MAX; i++)
                q->limits[i] = q->own_limits[i] = kinds[i].limit;
}

void quota_done(struct quota *q) {
        while (q->users) {
                struct quota_user *u = q->users;

                q->users = u->next;
                free(u);
        }
        pthread_mutex_destroy(&q->lock);
}

void quota_set_total(struct quota *q, enum quota_kind kind, uint64_t total) {
        q->own_limits[kind] = total;
        q->limits[kind] = total / 2;
}

/* NULL where there is none; with make, where memory ran out. */
static struct quota_user *find(struct quota *q, uid_t uid, int make) {
        struct quota_user *u;

        pthread_mutex_lock(&q->lock);
        for (u = q->users; u && u->uid != uid; u = u->next)
                ;
        if (!u && make && (u = calloc(1, sizeof(*u)))) {
                u->uid = uid;
                u->next = q->users;
                q->users = u;
        }
        pthread_mutex_unlock(&q->lock);
        return u;
}

int quota_charge(struct quota *q, uid_t uid, enum quota_kind kind, uint64_t amount, struct charge *ret) {
        struct quota_user *u = find(q, uid, 1);
        uint64_t used, limit = quota_limit(q, uid, kind);

        if (!u)
                return -ENOMEM;
        /* Only the number matters, which orders nothing else. */
        used = atomic_load_explicit(&u->used[kind], memory_order_relaxed);
        do {
                if (used > limit || amount > limit - used)
                        return -EDQUOT;
        } while (!atomic_compare_exchange_weak_explicit(&u->used[kind], &used, used + amount, memory_order_relaxed,
                                                        memory_order_relaxed));
        *ret = (struct charge) { .user = u, .kind = kind, .amount = amount };
        return 0;
}

int quota_charge_or_fail(struct quota *q, uid_t uid, enum quota_kind kind, uint64_t amount, struct charge *ret,
                         struct failure *failure) {
        char text[256];
        int r;

        r = quota_charge(q, uid, kind, amount, ret);
        if (r == -ENOMEM)
                return fail_memory(failure);
        if (r >= 0)
                return 0;
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

uint64_t quota_limit(const struct quota *q, uid_t uid, enum quota_kind kind) {
        return uid == q->own ? q->own_limits[kind] : q->limits[kind];
}

uint64_t quota_used(struct quota *q, uid_t uid, enum quota_kind kind) {
        const struct quota_user *u = find(q, uid, 0);

        return u ? atomic_load_explicit(&u->used[kind], memory_order_relaxed) : 0;
}
