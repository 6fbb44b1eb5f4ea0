/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * An event rule: a pattern over `provider:name` in a channel. Owned by its
 * session, which keeps them in the order in which they were made; main loop only.
 */

#include <stdbool.h>
#include <stdint.h>

#include "service/model/channel.h"
#include "service/model/failure.h"

#define RULE_PATTERN_MAX 511
#define RULES_PER_SESSION_MAX 1024

struct rule {
        struct rule *next;
        struct session *session;
        struct channel *channel;
        uint32_t id; /* never used again in its session */
        bool enabled;
        char *pattern;
        struct charge charge;
};

/* 0 when pattern is `*` or `provider:name`, each made of letters, digits, '_' and '*'. */
int pattern_check(const char *pattern, struct failure *failure);

int rule_new(struct channel *channel, uint32_t id, const char *pattern, struct rule **ret, struct failure *failure);
struct rule *rule_free(struct rule *rule);
