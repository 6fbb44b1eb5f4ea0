/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "common/parse.h"
#include "service/model/manager.h"
#include "service/model/operation.h"
#include "service/model/waiter.h"
#include "service/registry/registry.h"
#include "service/state/ledger.h"

int manager_new(sd_event *event, struct user_domain *domain, const struct consumer_starter *starter,
                struct manager **ret) {
        _cleanup_(manager_freep) struct manager *m = NULL;
        int r;

        m = malloc(sizeof(*m));
        if (!m)
                return -ENOMEM;
        *m = (struct manager) {
                .event = sd_event_ref(event),
                .domain = domain,
                .starter = *starter,
                .profile_places = { .root = "", .user = getuid() != 0 },
                .state_second = session_now() / 1000000,
                .consumer_usec = OPERATION_CONSUMER_USEC,
        };
        r = calibration_new(domain->clock, domain->first_sample.ticks > 0 ? &domain->first_sample : NULL, NULL,
                            &m->calibration);
        if (r < 0)
                return r;
        m->published = model_view_new(1, 0);
        if (!m->published)
                return -ENOMEM;
        r = waiters_init(m);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(m);
        return 0;
}

struct manager *manager_free(struct manager *m) {
        if (!m)
                return NULL;
        while (m->sessions) {
                struct session *s = m->sessions;

                m->sessions = s->next;
                session_free(s);
        }
        ledger_drop(m->domain->ledger, &m->clock_entry);
        waiters_done(m);
        if (m->published)
                model_view_unref(m->published);
        clock_watch_done(&m->clock_watch);
        calibration_free(m->calibration);
        sd_event_unref(m->event);
        free(m);
        return NULL;
}

struct session *manager_find_session(struct manager *m, uid_t owner, const char *name) {
        for (struct session *s = m->sessions; s; s = s->next)
                if (s->owner == owner && strcmp(s->name, name) == 0)
                        return s;
        return NULL;
}

int manager_check_session(struct manager *m, const struct session_config *c, const struct session *replaces,
                          struct failure *failure) {
        struct session *found;

        if (!name_is_valid(c->name))
                return fail(failure, FAILURE_INVALID_NAME,
                            "'%.100s' is no name for a session: use 1 to 64 letters, digits, '_', '.' and '-', the "
                            "first no '.' and no '-'.", c->name);
        if (m->shutting_down)
                return fail(failure, FAILURE_BUSY, "tracingd is about to end; start it again.");
        found = manager_find_session(m, c->owner, c->name);
        if (found && found != replaces)
                return fail(failure, FAILURE_SESSION_EXISTS, "Session '%s' exists already; choose another name.",
                            c->name);
        return 0;
}

int manager_make_session(struct manager *m, const struct session_config *config, struct session **ret,
                           struct failure *failure) {
        struct charge charge;
        struct session *s;
        int r;

        r = manager_check_session(m, config, NULL, failure);
        if (r < 0)
                return r;
        r = quota_charge_or_fail(&m->domain->quota, config->owner, QUOTA_SESSIONS, 1, &charge, failure);
        if (r < 0)
                return r;
        if (session_new(m, config, &s) < 0) {
                charge_done(&charge);
                return fail_memory(failure);
        }
        s->charge = charge;
        *ret = s;
        return 0;
}

void manager_add_session(struct manager *m, struct session *s) {
        s->next = m->sessions;
        m->sessions = s;
        m->n_sessions++;
        manager_announce(m, MANAGER_SESSION_ADDED, s, NULL, NULL);
        for (struct channel *c = s->channels; c; c = c->next)
                manager_announce(m, MANAGER_CHANNEL_ADDED, s, c, NULL);
        for (struct rule *rule = s->rules; rule; rule = rule->next)
                manager_announce(m, MANAGER_RULE_ADDED, s, NULL, rule);
}

int manager_create_session(struct manager *m, const struct session_config *config, struct session **ret,
                           struct failure *failure) {
        int r;

        r = manager_make_session(m, config, ret, failure);
        if (r >= 0)
                manager_add_session(m, *ret);
        return r;
}

int manager_dated_output(struct manager *m, const char *folder, const char *session, uint64_t created,
                         struct session_output *ret, struct failure *failure) {
        uint64_t second = created / 1000000;
        bool taken = second <= m->state_second;

        if (!taken)
                m->state_second = second;
        if (folder)
                return session_output_in_folder(ret, folder, session, created, taken, failure);
        return session_output_state(ret, session, created, taken, failure);
}

void manager_remove_session(struct manager *m, struct session *s) {
        manager_announce(m, MANAGER_SESSION_REMOVED, s, NULL, NULL);
        for (struct session **p = &m->sessions; *p; p = &(*p)->next)
                if (*p == s) {
                        *p = s->next;
                        break;
                }
        m->n_sessions--;
        /* Whoever has waited for its end may have another one now. */
        charge_done(&s->charge);
        if (operation_of(s, OPERATION_DESTROY))
                operation_finish(s, NULL);
        session_free(s);
        if (m->shutting_down && !m->sessions)
                m->shutdown_done(m->shutdown_userdata);
}

static int publish_target(const struct session *s, const struct selector *selector, struct model_view *view,
                          uint32_t *ret) {
        if (!target_is_set(&selector->target))
                return 0;
        return model_view_add_target(view, &selector->target, s->owner, ret);
}

static int publish_rules(const struct session *s, struct model_view *view, struct model_session *ret) {
        ret->rules = calloc((size_t) s->n_rules + 1, sizeof(*ret->rules));
        if (!ret->rules)
                return -ENOMEM;
        for (const struct rule *rule = s->rules; rule; rule = rule->next) {
                struct model_rule *copy = &ret->rules[ret->n_rules];

                if (!rule->enabled || !rule->channel->enabled || rule->selector->kernel)
                        continue;
                copy->selector = selector_ref(rule->selector);
                ret->n_rules++;
                if (publish_target(s, copy->selector, view, &copy->target) < 0)
                        return -ENOMEM;
                while (ret->channels[copy->channel].id != rule->channel->config.id)
                        copy->channel++;
        }
        return 0;
}

static int publish_session(const struct session *s, struct model_view *view, struct model_session *ret) {
        memcpy(ret->name, s->name, sizeof(ret->name));
        ret->owner = s->owner;
        ret->recording = recording_ref(s->recording);
        ret->channels = calloc((size_t) s->n_channels + 1, sizeof(*ret->channels));
        if (!ret->channels)
                return -ENOMEM;
        for (const struct channel *c = s->channels; c; c = c->next) {
                if (c->config.kernel)
                        continue;
                ret->channels[ret->n_channels] = c->config;
                ret->channels[ret->n_channels++].ordered_clock = channel_has_ordered_clock(c);
        }
        return publish_rules(s, view, ret);
}

int manager_publish(struct manager *m, uid_t uid, struct failure *failure) {
        _cleanup_(model_view_unrefp) struct model_view *next = NULL;

        next = model_view_new(m->published->generation + 1, m->n_sessions);
        if (!next)
                return fail_memory(failure);
        next->n_sessions = 0;
        for (const struct session *s = m->sessions; s; s = s->next)
                if (s->state == SESSION_ACTIVE && publish_session(s, next, &next->sessions[next->n_sessions++]) < 0)
                        return fail_memory(failure);
        ledger_count(m->domain->ledger, LEDGER_GENERATION, next->generation);
        model_view_publish(&m->published, TAKE_PTR(next));
        /* After a restart the sessions are there before the first application. */
        if (m->registry)
                registry_push(m->registry, uid);
        return 0;
}

uint32_t manager_expected(const struct manager *m) {
        return m->expected ? m->expected(m->userdata) : 0;
}

uint64_t manager_generation(const struct manager *m) {
        return m->published->generation;
}

uint32_t manager_active_channels(const struct manager *m, uid_t owner) {
        uint32_t n = 0;

        for (const struct session *s = m->sessions; s; s = s->next)
                if (s->owner == owner && s->state == SESSION_ACTIVE)
                        n += s->n_channels;
        return n;
}

void manager_add_listener(struct manager *m, struct manager_listener *listener) {
        listener->next = m->listeners;
        m->listeners = listener;
}

void manager_remove_listener(struct manager *m, struct manager_listener *listener) {
        for (struct manager_listener **p = &m->listeners; *p; p = &(*p)->next)
                if (*p == listener) {
                        *p = listener->next;
                        return;
                }
}

void manager_announce(struct manager *m, enum manager_news news, struct session *s, struct channel *channel,
                      struct rule *rule) {
        for (struct manager_listener *l = m->listeners; l; l = l->next)
                l->news(news, s, channel, rule, l->userdata);
}

void manager_leave(struct manager *m) {
        struct session *next;

        m->leaving = m->shutting_down = true;
        for (struct session *s = m->sessions; s; s = next) {
                next = s->next;
                operation_cancel(s);
        }
}

void manager_shutdown(struct manager *m, void (*done)(void *userdata), void *userdata) {
        struct session *next;

        if (m->shutting_down)
                return;
        m->shutting_down = true;
        m->shutdown_done = done;
        m->shutdown_userdata = userdata;
        if (!m->sessions) {
                done(userdata);
                return;
        }
        for (struct session *s = m->sessions; s; s = next) {
                next = s->next;
                operation_cancel(s);
                session_end(s);
        }
}
