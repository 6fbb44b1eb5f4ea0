/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What has to be done to a session so that it is what a profile says. It is
 * made beside the session, with everything that it needs and may be refused;
 * then it is done at once, or not at all. Owned by profile_apply().
 */

#include "service/model/profile.h"

/* Exchanged with what the object has, so that doing it again undoes it. */
struct planned_channel {
        struct channel *channel;
        struct model_channel config;
        bool enabled;
};

struct planned_rule {
        struct rule *rule;
        bool enabled;
        bool removed;
};

struct profile_plan {
        struct session *session;
        struct planned_channel *channels;
        struct planned_rule *rules;
        size_t n_channels, n_rules;
        struct channel *new_channels; /* in order, still our own */
        struct rule *new_rules;
        size_t n_new_channels, n_new_rules, n_removed_rules;
        enum session_mode mode;
        struct space_config space;
        struct session_output output; /* where it becomes another one */
        bool has_output;
        bool has_rings; /* as sync_msec, where the output stays */
        uint32_t sync_msec;
};

/* *plan is empty. profile is resolved, and names every channel that the session has. */
int profile_plan_make(struct profile_plan *plan, struct session *s, const struct profile *profile,
                      struct failure *failure);
void profile_plan_done(struct profile_plan *plan);

/* Does it and publishes it; announces it where the session has been announced itself. */
int profile_plan_carry_out(struct profile_plan *plan, bool announced, struct failure *failure);
