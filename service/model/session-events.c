/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "service/domain/kernel/kernel.h"
#include "service/model/manager.h"
#include "service/model/session.h"
#include "service/registry/registry.h"

struct rule *session_find_rule(struct session *s, uint32_t id) {
        for (struct rule *rule = s->rules; rule; rule = rule->next)
                if (rule->id == id)
                        return rule;
        return NULL;
}

struct rule *session_find_selector(struct session *s, const struct channel *channel, const struct selector *selector) {
        for (struct rule *rule = s->rules; rule; rule = rule->next)
                if (rule->channel == channel && strcmp(rule->selector->text, selector->text) == 0)
                        return rule;
        return NULL;
}

static const struct rule *first_match(const struct session *s, const struct event_entry *event) {
        for (const struct rule *rule = s->rules; rule; rule = rule->next)
                if (rule->enabled && !rule->selector->kernel && selector_selects(rule->selector, event->name, event->loglevel))
                        return rule;
        return NULL;
}

static int check_event(const struct session *s, const struct channel *channel, const struct selector *selector,
                       const struct event_entry *event, struct failure *failure) {
        const struct rule *rule;

        if (!selector_selects(selector, event->name, event->loglevel))
                return 0;
        rule = first_match(s, event);
        if (!rule || rule->channel == channel)
                return 0;
        return fail(failure, FAILURE_EVENT_IN_OTHER_CHANNEL,
                    "Event '%.120s' is recorded by channel '%s' of session '%s' already (rule '%.120s'), and an event "
                    "is in one channel only; write a narrower pattern than '%.120s', or remove that rule.",
                    event->name, rule->channel->config.name, s->name, rule->selector->text, selector->pattern);
}

/* channel: NULL where it is still to be made. */
static int check_other_channels(const struct session *s, const struct channel *channel,
                                const struct selector *selector, struct failure *failure) {
        struct event_definitions **list;
        size_t n;
        int r;

        for (const struct rule *rule = s->rules; rule; rule = rule->next)
                if (rule->enabled && rule->channel != channel && rule->selector->kernel == selector->kernel &&
                    rule->selector->kind == selector->kind &&
                    strcmp(rule->selector->pattern, selector->pattern) == 0 &&
                    selector_levels_overlap(rule->selector, selector))
                        return fail(failure, FAILURE_EVENT_IN_OTHER_CHANNEL,
                                    "'%.200s' is enabled in channel '%s' of session '%s' already, and an event is in "
                                    "one channel only; remove that rule first.",
                                    selector->pattern, rule->channel->config.name, s->name);
        if (selector->kernel)
                return 0;
        r = registry_list_definitions(s->manager->registry, s->owner, &list, &n);
        if (r < 0)
                return fail_memory(failure);
        for (size_t i = 0; i < n; i++) {
                for (uint32_t e = 0; e < list[i]->n_events && r >= 0; e++)
                        r = check_event(s, channel, selector, &list[i]->events[e], failure);
                event_definitions_unref(list[i]);
        }
        free(list);
        return r;
}

/*
 * The kernel's ring of a channel follows one process, or none. Where all that is passed on must be the owner's own, all
 * rings of the session follow the same one, since one reader tells what is his.
 */
static int check_followed(const struct session *s, const struct channel *channel, const struct selector *selector,
                          struct failure *failure) {
        const struct target *target = &selector->target;

        for (const struct rule *rule = s->rules; rule && selector->kernel; rule = rule->next) {
                const struct target *other = &rule->selector->target;

                if (!rule->selector->kernel || target_is_same(other, target))
                        continue;
                if (other->own || target->own)
                        return fail(failure, FAILURE_INVALID_OPTION, "Session '%s' has the kernel's events of other "
                                    "processes ('%.150s'), and a session of your own processes is for one of them, "
                                    "with its children; use another session, or remove that rule.", s->name,
                                    rule->selector->text);
                if (rule->channel == channel)
                        return fail(failure, FAILURE_INVALID_OPTION,
                                    "Channel '%s' of session '%s' has events of %s processes ('%.150s'), and all events "
                                    "of a channel of the kernel are of the same ones; use another channel, or remove "
                                    "that rule.", channel->config.name, s->name,
                                    target_is_set(other) ? "other" : "all", rule->selector->text);
        }
        return 0;
}

/* What is not read at once could not be told apart later. */
static int check_own(const struct session *s, const struct channel *channel, const struct selector *selector,
                     struct failure *failure) {
        if (!selector->kernel)
                return 0;
        if (s->kernel && kernel_recording_is_own(s->kernel) != selector->target.own)
                return fail(failure, FAILURE_INVALID_OPTION, "Session '%s' was started with %s events of the kernel; "
                            "use another session for this one.", s->name,
                            selector->target.own ? "other" : "your own processes'");
        if (!selector->target.own || !channel->config.overwrite)
                return 0;
        return fail(failure, FAILURE_INVALID_OPTION, "Channel '%s' of session '%s' overwrites, and the kernel's events "
                    "of your own processes are in channels that discard; make another one.", channel->config.name,
                    s->name);
}

static int get_channel(struct session *s, bool kernel, const char *name, struct channel **ret,
                       struct failure *failure) {
        const struct channel_options defaults = { .kernel = kernel };
        struct channel *channel;

        channel = session_find_channel(s, kernel, name);
        if (channel) {
                *ret = channel;
                return 0;
        }
        if (strcmp(name, CHANNEL_DEFAULT_NAME) != 0)
                return fail(failure, FAILURE_NO_SUCH_CHANNEL,
                            "Session '%s' has no channel '%.80s'; make it with EnableChannel first.", s->name, name);
        return session_enable_channel(s, name, &defaults, ret, failure);
}

void session_unlink_rule(struct session *s, struct rule *rule) {
        for (struct rule **p = &s->rules; *p; p = &(*p)->next)
                if (*p == rule) {
                        *p = rule->next;
                        s->n_rules--;
                        return;
                }
}

/* Whether there may be another rule: asked before a channel is made for it. */
static int check_room(struct session *s, const struct selector *selector, struct failure *failure) {
        struct charge charge = { 0 };
        int r;

        if (s->n_rules >= RULES_PER_SESSION_MAX)
                return fail(failure, FAILURE_LIMIT, "Session '%s' has %i event rules, which is the most that it can "
                            "have; use patterns with '*'.", s->name, RULES_PER_SESSION_MAX);
        r = rule_charge(s, selector, &charge, failure);
        charge_done(&charge);
        return r;
}

static int add_rule(struct session *s, struct channel *channel, struct selector *selector, struct rule **ret,
                    struct failure *failure) {
        struct rule *rule, **p;
        int r;

        r = rule_new(channel, s->last_rule + 1, selector, &rule, failure);
        if (r < 0)
                return r;
        for (p = &s->rules; *p; p = &(*p)->next)
                ;
        *p = rule;
        s->n_rules++;
        s->last_rule++;
        r = session_publish(s, failure);
        if (r < 0) {
                session_unlink_rule(s, rule);
                rule_free(rule);
                return r;
        }
        manager_announce(s->manager, MANAGER_RULE_ADDED, s, NULL, rule);
        *ret = rule;
        return 0;
}

static int set_enabled(struct session *s, struct rule *rule, bool enabled, struct failure *failure) {
        int r;

        if (rule->enabled == enabled)
                return 0;
        rule->enabled = enabled;
        r = session_publish(s, failure);
        if (r < 0) {
                rule->enabled = !enabled;
                return r;
        }
        manager_announce(s->manager, MANAGER_RULE_CHANGED, s, NULL, rule);
        return 0;
}

int session_enable_event(struct session *s, const char *name, struct selector *selector, struct rule **ret,
                         struct failure *failure) {
        struct channel *channel;
        struct rule *rule;
        int r;

        if (*name == '\0')
                name = CHANNEL_DEFAULT_NAME;
        channel = session_find_channel(s, selector->kernel, name);
        r = check_other_channels(s, channel, selector, failure);
        if (r < 0)
                return r;
        rule = channel ? session_find_selector(s, channel, selector) : NULL;
        if (!rule)
                r = check_room(s, selector, failure);
        if (r >= 0)
                r = get_channel(s, selector->kernel, name, &channel, failure);
        if (r < 0)
                return r;
        r = check_followed(s, channel, selector, failure);
        if (r >= 0)
                r = check_own(s, channel, selector, failure);
        if (r < 0)
                return r;
        if (!rule)
                return add_rule(s, channel, selector, ret, failure);
        r = set_enabled(s, rule, true, failure);
        if (r < 0)
                return r;
        *ret = rule;
        return 0;
}

int session_disable_event(struct session *s, struct rule *rule, struct failure *failure) {
        return set_enabled(s, rule, false, failure);
}

int session_remove_event(struct session *s, struct rule *rule, struct failure *failure) {
        bool was_enabled = rule->enabled;
        int r;

        rule->enabled = false;
        r = was_enabled ? session_publish(s, failure) : 0;
        if (r < 0) {
                rule->enabled = was_enabled;
                return r;
        }
        manager_announce(s->manager, MANAGER_RULE_REMOVED, s, NULL, rule);
        session_unlink_rule(s, rule);
        rule_free(rule);
        return 0;
}
