/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "service/log.h"
#include "service/state/keeper.h"
#include "service/state/records.h"

static struct ledger *ledger_of(const struct session *s) {
        return s->manager->domain->ledger;
}

/* Without memory for it the last record stays, and the next tracingd goes on from that. */
static void check(int r, const struct session *s) {
        if (r < 0 && r != -EPIPE)
                log_warning("session '%s' may not survive a restart of tracingd as it is now (%s); free some memory",
                            s->name, strerror(-r));
}

void keeper_put_session(struct session *s) {
        const char *const strings[] = { s->name, s->output.path, s->output.asked, s->profile, s->reason,
                                        s->client, s->output.folder };
        struct record_session record = {
                .size = sizeof(record),
                .flags = (s->ending ? RECORD_SESSION_ENDING : 0) | (s->persistent ? RECORD_SESSION_PERSISTENT : 0) |
                         (s->reaches_others ? RECORD_SESSION_REACHES_OTHERS : 0) |
                         (s->output.has_rings ? RECORD_SESSION_FILES : 0),
                .key = s->key,
                .owner = s->owner,
                .mode = s->mode,
                .state = s->state,
                .output_kind = s->output.kind,
                .created = s->created,
                .last_channel = s->last_channel,
                .last_rule = s->last_rule,
                .chunks = s->chunks,
                .sync_msec = s->output.sync_msec,
                .rotate_size = s->space.config.rotate_size,
                .rotate_usec = s->space.config.rotate_usec,
                .max_size = s->space.config.max_size,
                .chunk_bytes = s->space.bytes,
                .chunk_begun = s->space.begun,
        };

        if (!ledger_of(s))
                return;
        if (s->output.fd >= 0)
                record.output = fd_identity_of(s->output.fd);
        if (s->recording)
                record.applications = s->kept_applications = session_counts(s).applications;
        check(record_put(ledger_of(s), &s->entry, RECORD_SESSION, &record, sizeof(record), strings, ARRAY_SIZE(strings)),
              s);
}

void keeper_put_channel(struct channel *c) {
        const char *const strings[] = { c->config.name, c->config.contexts.app };
        const struct record_channel record = {
                .size = sizeof(record),
                .id = c->config.id,
                .key = c->session->key,
                .subbuf_size = c->config.subbuf_size,
                .n_subbufs = c->config.n_subbufs,
                .contexts = c->config.contexts.bits,
                .overwrite = c->config.overwrite,
                .kernel = c->config.kernel,
                .ordered_clock = c->config.ordered_clock,
                .enabled = c->enabled,
        };

        check(record_put(ledger_of(c->session), &c->entry, RECORD_CHANNEL, &record, sizeof(record), strings, 2),
              c->session);
}

void keeper_put_rule(struct rule *rule) {
        const char *text = rule->selector->text;
        const struct record_rule record = {
                .size = sizeof(record),
                .id = rule->id,
                .key = rule->session->key,
                .channel = rule->channel->config.id,
                .enabled = rule->enabled,
        };

        check(record_put(ledger_of(rule->session), &rule->entry, RECORD_RULE, &record, sizeof(record), &text, 1),
              rule->session);
}

void keeper_change_clock(struct manager *m, const struct trace_clock_info *clock) {
        const struct record_clock record = {
                .size = sizeof(record),
                .clock = m->domain->clock,
                .frequency = clock->frequency,
                .offset_seconds = clock->offset_seconds,
                .offset_ticks = clock->offset_ticks,
                .precision = clock->precision,
        };

        (void) record_put(m->domain->ledger, &m->clock_entry, RECORD_CLOCK, &record, sizeof(record), NULL, 0);
}

void keeper_put_clock(struct manager *m, const struct trace_clock_info *clock) {
        if (!m->clock_entry)
                keeper_change_clock(m, clock);
}

void keeper_count_applications(struct manager *m) {
        if (!m->domain->ledger)
                return;
        for (struct session *s = m->sessions; s; s = s->next)
                if (s->recording && session_counts(s).applications != s->kept_applications)
                        keeper_put_session(s);
}

/* Of rules and channels the last numbers are the session's. */
void keeper_on_news(enum manager_news news, struct session *session, struct channel *channel, struct rule *rule,
                    void *userdata) {
        switch (news) {
        case MANAGER_SESSION_ADDED:
        case MANAGER_SESSION_CHANGED:
                keeper_put_session(session);
                break;
        case MANAGER_CHANNEL_ADDED:
                keeper_put_session(session);
                keeper_put_channel(channel);
                break;
        case MANAGER_CHANNEL_CHANGED:
                keeper_put_channel(channel);
                break;
        case MANAGER_RULE_ADDED:
                keeper_put_session(session);
                keeper_put_rule(rule);
                break;
        case MANAGER_RULE_CHANGED:
                keeper_put_rule(rule);
                break;
        case MANAGER_RULE_REMOVED:
        case MANAGER_SESSION_REMOVED:
        case MANAGER_SESSION_STOPPED_LATE:
                break;
        }
}
