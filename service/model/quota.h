/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What one uid may have at most, so that nobody can use up what belongs to all.
 * Everything that a client or an application can make tracingd keep is charged
 * to its uid by a charge, which is embedded in the object that it pays for and
 * given back when that is freed. Any thread: counters are atomic, and uids are
 * kept as long as the quota, so that a charge can always point to its own.
 *
 * tracingd's own uid (root, or the one user of a user's daemon) may have what
 * the machine has; any other one has the share of the table.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

#include "service/model/failure.h"

enum quota_kind {
        QUOTA_SESSIONS,
        QUOTA_CHANNELS,
        QUOTA_RULES,
        QUOTA_RING_MEMORY, /* bytes */
        QUOTA_STREAMS,
        QUOTA_APPLICATIONS, /* connections */
        QUOTA_DEFINITIONS,
        QUOTA_LIVE_STREAMS, /* open ones, of readers */
        _QUOTA_MAX,
};

struct quota_user {
        struct quota_user *next;
        uid_t uid;
        atomic_uint_least64_t used[_QUOTA_MAX];
};

struct quota {
        pthread_mutex_t lock; /* of the list */
        struct quota_user *users;
        uid_t own;
        uint64_t limits[_QUOTA_MAX], own_limits[_QUOTA_MAX]; /* constant once threads run */
};

struct charge {
        struct quota_user *user; /* NULL: nothing is charged */
        enum quota_kind kind;
        uint64_t amount;
};

void quota_init(struct quota *q, uid_t own);
void quota_done(struct quota *q);

/* Of all uids together: another uid than our own may have half of it. Before there are threads. */
void quota_set_total(struct quota *q, enum quota_kind kind, uint64_t total);

/* *ret is empty. -EDQUOT where the uid would have more than it may; -ENOMEM. */
int quota_charge(struct quota *q, uid_t uid, enum quota_kind kind, uint64_t amount, struct charge *ret);

/* As quota_charge(), with a sentence. */
int quota_charge_or_fail(struct quota *q, uid_t uid, enum quota_kind kind, uint64_t amount, struct charge *ret,
                         struct failure *failure);

/* Gives it back; an empty one stays so. */
void charge_done(struct charge *charge);

/* The predicate of a sentence: "user 1000 has 256 sessions of 256 that a user can have". */
void quota_describe(struct quota *q, uid_t uid, enum quota_kind kind, char *ret, size_t size);

const char *quota_name(enum quota_kind kind);
uint64_t quota_limit(const struct quota *q, uid_t uid, enum quota_kind kind);
uint64_t quota_used(struct quota *q, uid_t uid, enum quota_kind kind);
