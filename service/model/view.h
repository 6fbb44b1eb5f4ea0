/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The model as it is published: everything that decides what applications must
 * do, that is the active sessions with their channels and the rules that are
 * enabled. Immutable. The main loop makes a new one, with the next generation,
 * for every change, and replaces an RCU pointer; readers take a reference under
 * rcu_read_lock() and may keep it as long as they like.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <urcu.h>

#include "common/cleanup.h"
#include "protocol/context.h"

#define MODEL_NAME_MAX 64

struct recording;
struct selector;
struct target;

struct model_channel {
        char name[MODEL_NAME_MAX + 1];
        uint32_t id; /* never used again in its session */
        uint32_t n_subbufs;
        uint64_t subbuf_size;
        bool overwrite;
        bool kernel; /* of the kernel domain; no published view has it */
        bool ordered_clock; /* was asked for; in a published view: has it */
        struct context_set contexts;
};

struct model_rule {
        struct selector *selector; /* the view has a reference */
        uint32_t channel; /* index */
        uint32_t target;  /* number among the view's, from 1 on; 0: the owner's applications */
};

/* Each target once, whatever the rules that have it. */
struct model_target {
        const struct target *target; /* of a rule's selector */
        uid_t owner;
};

struct model_session {
        char name[MODEL_NAME_MAX + 1];
        uid_t owner;
        struct recording *recording; /* the view has a reference */
        struct model_channel *channels;
        uint32_t n_channels;
        struct model_rule *rules; /* the first that selects an event decides about its channel */
        uint32_t n_rules;
};

struct model_view {
        atomic_uint refs;
        struct rcu_head rcu;
        uint64_t generation;
        struct model_target *targets;
        uint32_t n_targets;
        uint32_t n_sessions;
        struct model_session sessions[];
};

/* An empty one with room for n_sessions. NULL where memory ran out. */
struct model_view *model_view_new(uint64_t generation, uint32_t n_sessions);

struct model_view *model_view_unref(struct model_view *v);

static inline void model_view_unrefp(struct model_view **v) {
        if (*v)
                model_view_unref(*v);
}

/* The newest one at location, which the caller then owns. A registered RCU thread. */
struct model_view *model_view_get(struct model_view *const *location);

/* Main loop: replaces the one at location, whose reference is given back after a grace period. */
void model_view_publish(struct model_view **location, struct model_view *next);

/* What rules may be for: applications of a uid that the targets whose bits are set reach. */
struct model_reach {
        uid_t uid;
        const uint64_t *targets; /* a bit for each of the view's, from the first word's lowest on; NULL: it has none */
};

/* Words that have a bit for each target. */
static inline size_t model_view_target_words(const struct model_view *v) {
        return (v->n_targets + 63) / 64;
}

/* The number for a rule's target, which is added where the view does not have it. -ENOMEM. */
int model_view_add_target(struct model_view *v, const struct target *target, uid_t owner, uint32_t *ret);

/* Whether any rule of the session reaches it. */
bool model_session_reaches(const struct model_session *session, const struct model_reach *reach);

/*
 * The first rule from number *position on that reaches it and selects an event,
 * the next number in *position; or NULL.
 */
const struct model_rule *model_session_match(const struct model_session *session, const struct model_reach *reach,
                                             const char *event, uint8_t loglevel, uint32_t *position);
