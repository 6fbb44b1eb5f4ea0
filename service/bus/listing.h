/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The reply to ListApplications or ListEvents. To list applications they must
 * have registered, so the first such call wakes those that wait, and the reply
 * comes when they are there, or after a bounded time. A long one is made in
 * several turns of the main loop, one reply in each, of one caller after another.
 * Those that are not done are owned by the bus; main loop only.
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
        struct waiter *waiter;   /* NULL: it is being made */
        sd_bus_message *reply;
        struct application_list *applications; /* the rest; NULL: none yet */
        uid_t caller;

        /* What is asked for. */
        int (*append)(struct listing *l); /* to its reply: 1 all is there, 0 in another turn there is more; -errno */
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
