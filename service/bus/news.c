/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What changes in the model and among the applications, as signals on every connection. */

#include "service/bus/bus.h"

/* SessionNew, SessionRemoved */
static void emit_session(struct bus *b, const char *member, const struct session *s, const char *path) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;

        if (!bus_has_audience(b, s->owner, false))
                return;
        if (sd_bus_message_new_signal(b->bus, &m, BUS_ROOT, BUS_INTERFACE("Manager"), member) >= 0 &&
            sd_bus_message_append(m, "so", s->name, path) >= 0)
                emit_signal(b->emitter, s->owner, m);
}

static void emit_stopped(struct bus *b, const struct session *s, const char *path) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;

        if (!bus_has_audience(b, s->owner, false))
                return;
        if (sd_bus_message_new_signal(b->bus, &m, path, BUS_INTERFACE("Session"), "Stopped") >= 0 &&
            session_append_counts(m, s, 0) >= 0)
                emit_signal(b->emitter, s->owner, m);
}

/* Everything below a session goes with it. */
static void emit_session_removed(struct bus *b, const struct session *s, const char *path) {
        for (const struct rule *rule = s->rules; rule; rule = rule->next) {
                _cleanup_free_ char *p = NULL;

                if (event_path(rule, &p) >= 0)
                        emit_removed(b->emitter, s->owner, p, BUS_INTERFACE("Event"));
        }
        for (const struct channel *c = s->channels; c; c = c->next) {
                _cleanup_free_ char *p = NULL;

                if (channel_path(c, &p) >= 0)
                        emit_removed(b->emitter, s->owner, p, BUS_INTERFACE("Channel"));
        }
        emit_removed(b->emitter, s->owner, path, BUS_INTERFACE("Session"));
        emit_session(b, "SessionRemoved", s, path);
}

static void emit_session_changed(struct bus *b, const struct session *s, const char *path) {
        static const char *const properties[] = { "State", "Reason", "Output", "OutputError", "ConsumerUnit" };

        for (size_t i = 0; i < ARRAY_SIZE(properties); i++)
                emit_changed(b->emitter, s->owner, path, BUS_INTERFACE("Session"), properties[i]);
}

static int path_of(const struct session *s, const struct channel *c, const struct rule *rule, char **ret) {
        if (rule)
                return event_path(rule, ret);
        return c ? channel_path(c, ret) : session_path(s, ret);
}

void bus_on_news(enum manager_news news, struct session *s, struct channel *c, struct rule *rule, void *userdata) {
        _cleanup_free_ char *path = NULL;
        struct bus *b = userdata;

        if (path_of(s, c, rule, &path) < 0)
                return;
        switch (news) {
        case MANAGER_SESSION_ADDED:
                emit_added(b->emitter, s->owner, path);
                emit_session(b, "SessionNew", s, path);
                break;
        case MANAGER_SESSION_CHANGED:
                emit_session_changed(b, s, path);
                break;
        case MANAGER_SESSION_REMOVED:
                emit_session_removed(b, s, path);
                break;
        case MANAGER_SESSION_STOPPED_LATE:
                emit_stopped(b, s, path);
                break;
        case MANAGER_CHANNEL_ADDED:
        case MANAGER_RULE_ADDED:
                emit_added(b->emitter, s->owner, path);
                break;
        case MANAGER_CHANNEL_CHANGED:
                emit_changed(b->emitter, s->owner, path, BUS_INTERFACE("Channel"), "Enabled");
                emit_changed(b->emitter, s->owner, path, BUS_INTERFACE("Channel"), "Contexts");
                break;
        case MANAGER_RULE_CHANGED:
                emit_changed(b->emitter, s->owner, path, BUS_INTERFACE("Event"), "Enabled");
                break;
        case MANAGER_RULE_REMOVED:
                emit_removed(b->emitter, s->owner, path, BUS_INTERFACE("Event"));
                break;
        }
}

void bus_tell_application(struct manager *m, uint64_t id, uid_t uid, bool added) {
        for (struct manager_listener *l = m->listeners; l; l = l->next) {
                _cleanup_free_ char *path = NULL;
                struct bus *b = l->userdata;

                if (l->news != bus_on_news || !bus_has_audience(b, uid, true) || application_path(id, &path) < 0)
                        continue;
                if (added)
                        emit_added_now(b->emitter, uid, path);
                else
                        emit_removed_now(b->emitter, uid, path, BUS_INTERFACE("Application"));
        }
}
