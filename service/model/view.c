/* SPDX-License-Identifier: LGPL-2.1-or-later */

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

const struct model_rule *model_session_match(const struct model_session *session, const char *event, uint8_t loglevel,
                                             uint32_t *position) {
        while (*position < session->n_rules) {
                const struct model_rule *rule = &session->rules[(*position)++];

                if (selector_selects(rule->selector, event, loglevel))
                        return rule;
        }
        return NULL;
}
