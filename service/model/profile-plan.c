/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "service/model/manager.h"
#include "service/model/profile-plan.h"

void profile_plan_done(struct profile_plan *plan) {
        while (plan->new_rules) {
                struct rule *rule = plan->new_rules;

                plan->new_rules = rule->next;
                rule_free(rule);
        }
        while (plan->new_channels) {
                struct channel *channel = plan->new_channels;

                plan->new_channels = channel->next;
                channel_free(channel);
        }
        if (plan->has_output)
                session_output_done(&plan->output);
        free(plan->channels);
        free(plan->rules);
}

static struct model_channel config_of(const struct profile_channel *c, uint32_t id) {
        struct model_channel config = {
                .id = id,
                .n_subbufs = c->n_subbufs,
                .subbuf_size = c->subbuf_size,
                .overwrite = strcmp(c->mode, channel_mode_to_string(true)) == 0,
                .ordered_clock = c->ordered_clock,
                .contexts = c->contexts,
                .kernel = c->kernel,
        };

        strcpy(config.name, c->name);
        return config;
}

static int plan_channel(struct profile_plan *plan, const struct profile_channel *c, struct channel **ret,
                        struct failure *failure) {
        struct channel *channel = session_find_channel(plan->session, c->kernel, c->name), **last;
        struct model_channel config;
        int r;

        if (channel) {
                config = config_of(c, channel->config.id);
                /* Their memory was charged when the channel was made. */
                if (c->kernel && (config.subbuf_size != channel->config.subbuf_size ||
                                  config.n_subbufs != channel->config.n_subbufs))
                        return fail(failure, FAILURE_CANNOT_CHANGE, "The rings of the kernel's channel '%s' of session "
                                    "'%s' have their sizes already; destroy it, or give the profile another Name.",
                                    c->name, plan->session->name);
                plan->channels[plan->n_channels++] = (struct planned_channel) { channel, config, c->enabled };
                *ret = channel;
                return 0;
        }
        config = config_of(c, plan->session->last_channel + (uint32_t) plan->n_new_channels + 1);
        r = channel_new(plan->session, &config, &channel, failure);
        if (r < 0)
                return r;
        channel->enabled = c->enabled;
        for (last = &plan->new_channels; *last; last = &(*last)->next)
                ;
        *last = channel;
        plan->n_new_channels++;
        *ret = channel;
        return 0;
}

/* Rules that are there already were planned by plan_rules_that_are(). */
static int plan_new_rules(struct profile_plan *plan, struct channel *channel, const struct selectors *selectors,
                          bool enabled, struct failure *failure) {
        struct rule *rule, **last;
        int r;

        for (last = &plan->new_rules; *last; last = &(*last)->next)
                ;
        for (size_t i = 0; i < selectors->n; i++) {
                if (session_find_selector(plan->session, channel, selectors->items[i]))
                        continue;
                r = rule_new(channel, plan->session->last_rule + (uint32_t) plan->n_new_rules + 1, selectors->items[i],
                             &rule, failure);
                if (r < 0)
                        return r;
                rule->enabled = enabled;
                *last = rule;
                last = &rule->next;
                plan->n_new_rules++;
        }
        return 0;
}

static void plan_rules_that_are(struct profile_plan *plan, const struct profile *profile) {
        for (struct rule *rule = plan->session->rules; rule; rule = rule->next) {
                const struct profile_channel *c = profile_find_channel(profile, rule->channel->config.kernel,
                                                                       rule->channel->config.name);
                bool enabled = selectors_have(&c->events, rule->selector);
                bool removed = !enabled && !selectors_have(&c->disabled, rule->selector);

                plan->rules[plan->n_rules++] = (struct planned_rule) { rule, enabled, removed };
                plan->n_removed_rules += removed;
        }
}

static int plan_output(struct profile_plan *plan, const struct profile *profile, struct failure *failure) {
        const struct session *s = plan->session;
        const struct session_output *now = &s->output;
        const char *asked = session_output_asked(now);
        int r;

        if (session_has_recorded(s) ||
            (profile->directory ? asked && strcmp(profile->directory, asked) == 0 : now->kind == CONSUMER_OUTPUT_STATE))
                return 0;
        /* A client's own directory is one that only it could open. */
        if (now->kind == CONSUMER_OUTPUT_FD && (!profile->directory || strcmp(profile->directory, now->path) == 0))
                return 0;
        r = manager_dated_output(s->manager, profile->directory, s->name, session_now(), &plan->output, failure);
        plan->has_output = r >= 0;
        plan->output.has_rings = plan->has_rings;
        plan->output.sync_msec = plan->sync_msec;
        return r;
}

int profile_plan_make(struct profile_plan *plan, struct session *s, const struct profile *profile,
                      struct failure *failure) {
        int r;

        plan->session = s;
        plan->mode = profile->mode;
        plan->space = profile->space;
        plan->has_rings = profile->has_rings;
        plan->sync_msec = profile->sync_msec;
        plan->channels = calloc((size_t) s->n_channels + 1, sizeof(*plan->channels));
        plan->rules = calloc((size_t) s->n_rules + 1, sizeof(*plan->rules));
        if (!plan->channels || !plan->rules)
                return fail_memory(failure);
        plan_rules_that_are(plan, profile);
        for (const struct profile_channel *c = profile->channels; c; c = c->next) {
                struct channel *channel;

                r = plan_channel(plan, c, &channel, failure);
                if (r >= 0)
                        r = plan_new_rules(plan, channel, &c->events, true, failure);
                if (r >= 0)
                        r = plan_new_rules(plan, channel, &c->disabled, false, failure);
                if (r < 0)
                        return r;
        }
        return plan_output(plan, profile, failure);
}

#define SWAP(a, b)                                                             \
        ({                                                                     \
                __typeof__(a) _swap = (a);                                     \
                (a) = (b);                                                     \
                (b) = _swap;                                                   \
        })

static void exchange(struct profile_plan *plan) {
        struct session *s = plan->session;

        for (size_t i = 0; i < plan->n_channels; i++) {
                SWAP(plan->channels[i].config, plan->channels[i].channel->config);
                SWAP(plan->channels[i].enabled, plan->channels[i].channel->enabled);
        }
        for (size_t i = 0; i < plan->n_rules; i++)
                SWAP(plan->rules[i].enabled, plan->rules[i].rule->enabled);
        SWAP(plan->mode, s->mode);
        SWAP(plan->space, s->space.config);
        if (plan->has_output)
                SWAP(plan->output, s->output);
        else {
                SWAP(plan->has_rings, s->output.has_rings);
                SWAP(plan->sync_msec, s->output.sync_msec);
        }
}

static struct channel **end_of_channels(struct session *s) {
        struct channel **last;

        for (last = &s->channels; *last; last = &(*last)->next)
                ;
        return last;
}

static struct rule **end_of_rules(struct session *s) {
        struct rule **last;

        for (last = &s->rules; *last; last = &(*last)->next)
                ;
        return last;
}

static void announce(const struct profile_plan *plan, struct channel *new_channels, struct rule *new_rules) {
        struct session *s = plan->session;

        for (size_t i = 0; i < plan->n_channels; i++) {
                const struct planned_channel *c = &plan->channels[i];

                if (c->enabled != c->channel->enabled || memcmp(&c->config, &c->channel->config, sizeof(c->config)))
                        manager_announce(s->manager, MANAGER_CHANNEL_CHANGED, s, c->channel, NULL);
        }
        for (size_t i = 0; i < plan->n_rules; i++)
                if (plan->rules[i].removed)
                        manager_announce(s->manager, MANAGER_RULE_REMOVED, s, NULL, plan->rules[i].rule);
                else if (plan->rules[i].enabled != plan->rules[i].rule->enabled)
                        manager_announce(s->manager, MANAGER_RULE_CHANGED, s, NULL, plan->rules[i].rule);
        for (struct channel *c = new_channels; c; c = c->next)
                manager_announce(s->manager, MANAGER_CHANNEL_ADDED, s, c, NULL);
        for (struct rule *rule = new_rules; rule; rule = rule->next)
                manager_announce(s->manager, MANAGER_RULE_ADDED, s, NULL, rule);
        manager_announce(s->manager, MANAGER_SESSION_CHANGED, s, NULL, NULL);
}

static void remove_rules(struct profile_plan *plan) {
        for (size_t i = 0; i < plan->n_rules; i++)
                if (plan->rules[i].removed) {
                        session_unlink_rule(plan->session, plan->rules[i].rule);
                        rule_free(plan->rules[i].rule);
                }
        plan->n_rules = 0;
}

int profile_plan_carry_out(struct profile_plan *plan, bool announced, struct failure *failure) {
        struct session *s = plan->session;
        struct channel **channels = end_of_channels(s);
        struct rule **rules = end_of_rules(s);
        int r;

        exchange(plan);
        *channels = plan->new_channels;
        *rules = plan->new_rules;
        s->n_channels += (uint32_t) plan->n_new_channels;
        s->n_rules += (uint32_t) plan->n_new_rules;
        r = session_publish(s, failure);
        if (r < 0) {
                s->n_rules -= (uint32_t) plan->n_new_rules;
                s->n_channels -= (uint32_t) plan->n_new_channels;
                *rules = NULL;
                *channels = NULL;
                exchange(plan);
                return r;
        }
        s->last_channel += (uint32_t) plan->n_new_channels;
        s->last_rule += (uint32_t) plan->n_new_rules;
        if (announced)
                announce(plan, plan->new_channels, plan->new_rules);
        session_space_look(s);
        plan->new_channels = NULL;
        plan->new_rules = NULL;
        remove_rules(plan);
        return 0;
}
