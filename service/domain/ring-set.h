/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A ring set: the streams that one compartment, or one process alone, writes in
 * one session. On disk it is a trace of its own. Owned by a recording and used
 * under its lock.
 */

#include "service/domain/compartment.h"
#include "service/domain/stream.h"
#include "service/registry/definitions.h"
#include "service/state/records.h"
#include "service/unit/sender.h"

struct ring_set {
        struct ring_set *next;
        struct user_domain *domain;
        uint64_t id;
        uid_t uid;
        struct compartment *compartment; /* NULL: of a set that was over before tracingd was started again */
        struct ledger_entry *entry;      /* of its name, when it is over */
        uint64_t application; /* that has the set for itself, or 0 */
        pid_t pid;
        uint8_t uuid[16]; /* of its trace */
        bool in_files; /* its rings are */
        bool lost;     /* its rings did not outlive the last tracingd; nobody gets them any more */
        bool released; /* forgotten but for its name, which no later set may have */
        char name[CONSUMER_NAME_MAX];
        struct stream *streams;
};

/* others: the recording's sets, among which its name is unique for its uid. */
int ring_set_new(struct user_domain *domain, const struct ring_set *others, struct compartment *compartment,
                 uint64_t application, pid_t pid, struct ring_set **ret);
void ring_set_free(struct ring_set *set);

/*
 * The stream of a channel, made where there is none and charged to payer; the
 * consumer has been sent its RINGS. Stays the set's.
 */
int ring_set_stream(struct ring_set *set, uid_t payer, struct sender *sender, const struct model_channel *channel,
                    struct stream **ret);

/* Sends CLASSES for those ids that the stream does not have yet. */
int ring_set_announce(struct ring_set *set, struct sender *sender, struct stream *stream,
                      const struct event_definitions *definitions, const uint32_t *events, const uint32_t *ids,
                      size_t n);

/* After a restart. key: of its compartment. */
int ring_set_restore(struct user_domain *domain, const struct consumer_rings *message, const struct record_rings *more,
                     const struct compartment_key *key, struct ring_set **ret);
/* One of which only the name is left. */
int ring_set_restore_name(struct user_domain *domain, uid_t uid, const char *name, struct ring_set **ret);

/* It is over: its streams are forgotten, and its name is kept. */
void ring_set_end(struct ring_set *set, const struct keep *keep);

/* Sends RELEASE for every stream, and forgets them. */
void ring_set_release(struct ring_set *set, struct sender *sender);
