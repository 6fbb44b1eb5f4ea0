/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "service/model/manager.h"
#include "service/model/profile.h"

int strings_add(struct strings *list, const char *s) {
        char **items, *copy = strdup(s);

        items = copy ? realloc(list->items, (list->n + 1) * sizeof(*items)) : NULL;
        if (!items) {
                free(copy);
                return -ENOMEM;
        }
        list->items = items;
        items[list->n++] = copy;
        return 0;
}

bool strings_have(const struct strings *list, const char *s) {
        for (size_t i = 0; i < list->n; i++)
                if (strcmp(list->items[i], s) == 0)
                        return true;
        return false;
}

void strings_done(struct strings *list) {
        for (size_t i = 0; i < list->n; i++)
                free(list->items[i]);
        free(list->items);
        *list = (struct strings) { 0 };
}

int profile_new(const char *name, struct profile **ret) {
        struct profile *p;

        p = calloc(1, sizeof(*p));
        if (!p)
                return -ENOMEM;
        snprintf(p->name, sizeof(p->name), "%s", name);
        *ret = p;
        return 0;
}

struct profile *profile_free(struct profile *p) {
        if (!p)
                return NULL;
        while (p->channels) {
                struct profile_channel *c = p->channels;

                p->channels = c->next;
                selectors_done(&c->events);
                selectors_done(&c->disabled);
                free(c);
        }
        free(p->directory);
        free(p);
        return NULL;
}

struct profile_channel *profile_find_channel(const struct profile *p, bool kernel, const char *name) {
        for (struct profile_channel *c = p->channels; c; c = c->next)
                if (c->kernel == kernel && strcmp(c->name, name) == 0)
                        return c;
        return NULL;
}

bool profile_has_kernel(const struct profile *p) {
        for (const struct profile_channel *c = p->channels; c; c = c->next)
                if (c->kernel)
                        return true;
        return false;
}

int profile_add_channel(struct profile *p, bool kernel, const char *name, struct profile_channel **ret) {
        struct profile_channel *c, **last;

        c = malloc(sizeof(*c));
        if (!c)
                return -ENOMEM;
        *c = (struct profile_channel) { .kernel = kernel, .enabled = true };
        snprintf(c->name, sizeof(c->name), "%s", name);
        for (last = &p->channels; *last; last = &(*last)->next)
                ;
        *last = c;
        *ret = c;
        return 0;
}

const char *profile_session_name(const struct profile *p) {
        return *p->session ? p->session : p->name;
}

static bool have_same_events(const struct selectors *list, const struct selector *s) {
        for (size_t i = 0; i < list->n; i++)
                if (list->items[i]->kernel == s->kernel && list->items[i]->kind == s->kind &&
                    strcmp(list->items[i]->pattern, s->pattern) == 0 && selector_levels_overlap(list->items[i], s))
                        return true;
        return false;
}

static int check_events(const struct profile *p, const struct profile_channel *c, struct failure *failure) {
        for (size_t i = 0; i < c->events.n; i++) {
                const struct selector *s = c->events.items[i];

                if (selectors_have(&c->disabled, s))
                        return fail(failure, FAILURE_INVALID_PROFILE, "Channel '%s' has '%.200s' as Event and as "
                                    "DisabledEvent; keep one of them.", c->name, s->text);
                for (const struct profile_channel *o = c->next; o; o = o->next)
                        if (have_same_events(&o->events, s))
                                return fail(failure, FAILURE_EVENT_IN_OTHER_CHANNEL,
                                            "'%.200s' is an Event of channel '%s' and of channel '%s', and an event is "
                                            "in one channel only; keep one of them.", s->pattern, c->name, o->name);
        }
        return 0;
}

int profile_check(const struct profile *p, struct failure *failure) {
        size_t n_channels = 0, n_rules = 0;
        int r;

        if (!*profile_session_name(p))
                return fail(failure, FAILURE_INVALID_PROFILE,
                            "The profile names no session; write Name= into its section [Session].");
        r = session_output_check(&(struct session_output) { .has_rings = p->has_rings, .sync_msec = p->sync_msec },
                                 profile_session_name(p), failure);
        if (r < 0)
                return r;
        for (const struct profile_channel *c = p->channels; c; c = c->next) {
                n_channels++;
                n_rules += c->events.n + c->disabled.n;
                if (n_channels > CHANNELS_PER_SESSION_MAX || n_rules > RULES_PER_SESSION_MAX)
                        return fail(failure, FAILURE_LIMIT,
                                    "The profile of session '%s' has more than the %i channels or %i events that a "
                                    "session can have; use patterns with '*'.",
                                    profile_session_name(p), CHANNELS_PER_SESSION_MAX, RULES_PER_SESSION_MAX);
                r = check_events(p, c, failure);
                if (r < 0)
                        return r;
        }
        return 0;
}

int profile_resolve(struct profile *p, const struct user_domain *domain, struct failure *failure) {
        int k = space_check(&p->space, profile_session_name(p), failure);

        if (k < 0)
                return k;
        for (struct profile_channel *c = p->channels; c; c = c->next) {
                const struct channel_options options = {
                        c->subbuf_size, c->n_subbufs, c->mode, c->kernel, c->ordered_clock,
                };
                struct model_channel config;
                int r;

                r = channel_configure(domain, p->mode == SESSION_FLIGHT_RECORDER, c->name, &options, &config, failure);
                if (r < 0)
                        return r;
                c->subbuf_size = config.subbuf_size;
                c->n_subbufs = config.n_subbufs;
                c->mode = channel_mode_to_string(config.overwrite);
                c->ordered_clock = config.ordered_clock;
        }
        return 0;
}
