/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "protocol/context.h"
#include "protocol/view.h"
#include "service/model/manager.h"
#include "service/model/session-kernel.h"

struct channel *session_find_channel(struct session *s, bool kernel, const char *name) {
        for (struct channel *c = s->channels; c; c = c->next)
                if (c->config.kernel == kernel && strcmp(c->config.name, name) == 0)
                        return c;
        return NULL;
}

int session_publish(struct session *s, struct failure *failure) {
        if (s->state != SESSION_ACTIVE)
                return 0;
        if (session_has_kernel(s) && session_kernel_apply(s, true, NULL, NULL, NULL) < 0)
                return fail_memory(failure);
        return manager_publish(s->manager, session_scope(s), failure);
}

static int set_enabled(struct session *s, struct channel *channel, bool enabled, struct failure *failure) {
        int r;

        if (channel->enabled == enabled)
                return 0;
        channel->enabled = enabled;
        r = session_publish(s, failure);
        if (r < 0) {
                channel->enabled = !enabled;
                return r;
        }
        manager_announce(s->manager, MANAGER_CHANNEL_CHANGED, s, channel, NULL);
        return 0;
}

static int check_another(const struct session *s, struct failure *failure) {
        if (s->n_channels >= CHANNELS_PER_SESSION_MAX)
                return fail(failure, FAILURE_LIMIT, "Session '%s' has %u channels, which is the most that it can have; "
                            "use one of them.", s->name, s->n_channels);
        if (s->state == SESSION_ACTIVE && manager_active_channels(s->manager, s->owner) >= VIEW_RINGS_MAX)
                return fail(failure, FAILURE_LIMIT,
                            "The active sessions have %i channels, which is the most that an application can record "
                            "into; stop a session first.", VIEW_RINGS_MAX);
        return 0;
}

static int add_channel(struct session *s, const char *name, const struct channel_options *options,
                       struct channel **ret, struct failure *failure) {
        struct model_channel config;
        struct channel *channel, **p;
        int r;

        r = channel_configure(s->manager->domain, s->mode == SESSION_FLIGHT_RECORDER, name, options, &config, failure);
        if (r < 0)
                return r;
        r = check_another(s, failure);
        if (r < 0)
                return r;
        config.id = s->last_channel + 1;
        r = channel_new(s, &config, &channel, failure);
        if (r < 0)
                return r;
        for (p = &s->channels; *p; p = &(*p)->next)
                ;
        *p = channel;
        s->last_channel++;
        s->n_channels++;
        manager_announce(s->manager, MANAGER_CHANNEL_ADDED, s, channel, NULL);
        *ret = channel;
        return 0;
}

int session_enable_channel(struct session *s, const char *name, const struct channel_options *options,
                           struct channel **ret, struct failure *failure) {
        struct channel *channel = session_find_channel(s, options->kernel, name);
        int r;

        if (!channel)
                return add_channel(s, name, options, ret, failure);
        if (channel->enabled)
                return fail(failure, FAILURE_CHANNEL_EXISTS,
                            "Channel '%s' of session '%s' exists already; choose another name.", name, s->name);
        if (options->subbuf_size || options->n_subbufs || options->mode || options->ordered_clock)
                return fail(failure, FAILURE_CHANNEL_EXISTS,
                            "Channel '%s' of session '%s' exists already and is disabled; enable it without options, "
                            "or choose another name.", name, s->name);
        r = set_enabled(s, channel, true, failure);
        if (r < 0)
                return r;
        *ret = channel;
        return 0;
}

static int find_channel(struct session *s, bool kernel, const char *name, struct channel **ret,
                        struct failure *failure) {
        *ret = session_find_channel(s, kernel, name);
        if (!*ret)
                return fail(failure, FAILURE_NO_SUCH_CHANNEL,
                            "Session '%s' has no channel '%.80s'; make it with EnableChannel first.", s->name, name);
        return 0;
}

int session_disable_channel(struct session *s, bool kernel, const char *name, struct failure *failure) {
        struct channel *channel;
        int r;

        r = find_channel(s, kernel, name, &channel, failure);
        return r < 0 ? r : set_enabled(s, channel, false, failure);
}

static int check_context(const char *type, struct failure *failure) {
        struct context_set set = { 0 };

        if (context_set_add(&set, type) > 0)
                return 0;
        return fail(failure, FAILURE_INVALID_OPTION, "Unknown context '%.100s'; known are: " CONTEXT_NAMES ".", type);
}

/* Where nothing has been recorded, nobody but us knows the channel's form. */
static int set_context(struct session *s, struct channel *channel, const char *type, struct failure *failure) {
        int r = context_set_add(&channel->config.contexts, type);

        if (r < 0)
                return fail(failure, FAILURE_INVALID_OPTION,
                            "Channel '%s' has too many contexts: " APP_CONTEXTS_LIMIT ".", channel->config.name);
        if (r > 0)
                manager_announce(s->manager, MANAGER_CHANNEL_CHANGED, s, channel, NULL);
        return 0;
}

int session_add_context(struct session *s, const char *name, const char *type, struct failure *failure) {
        const struct channel_options defaults = { 0 };
        struct channel *channel;
        int r;

        r = check_context(type, failure);
        if (r < 0)
                return r;
        if (session_has_recorded(s) || s->operation)
                return fail(failure, FAILURE_CANNOT_CHANGE,
                            "Session '%s' has been started, and its events keep their form; add contexts before the "
                            "first start, or make a new session.", s->name);
        if (*name == '\0' && !s->channels)
                r = add_channel(s, CHANNEL_DEFAULT_NAME, &defaults, &channel, failure);
        else if (*name)
                r = find_channel(s, false, name, &channel, failure);
        if (r < 0)
                return r;
        if (*name)
                return set_context(s, channel, type, failure);
        for (struct channel *c = s->channels; c && r >= 0; c = c->next)
                r = c->config.kernel ? 0 : set_context(s, c, type, failure);
        return r;
}
