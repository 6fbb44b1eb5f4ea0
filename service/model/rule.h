/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * An event rule: a selector of events, in a channel; there is one of each
 * selector in each channel. Owned by its session, which keeps them in the order in
 * which they were made; main loop only.
 */

#include <stdbool.h>
#include <stdint.h>

#include "service/model/channel.h"
#include "service/model/failure.h"
#include "service/model/selector.h"

#define RULES_PER_SESSION_MAX 1024
#define RULE_CHARGE_BYTES 512 /* of its text: a rule with long options counts as several in its owner's quota */

struct rule {
        struct rule *next;
        struct session *session;
        struct channel *channel;
        uint32_t id; /* never used again in its session */
        bool enabled;
        struct selector *selector;
        struct charge charge;
        struct ledger_entry *entry; /* in the state */
};

/* For one more rule of this selector, whether or not it is made. As quota_charge_or_fail(). */
int rule_charge(const struct session *session, const struct selector *selector, struct charge *ret,
                struct failure *failure);

int rule_new(struct channel *channel, uint32_t id, struct selector *selector, struct rule **ret,
             struct failure *failure);
struct rule *rule_free(struct rule *rule);
