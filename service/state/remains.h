/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What an earlier tracingd left, as it was read from its ledger: every record
 * checked by itself and against the others, nothing made of it yet. It comes
 * from memory that only a tracingd had, but perhaps one of another version, or
 * one with a bug. A session with a record that is not good is refused, and what
 * is good of it says which one that was; others have nothing to do with it. A
 * record that is everybody's, or says of no session that it is its, refuses all.
 */

#include <stdbool.h>

#include "protocol/consumer.h"
#include "service/model/selector.h"
#include "service/state/records.h"

struct remains_channel {
        struct record_channel record;
        const char *name;
        struct context_set contexts;
};

struct remains_rule {
        struct record_rule record;
        struct selector *selector;
};

struct remains_message {
        struct record_message record;
        const struct consumer_header *body;
        const void *more; /* of RINGS and CLASSES, checked */
};

struct remains_name {
        struct record_set_name record;
        const char *name;
};

struct remains_session {
        bool refused;                 /* one of its records is not good, and is not here */
        struct record_session record; /* of its own one that is not good, the key alone; then name is NULL */
        const char *name, *path, *asked, *profile, *reason, *client, *folder;
        struct remains_channel *channels; /* in the order of their numbers, as are the others */
        struct remains_rule *rules;
        struct remains_message *messages;
        struct remains_name *names;
        size_t n_channels, n_rules, n_messages, n_names;
        bool has_consumer;
        struct record_consumer consumer;
        const char *unit;
};

struct remains {
        bool has_clock;
        struct record_clock clock;
        struct remains_session *sessions;
        size_t n_sessions;
};

/* Strings and messages stay the image's. -EBADMSG: all of it is refused; -ENOMEM. */
int remains_read(const struct ledger_image *image, struct remains *ret);
void remains_done(struct remains *r);

/* How many rings it had, of those that are known. */
size_t remains_count_rings(const struct remains_session *s);

/* remains-message.c: whether a message is one that can be sent again. */
int remains_read_message(const struct ledger_item *item, struct remains_message *ret);
