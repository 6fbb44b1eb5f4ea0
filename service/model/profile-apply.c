/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "protocol/view.h"
#include "service/model/manager.h"
#include "service/model/profile-plan.h"
#include "service/model/session-kernel.h"
#include "service/registry/registry.h"
#include "service/state/keeper.h"

/* What the profile leaves as it is becomes part of it, so that what is left is the difference. */
static int adapt(struct profile *p, const struct profile *now, const struct session *s) {
        struct profile_channel *copy;

        p->start |= now->start;
        /* Without Directory= the place is the default one, but where there is none, or a client has brought its own. */
        if (!p->directory && now->directory &&
            (s->output.kind == CONSUMER_OUTPUT_FD || !s->manager->has_state_directories) &&
            !(p->directory = strdup(now->directory)))
                return -ENOMEM;
        for (const struct profile_channel *c = now->channels; c; c = c->next) {
                if (profile_find_channel(p, c->kernel, c->name))
                        continue;
                if (profile_add_channel(p, c->kernel, c->name, &copy) < 0)
                        return -ENOMEM;
                copy->subbuf_size = c->subbuf_size;
                copy->n_subbufs = c->n_subbufs;
                copy->mode = c->mode;
                copy->ordered_clock = c->ordered_clock;
                copy->contexts = c->contexts;
                copy->enabled = false;
        }
        return 0;
}

static int cannot_change(const struct session *s, const char *what, struct failure *failure) {
        return fail(failure, FAILURE_CANNOT_CHANGE, "%s of session '%s' cannot be changed any more, since it has been "
                    "started; destroy it, or give the profile another Name.", what, s->name);
}

static bool same_directory(const char *a, const char *b) {
        return a == b || (a && b && strcmp(a, b) == 0);
}

/* What a session that was started keeps. */
static int check_recorded(const struct session *s, const struct profile *p, const struct profile *now,
                          struct failure *failure) {
        char what[MODEL_NAME_MAX + 32];

        if (p->mode != now->mode)
                return cannot_change(s, "The mode", failure);
        if (!same_directory(p->directory, now->directory))
                return cannot_change(s, "The directory", failure);
        if (p->has_rings != now->has_rings || p->sync_msec != now->sync_msec)
                return cannot_change(s, "The place of the rings", failure);
        for (const struct profile_channel *c = p->channels; c; c = c->next) {
                const struct profile_channel *n = profile_find_channel(now, c->kernel, c->name);

                /* Of events that are there the trace says it. */
                if (n && n->ordered_clock && !c->ordered_clock && !c->kernel) {
                        snprintf(what, sizeof(what), "The ordered clock of channel '%s'", c->name);
                        return cannot_change(s, what, failure);
                }
                if (!n || (n->subbuf_size == c->subbuf_size && n->n_subbufs == c->n_subbufs && n->mode == c->mode &&
                           context_set_equal(&n->contexts, &c->contexts)))
                        continue;
                snprintf(what, sizeof(what), "%s of channel '%s'",
                         !context_set_equal(&n->contexts, &c->contexts) ? "The contexts" : "The rings", c->name);
                return cannot_change(s, what, failure);
        }
        return 0;
}

static int check_state(const struct session *s, const struct profile *p, struct failure *failure) {
        if (session_is_kernel_own(s) && profile_has_kernel(p))
                return fail(failure, FAILURE_CANNOT_CHANGE, "Session '%s' has the kernel's events of its owner's own "
                            "processes, which no profile can have; give the profile another Name.", s->name);
        if (s->operation)
                return fail(failure, FAILURE_BUSY, "Session '%s' is being started, stopped or written; try again when "
                            "that is over.", s->name);
        if (!p->start || s->state == SESSION_ACTIVE)
                return 0;
        if (s->state == SESSION_STOPPING)
                return fail(failure, FAILURE_BUSY,
                            "Session '%s' is still being written; start it when its state is 'stopped'.", s->name);
        if (s->state == SESSION_FAILED)
                return fail(failure, FAILURE_CONSUMER, "Session '%s' has failed: %s; destroy it first.", s->name,
                            s->reason);
        return 0;
}

/* The channel of a profile that an event would come into, or NULL. */
static const struct profile_channel *channel_of_event(const struct profile_channel *first,
                                                      const struct event_entry *event) {
        for (const struct profile_channel *c = first; c; c = c->next)
                for (size_t i = 0; i < c->events.n && !c->kernel; i++)
                        if (selector_selects(c->events.items[i], event->name, event->loglevel))
                                return c;
        return NULL;
}

static int check_definitions(const struct profile *p, const struct event_definitions *d, struct failure *failure) {
        for (uint32_t e = 0; e < d->n_events; e++) {
                const struct event_entry *event = &d->events[e];
                const struct profile_channel *one = channel_of_event(p->channels, event);
                const struct profile_channel *other = one ? channel_of_event(one->next, event) : NULL;

                if (other)
                        return fail(failure, FAILURE_EVENT_IN_OTHER_CHANNEL,
                                    "Event '%.120s' would be recorded by channel '%s' and by channel '%s' of session "
                                    "'%s', and an event is in one channel only; write narrower patterns.",
                                    event->name, one->name, other->name, profile_session_name(p));
        }
        return 0;
}

static int check_events(struct manager *m, uid_t owner, const struct profile *p, struct failure *failure) {
        struct event_definitions **list;
        size_t n;
        int r;

        r = registry_list_definitions(m->registry, owner, &list, &n);
        if (r < 0)
                return fail_memory(failure);
        for (size_t i = 0; i < n; i++) {
                if (r >= 0)
                        r = check_definitions(p, list[i], failure);
                event_definitions_unref(list[i]);
        }
        free(list);
        return r;
}

/* Those limits that are the session's, not its owner's. */
static int check_numbers(const struct profile_plan *plan, bool start, struct failure *failure) {
        const struct session *s = plan->session;
        size_t channels = s->n_channels + plan->n_new_channels;
        size_t rules = s->n_rules + plan->n_new_rules - plan->n_removed_rules;
        size_t active = manager_active_channels(s->manager, s->owner) +
                        (s->state == SESSION_ACTIVE ? plan->n_new_channels : start ? channels : 0);

        if (channels > CHANNELS_PER_SESSION_MAX || rules > RULES_PER_SESSION_MAX)
                return fail(failure, FAILURE_LIMIT, "Session '%s' would have %zu channels and %zu event rules, and it "
                            "can have %i and %i; make a new session.", s->name, channels, rules,
                            CHANNELS_PER_SESSION_MAX, RULES_PER_SESSION_MAX);
        if (active > VIEW_RINGS_MAX)
                return fail(failure, FAILURE_LIMIT, "With session '%s' %zu channels would be active, and an "
                            "application can record into %i; stop another session first.", s->name, active, VIEW_RINGS_MAX);
        return 0;
}

static int carry_out(const struct profile_request *q, struct session *s, bool is_new, struct failure *failure) {
        _cleanup_(profile_plan_done) struct profile_plan plan = { 0 };
        _cleanup_free_ char *name = NULL;
        int r;

        name = strdup(*q->profile->name ? q->profile->name : s->name);
        if (!name)
                return fail_memory(failure);
        r = profile_plan_make(&plan, s, q->profile, failure);
        if (r >= 0)
                r = check_numbers(&plan, q->profile->start, failure);
        if (r < 0 || q->dry_run)
                return r;
        if (q->persistent)
                s->persistent = *q->persistent;
        r = profile_plan_carry_out(&plan, !is_new, failure);
        if (r < 0)
                return r;
        free(s->profile);
        s->profile = TAKE_PTR(name);
        if (!is_new)
                keeper_put_session(s);
        return 0;
}

static int make_output(struct manager *m, const struct profile *p, uint64_t created, struct session_output *ret,
                       struct failure *failure) {
        const char *name = profile_session_name(p);

        if (p->directory)
                return manager_dated_output(m, p->directory, name, created, ret, failure);
        if (m->has_state_directories)
                return manager_dated_output(m, NULL, name, created, ret, failure);
        return fail(failure, FAILURE_OUTPUT, "Session '%s' needs a place to write to; write Directory= into the "
                    "section [Session] of its profile.", name);
}

static int make_session(struct manager *m, const struct profile_request *q, struct session **ret,
                        struct failure *failure) {
        struct session_config config = {
                .name = profile_session_name(q->profile),
                .owner = q->owner,
                .mode = q->profile->mode,
                .created = session_now(),
                .output = SESSION_OUTPUT_NULL,
        };
        _cleanup_(session_freep) struct session *s = NULL;
        int r;

        r = make_output(m, q->profile, config.created, &config.output, failure);
        if (r < 0)
                return r;
        config.output.has_rings = q->profile->has_rings;
        config.output.sync_msec = q->profile->sync_msec;
        r = manager_make_session(m, &config, &s, failure);
        if (r < 0) {
                session_output_done(&config.output);
                return r;
        }
        r = carry_out(q, s, true, failure);
        if (r < 0)
                return r;
        if (q->dry_run) {
                *ret = NULL;
                return 0;
        }
        manager_add_session(m, s);
        *ret = TAKE_PTR(s);
        return 0;
}

static int change_session(const struct profile_request *q, struct session *s, const struct profile *now,
                          struct failure *failure) {
        int r;

        r = check_state(s, q->profile, failure);
        if (r >= 0 && session_has_recorded(s))
                r = check_recorded(s, q->profile, now, failure);
        return r < 0 ? r : carry_out(q, s, false, failure);
}

int profile_apply(struct manager *m, const struct profile_request *q, struct profile_result *ret,
                  struct failure *failure) {
        struct session *s = manager_find_session(m, q->owner, profile_session_name(q->profile));
        _cleanup_(profile_changes_freep) struct profile_change *changes = NULL;
        _cleanup_(profile_freep) struct profile *now = NULL;
        bool start;
        int r;

        r = profile_resolve(q->profile, m->domain, failure);
        if (r >= 0 && s)
                r = profile_of_session(s, &now, failure);
        if (r < 0)
                return r;
        if ((now && adapt(q->profile, now, s) < 0) || profile_diff(now, q->profile, &changes) < 0)
                return fail_memory(failure);
        *ret = (struct profile_result) { .session = s };
        if (!changes)
                return 0;
        start = q->profile->start && (!s || s->state != SESSION_ACTIVE);
        r = check_events(m, q->owner, q->profile, failure);
        if (r >= 0)
                r = s ? change_session(q, s, now, failure) : make_session(m, q, &s, failure);
        if (r < 0)
                return r;
        *ret = (struct profile_result) {
                .session = s,
                .changes = TAKE_PTR(changes),
                .start = start && !q->dry_run,
        };
        return 0;
}
