/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>

#include "service/domain/recording.h"
#include "service/model/selector.h"
#include "service/model/view.h"

struct model_view *model_view_new(uint64_t generation, uint32_t n_sessions) {
        struct model_view *v;

        v = calloc(1, sizeof(*v) + n_sessions * sizeof(v->sessions[0]));
        if (!v)
                return NULL;
        v->refs = 1;
        v->generation = generation;
        v->n_sessions = n_sessions;
        return v;
}

static void model_view_free(struct model_view *v) {
        for (uint32_t i = 0; i < v->n_sessions; i++) {
                struct model_session *s = &v->sessions[i];

                for (uint32_t k = 0; k < s->n_rules; k++)
                        selector_unref(s->rules[k].selector);
                free(s->rules);
                free(s->channels);
                recording_unref(s->recording);
        }
        free(v->targets);
        free(v);
}

struct model_view *model_view_unref(struct model_view *v) {
        if (v && atomic_fetch_sub_explicit(&v->refs, 1, memory_order_acq_rel) == 1)
                model_view_free(v);
        return NULL;
}

struct model_view *model_view_get(struct model_view *const *location) {
        struct model_view *v;

        /* The publisher's own reference is kept for a grace period, so refs cannot be 0 here. */
        rcu_read_lock();
        v = rcu_dereference(*location);
        atomic_fetch_add_explicit(&v->refs, 1, memory_order_relaxed);
        rcu_read_unlock();
        return v;
}

static void unref_after_grace(struct rcu_head *head) {
        model_view_unref(CONTAINER_OF(head, struct model_view, rcu));
}

void model_view_publish(struct model_view **location, struct model_view *next) {
        struct model_view *last = rcu_xchg_pointer(location, next);

        if (last)
                call_rcu(&last->rcu, unref_after_grace);
}

int model_view_add_target(struct model_view *v, const struct target *target, uid_t owner, uint32_t *ret) {
        struct model_target *targets;

        for (uint32_t i = 0; i < v->n_targets; i++)
                if (v->targets[i].owner == owner && target_is_same(v->targets[i].target, target)) {
                        *ret = i + 1;
                        return 0;
                }
        targets = realloc(v->targets, (v->n_targets + 1) * sizeof(*targets));
        if (!targets)
                return -ENOMEM;
        v->targets = targets;
        targets[v->n_targets++] = (struct model_target) { target, owner };
        *ret = v->n_targets;
        return 0;
}

static bool reaches(const struct model_session *session, const struct model_rule *rule,
                    const struct model_reach *reach) {
        uint32_t bit = rule->target - 1;

        if (rule->target == 0)
                return session->owner == reach->uid;
        return reach->targets && reach->targets[bit / 64] & UINT64_C(1) << bit % 64;
}

bool model_session_reaches(const struct model_session *session, const struct model_reach *reach) {
        for (uint32_t i = 0; i < session->n_rules; i++)
                if (reaches(session, &session->rules[i], reach))
                        return true;
        return false;
}

const struct model_rule *model_session_match(const struct model_session *session, const struct model_reach *reach,
                                             const char *event, uint8_t loglevel, uint32_t *position) {
        while (*position < session->n_rules) {
                const struct model_rule *rule = &session->rules[(*position)++];

                if (reaches(session, rule, reach) && selector_selects(rule->selector, event, loglevel))
                        return rule;
        }
        return NULL;
}
