/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "service/model/manager.h"
#include "service/state/ledger.h"

int rule_charge(const struct session *session, const struct selector *selector, struct charge *ret,
                struct failure *failure) {
        return quota_charge_or_fail(&session->manager->domain->quota, session->owner, QUOTA_RULES,
                                    1 + strlen(selector->text) / RULE_CHARGE_BYTES, ret, failure);
}

int rule_new(struct channel *channel, uint32_t id, struct selector *selector, struct rule **ret,
             struct failure *failure) {
        struct session *session = channel->session;
        struct rule *rule;
        int r;

        rule = malloc(sizeof(*rule));
        if (!rule)
                return fail_memory(failure);
        *rule = (struct rule) {
                .session = session,
                .channel = channel,
                .id = id,
                .enabled = true,
                .selector = selector_ref(selector),
        };
        r = rule_charge(session, selector, &rule->charge, failure);
        if (r < 0) {
                rule_free(rule);
                return r;
        }
        if (target_reaches_others(&selector->target, session->owner))
                session_widen_scope(session);
        *ret = rule;
        return 0;
}

struct rule *rule_free(struct rule *rule) {
        if (rule) {
                ledger_drop(rule->session->manager->domain->ledger, &rule->entry);
                charge_done(&rule->charge);
                selector_unref(rule->selector);
        }
        free(rule);
        return NULL;
}
