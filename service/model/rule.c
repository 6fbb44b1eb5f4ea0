/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "service/model/manager.h"

#define PATTERN_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_*"

int pattern_check(const char *pattern, struct failure *failure) {
        const char *colon = strchr(pattern, ':');
        size_t provider = strspn(pattern, PATTERN_CHARACTERS), name;

        if (*pattern == '\0')
                return fail(failure, FAILURE_INVALID_PATTERN,
                            "The event pattern is empty; write '*' for all events, or 'provider:name'.");
        if (strlen(pattern) > RULE_PATTERN_MAX)
                return fail(failure, FAILURE_INVALID_PATTERN,
                            "The event pattern '%.40s...' is too long; it can have %i characters.", pattern,
                            RULE_PATTERN_MAX);
        if (strcmp(pattern, "*") == 0)
                return 0;
        if (!colon && pattern[provider] == '\0')
                return fail(failure, FAILURE_INVALID_PATTERN,
                            "'%.200s' is no event pattern: write '%.200s:*' for all events of a provider.", pattern,
                            pattern);
        name = colon ? strspn(colon + 1, PATTERN_CHARACTERS) : 0;
        if (!colon || pattern + provider != colon || provider == 0 || name == 0 || colon[1 + name] != '\0')
                return fail(failure, FAILURE_INVALID_PATTERN,
                            "'%.200s' is no event pattern: write 'provider:name' of letters, digits, '_' and '*', such "
                            "as 'shop:*'.", pattern);
        return 0;
}

int rule_new(struct channel *channel, uint32_t id, const char *pattern, struct rule **ret, struct failure *failure) {
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
                .pattern = strdup(pattern),
        };
        r = rule->pattern ? quota_charge_or_fail(&session->manager->domain->quota, session->owner, QUOTA_RULES,
                                                 &rule->charge, failure)
                          : fail_memory(failure);
        if (r < 0) {
                rule_free(rule);
                return r;
        }
        *ret = rule;
        return 0;
}

struct rule *rule_free(struct rule *rule) {
        if (rule) {
                charge_done(&rule->charge);
                free(rule->pattern);
        }
        free(rule);
        return NULL;
}
