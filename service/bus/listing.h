/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The reply to ListApplications or ListEvents. To list applications they must
 * have registered, so the first such call wakes those that wait, and the reply
 * comes when they are there, or after a bounded time. Those that wait are owned
 * by the bus; main loop only.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>

struct bus;
struct waiter;

struct listing {
        struct listing *next;
        struct bus *bus;
        sd_bus_message *message; /* the call */
        struct waiter *waiter;

        /* What is asked for. */
        int (*append)(struct bus *b, const struct listing *l, sd_bus_message *reply);
        uid_t owner; /* or OWNER_ANY */
        uint32_t pid;
        bool settled; /* all that were woken for it have come */
};

/* For methods, with the caller allowed to: replies now or later. What is asked for is copied. */
int listing_reply(struct bus *b, sd_bus_message *m, const struct listing *wanted);

/* Whose applications it lists. The caller frees *ret. */
int listing_uids(struct bus *b, const struct listing *l, uid_t **ret, size_t *ret_n);

/* Without a reply. */
struct listing *listing_free(struct listing *l);
