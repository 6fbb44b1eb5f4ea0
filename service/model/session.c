/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "common/parse.h"
#include "service/model/manager.h"
#include "service/model/operation.h"
#include "service/model/session.h"
#include "service/registry/registry.h"

const char *session_state_to_string(enum session_state state) {
        static const char *const names[_SESSION_STATE_MAX] = {
                [SESSION_CONFIGURED] = "configured", [SESSION_ACTIVE] = "active",   [SESSION_STOPPING] = "stopping",
                [SESSION_STOPPED] = "stopped",       [SESSION_FAILED] = "failed",
        };

        return names[state];
}

const char *session_mode_to_string(enum session_mode mode) {
        return mode == SESSION_RECORD ? "record" : "flight-recorder";
}

int session_mode_from_string(const char *s, enum session_mode *ret) {
        if (strcmp(s, "record") == 0)
                *ret = SESSION_RECORD;
        else if (strcmp(s, "flight-recorder") == 0)
                *ret = SESSION_FLIGHT_RECORDER;
        else
                return -EINVAL;
        return 0;
}

int session_new(struct manager *manager, const struct session_config *config, struct session **ret) {
        struct session *s;

        s = malloc(sizeof(*s));
        if (!s)
                return -ENOMEM;
        *s = (struct session) {
                .manager = manager,
                .owner = config->owner,
                .mode = config->mode,
                .output = config->output,
                .created = config->created,
        };
        strcpy(s->name, config->name);
        *ret = s;
        return 0;
}

struct session *session_free(struct session *s) {
        if (!s)
                return NULL;
        operation_cancel(s);
        if (s->consumer)
                consumer_detach(s->consumer);
        recording_unref(s->recording);
        while (s->rules) {
                struct rule *rule = s->rules;

                s->rules = rule->next;
                rule_free(rule);
        }
        while (s->channels) {
                struct channel *channel = s->channels;

                s->channels = channel->next;
                channel_free(channel);
        }
        session_output_done(&s->output);
        free(s->profile);
        free(s->reason);
        free(s);
        return NULL;
}

struct channel *session_find_channel(struct session *s, const char *name) {
        for (struct channel *c = s->channels; c; c = c->next)
                if (strcmp(c->config.name, name) == 0)
                        return c;
        return NULL;
}

int session_enable_channel(struct session *s, const char *name, const struct channel_options *options,
                           struct channel **ret, struct failure *failure) {
        struct channel *channel, **p;
        int r;

        if (session_find_channel(s, name))
                return fail(failure, FAILURE_CHANNEL_EXISTS,
                            "Channel '%s' of session '%s' exists already; choose another name.", name, s->name);
        if (s->n_channels >= CHANNELS_PER_SESSION_MAX)
                return fail(failure, FAILURE_LIMIT, "Session '%s' has %i channels, which is the most that it can have.",
                            s->name, CHANNELS_PER_SESSION_MAX);
        if (s->state == SESSION_ACTIVE && manager_active_channels(s->manager, s->owner) >= VIEW_RINGS_MAX)
                return fail(failure, FAILURE_LIMIT,
                            "The active sessions have %i channels, which is the most that an application can record "
                            "into; stop a session first.", VIEW_RINGS_MAX);
        r = channel_new(s->manager->domain, s, name, s->last_channel + 1, options, &channel, failure);
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

struct session_counts session_counts(const struct session *s) {
        struct session_counts counts = { 0 };

        if (!s->recording)
                return counts;
        counts.status = sender_status(recording_sender(s->recording));
        counts.applications = registry_count_ever(s->manager->registry, s->owner) - s->applications_before;
        return counts;
}

void session_fail(struct session *s, const char *reason) {
        struct failure ignored;
        bool was_active = s->state == SESSION_ACTIVE;

        s->state = SESSION_FAILED;
        free(s->reason);
        s->reason = strdup(reason);
        consumer_detach(TAKE_PTR(s->consumer));
        /* Without memory for it the rings stay; nobody empties them, and writers drop what does not fit. */
        if (was_active)
                (void) manager_publish(s->manager, s->owner, &ignored);
        manager_announce(s->manager, MANAGER_SESSION_CHANGED, s, NULL, NULL);
        operation_consumer_failed(s, reason);
}
