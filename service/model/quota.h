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
 * the machine has; any other one has the share of the table, or what limits-file.h
 * has read.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
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
        atomic_uint_least64_t used[_QUOTA_MAX], limits[_QUOTA_MAX];
        uint64_t configured[_QUOTA_MAX]; /* QUOTA_UNSET: as everybody's */
};

struct quota {
        pthread_mutex_t lock; /* of the list, and of what limits are made of */
        struct quota_user *users;
        uid_t own;
        uint64_t table[_QUOTA_MAX], own_table[_QUOTA_MAX]; /* what there is without a configuration */
        uint64_t configured[_QUOTA_MAX];                   /* for every other uid than our own; QUOTA_UNSET: the table's */

        /* main loop only */
        uint64_t n_refused; /* by quota_charge_or_fail() */
        uid_t excused;      /* whom it refuses nothing, while is_excusing */
        bool is_excusing;
        bool is_restoring; /* nobody is refused anything */
};

/* A line of the configuration. */
#define QUOTA_EVERYBODY ((uid_t) -1) /* every uid but our own */
#define QUOTA_UNSET (UINT64_MAX - 1)
struct quota_setting {
        uid_t uid;
        enum quota_kind kind;
        uint64_t limit;
};

struct charge {
        struct quota_user *user; /* NULL: nothing is charged */
        enum quota_kind kind;
        uint64_t amount;
};

void quota_init(struct quota *q, uid_t own);
void quota_done(struct quota *q);

/* Of all uids together: another uid than our own may have half of it, where nothing else is configured. */
void quota_set_total(struct quota *q, enum quota_kind kind, uint64_t total);

/*
 * The whole configuration, in the place of an earlier one; of two settings for the same the later counts. Who has
 * more than he may keeps it. -ENOMEM: nothing has changed.
 */
int quota_configure(struct quota *q, const struct quota_setting *settings, size_t n);

/* The kind that is called key in the configuration; -ENOENT. */
int quota_kind_from_key(const char *key, enum quota_kind *ret);

/* Lets uid have more than it may, until quota_excuse_end(): what was charged then stays. Main loop only. */
void quota_excuse(struct quota *q, uid_t uid);
void quota_excuse_end(struct quota *q);

/*
 * From the one to the other everybody has what he had before tracingd was restarted, whatever the limits are by now.
 * While there are no other threads.
 */
void quota_restore_begin(struct quota *q);
void quota_restore_end(struct quota *q);

/* *ret is empty. -EDQUOT where the uid would have more than it may; -ENOMEM. */
int quota_charge(struct quota *q, uid_t uid, enum quota_kind kind, uint64_t amount, struct charge *ret);

/* As quota_charge(), with a sentence. Main loop only. */
int quota_charge_or_fail(struct quota *q, uid_t uid, enum quota_kind kind, uint64_t amount, struct charge *ret,
                         struct failure *failure);

/* Gives it back; an empty one stays so. */
void charge_done(struct charge *charge);

/* The predicate of a sentence: "user 1000 has 256 sessions of 256 that a user can have". */
void quota_describe(struct quota *q, uid_t uid, enum quota_kind kind, char *ret, size_t size);

const char *quota_name(enum quota_kind kind);
uint64_t quota_limit(struct quota *q, uid_t uid, enum quota_kind kind);
uint64_t quota_used(struct quota *q, uid_t uid, enum quota_kind kind);
