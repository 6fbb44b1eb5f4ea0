/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>
#include <time.h>

#include "common/parse.h"
#include "service/model/manager.h"
#include "service/model/operation.h"
#include "service/model/session-kernel.h"
#include "service/model/session-stream.h"
#include "service/registry/registry.h"
#include "service/state/fd-store.h"
#include "service/state/keeper.h"
#include "service/state/ledger.h"

uint64_t session_now(void) {
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        return (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000;
}

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
                .client = config->client ? strdup(config->client) : NULL,
                .key = ++manager->last_session,
                .owner = config->owner,
                .mode = config->mode,
                .output = config->output,
                .created = config->created,
                .space.config = config->space,
        };
        if (config->client && !s->client) {
                free(s);
                return -ENOMEM;
        }
        strcpy(s->name, config->name);
        ledger_count(manager->domain->ledger, LEDGER_SESSIONS, s->key);
        if (s->output.fd >= 0 && !s->output.stored)
                s->output.stored = fd_store_add(manager->domain->store, s->output.fd, FD_STORE_SESSION);
        *ret = s;
        return 0;
}

struct session *session_free(struct session *s) {
        if (!s)
                return NULL;
        operation_cancel(s);
        session_stall_end(s);
        session_disk_end(s);
        session_space_end(s);
        session_close_streams(s);
        s->kernel = kernel_recording_end(s->kernel, s->manager->leaving);
        if (!s->manager->leaving)
                session_kernel_forget(s);
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
        fd_store_remove(s->manager->domain->store, &s->output.stored);
        session_output_done(&s->output);
        ledger_drop(s->manager->domain->ledger, &s->entry);
        charge_done(&s->charge);
        free(s->profile);
        free(s->client);
        free(s->reason);
        free(s);
        return NULL;
}

uid_t session_scope(const struct session *s) {
        return s->reaches_others ? REGISTRY_ANY_UID : s->owner;
}

static uint64_t count_gone(const struct session *s) {
        struct registry *r = s->manager->registry;

        return registry_count_ever(r, session_scope(s)) - registry_count(r, session_scope(s));
}

/* Of the others' applications those count that there are now, or will be. */
void session_widen_scope(struct session *s) {
        uint64_t before;

        if (s->reaches_others)
                return;
        before = s->recording ? count_gone(s) : 0;
        s->reaches_others = true;
        if (s->recording)
                s->applications_before += count_gone(s) - before;
}

struct session_counts session_counts(const struct session *s) {
        struct session_counts counts = { 0 };

        if (!s->recording)
                return counts;
        counts.status = sender_status(recording_sender(s->recording));
        /* While a restarted tracingd takes sessions up again, there is no registry yet. */
        if (s->manager->registry)
                counts.applications = registry_count_ever(s->manager->registry, session_scope(s));
        counts.applications -= s->applications_before;
        return counts;
}

void session_fail(struct session *s, const char *reason) {
        struct failure ignored;
        bool was_active = s->state == SESSION_ACTIVE;

        s->state = SESSION_FAILED;
        session_space_look(s);
        free(s->reason);
        s->reason = strdup(reason);
        keeper_put_session(s);
        /* Its consumer's object stays with it: people want to see the unit that failed. */
        /* Without memory for it the rings stay; nobody empties them, and writers drop what does not fit. */
        if (s->kernel)
                (void) session_kernel_apply(s, false, NULL, NULL, NULL);
        if (was_active)
                (void) manager_publish(s->manager, session_scope(s), &ignored);
        manager_announce(s->manager, MANAGER_SESSION_CHANGED, s, NULL, NULL);
        operation_consumer_failed(s, reason);
}
