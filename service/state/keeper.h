/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Writes sessions, channels, rules and the clock to the manager's ledger as they
 * are now; nothing where there is none. A listener calls it for every change
 * that is announced, which is before the client is answered. What applications
 * or consumers are told of is written before, by whoever tells them. The records
 * go with the objects. Main loop only.
 */

#include "common/clock.h"
#include "service/model/manager.h"

void keeper_put_session(struct session *s);
void keeper_put_channel(struct channel *c);
void keeper_put_rule(struct rule *rule);
/* Once, however often it is called; and again where the clock is measured again. */
void keeper_put_clock(struct manager *m, const struct trace_clock_info *clock);
void keeper_change_clock(struct manager *m, const struct trace_clock_info *clock);

/* Applications have come: those sessions whose counters show it. */
void keeper_count_applications(struct manager *m);

/* For manager_add_listener(). */
void keeper_on_news(enum manager_news news, struct session *session, struct channel *channel, struct rule *rule,
                    void *userdata);
