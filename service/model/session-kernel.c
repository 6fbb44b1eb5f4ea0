/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>

#include "service/model/manager.h"
#include "service/model/session-kernel.h"

bool session_has_kernel(const struct session *s) {
        for (const struct channel *c = s->channels; c; c = c->next)
                if (c->config.kernel)
                        return true;
        return false;
}

bool session_is_kernel_own(const struct session *s) {
        for (const struct rule *rule = s->rules; rule; rule = rule->next)
                if (rule->selector->kernel && rule->selector->target.own)
                        return true;
        return false;
}

static int plan_new(const struct session *s, bool active, struct kernel_plan *ret) {
        struct kernel_plan plan = {
                .channels = calloc((size_t) s->n_channels + 1, sizeof(*plan.channels)),
                .rules = calloc((size_t) s->n_rules + 1, sizeof(*plan.rules)),
        };

        if (!plan.channels || !plan.rules) {
                kernel_plan_done(&plan);
                return -ENOMEM;
        }
        for (const struct channel *c = s->channels; c; c = c->next)
                if (c->config.kernel)
                        plan.channels[plan.n_channels++] = c->config;
        for (const struct rule *rule = s->rules; rule && active; rule = rule->next)
                if (rule->selector->kernel && rule->enabled && rule->channel->enabled)
                        plan.rules[plan.n_rules++] = (struct kernel_plan_rule) {
                                .selector = selector_ref(rule->selector),
                                .channel = rule->channel->config.id,
                        };
        *ret = plan;
        return 0;
}

static void on_reader_failed(const char *reason, void *userdata) {
        struct session *s = userdata;

        if (s->state != SESSION_FAILED)
                session_fail(s, reason);
}

static int make_recording(struct session *s, bool restored) {
        const struct kernel_recording_config config = {
                .owner = s->owner,
                .key = s->key,
                .created = s->created,
                .restored = restored,
                .brief = s->client && !session_is_kernel_own(s),
                .own = session_is_kernel_own(s) && !restored,
                .event = s->manager->event,
                .units = s->manager->starter.units,
                .failed = on_reader_failed,
                .userdata = s,
        };

        if (!s->manager->kernel || kernel_domain_unavailable(s->manager->kernel))
                return -EOPNOTSUPP;
        return kernel_recording_new(s->manager->kernel, &config, consumer_sender(s->consumer), &s->kernel);
}

int session_kernel_apply(struct session *s, bool active, kernel_done_t done, kernel_gone_t gone, void *userdata) {
        struct kernel_plan plan;
        int r;

        if (!s->kernel) {
                r = make_recording(s, false);
                if (r < 0)
                        return r;
        }
        r = plan_new(s, active, &plan);
        return r < 0 ? r : kernel_recording_apply(s->kernel, &plan, done, gone, userdata);
}

void session_kernel_prepare(struct session *s) {
        struct kernel_plan plan;

        if (!session_has_kernel(s) || session_is_kernel_own(s) || (!s->kernel && make_recording(s, false) < 0))
                return;
        if (plan_new(s, true, &plan) >= 0)
                (void) kernel_recording_prepare(s->kernel, &plan);
}

int session_kernel_remake(struct session *s) {
        return s->kernel ? 0 : make_recording(s, true);
}

int session_kernel_restore(struct session *s) {
        int r;

        if (!s->consumer || !session_has_kernel(s))
                return 0;
        r = session_kernel_remake(s);
        if (r >= 0 && session_is_kernel_own(s) && s->state != SESSION_FAILED) {
                session_fail(s, "tracingd was restarted, and nobody can say any more which processes were its owner's "
                                "own; destroy it and make it again");
                return 0;
        }
        return r < 0 ? r : session_kernel_apply(s, s->state == SESSION_ACTIVE, NULL, NULL, NULL);
}

void session_kernel_forget(const struct session *s) {
        if (s->manager->kernel && session_has_kernel(s))
                kernel_domain_remove_probes(s->manager->kernel, &(struct kernel_probe_owner) { s->owner, s->key });
}

int session_kernel_clean(struct manager *m) {
        _cleanup_free_ uint64_t *keys = NULL;
        size_t n = 0;
        int r;

        if (!m->kernel)
                return 0;
        for (const struct session *s = m->sessions; s; s = s->next)
                n++;
        keys = malloc((n + 1) * sizeof(*keys));
        if (!keys)
                return -ENOMEM;
        n = 0;
        for (const struct session *s = m->sessions; s; s = s->next)
                keys[n++] = s->key;
        r = kernel_domain_clean(m->kernel);
        return r < 0 ? r : kernel_domain_sweep_probes(m->kernel, keys, n);
}
