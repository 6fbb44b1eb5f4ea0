/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>

#include "service/bus/application-list.h"
#include "service/bus/bus.h"
#include "service/bus/listing.h"
#include "service/bus/share.h"
#include "service/model/waiter.h"
#include "service/wake.h"

/* A message that was put into what a connection has received (sd_bus_enqueue_for_read()) comes by a timer, too: first. */
#define PRIORITY_LIST (SD_EVENT_PRIORITY_NORMAL + 1)

struct listing *listing_free(struct listing *l) {
        if (!l)
                return NULL;
        for (struct listing **p = &l->bus->listings; *p; p = &(*p)->next)
                if (*p == l) {
                        *p = l->next;
                        break;
                }
        waiter_cancel(l->waiter);
        application_list_free(l->applications);
        sd_bus_message_unref(l->reply);
        sd_bus_message_unref(l->message);
        free(l);
        return NULL;
}

int listing_uids(struct bus *b, const struct listing *l, uid_t **ret, size_t *ret_n) {
        uid_t *uids;

        if (l->owner == OWNER_ANY)
                return registry_list_uids(b->registry, ret, ret_n);
        uids = malloc(sizeof(*uids));
        if (!uids)
                return -ENOMEM;
        *uids = l->owner;
        *ret = uids;
        *ret_n = 1;
        return 0;
}

static int send_reply(struct listing *l) {
        emit_flush(l->bus->emitter);
        return sd_bus_send(l->bus->bus, l->reply, NULL);
}

/* Some of it: it is gone when that was the last. */
static bool proceed(struct listing *l) {
        int r = 0;

        if (!l->reply)
                r = sd_bus_message_new_method_return(l->message, &l->reply);
        if (r >= 0)
                r = l->append(l);
        if (r == 0)
                return false;
        if (r > 0)
                r = send_reply(l);
        if (r < 0)
                (void) sd_bus_reply_method_errno(l->message, r, NULL);
        listing_free(l);
        return true;
}

/* The oldest of another caller than the last one, or of him. */
static struct listing *next_of(const struct bus *b) {
        struct listing *next = NULL;

        for (struct listing *l = b->listings; l; l = l->next)
                if (!l->waiter && (l->caller != b->listed || !next || next->caller == b->listed))
                        next = l;
        return next;
}

/* A timer whose time has come, since what is merely deferred would come before all else each time. */
static int on_turn(sd_event_source *source, uint64_t usec, void *userdata) {
        struct bus *b = userdata;
        struct listing *l = next_of(b);

        if (!l)
                return 0;
        b->listed = l->caller;
        if (b->share)
                share_begin(b->share, l->caller);
        (void) proceed(l);
        if (b->share)
                share_end(b->share);
        return next_of(b) ? sd_event_source_set_enabled(source, SD_EVENT_ONESHOT) : 0;
}

/* The first turn is this one: most are short. */
static void begin(struct listing *l) {
        struct bus *b = l->bus;
        int r;

        l->waiter = NULL;
        if (proceed(l))
                return;
        if (b->lister)
                r = sd_event_source_set_enabled(b->lister, SD_EVENT_ONESHOT);
        else {
                r = sd_event_add_time(b->shared->event, &b->lister, CLOCK_MONOTONIC, 0, 1, on_turn, b);
                if (r >= 0)
                        r = sd_event_source_set_priority(b->lister, PRIORITY_LIST);
        }
        /* Without memory for it, at once. */
        while (r < 0 && !proceed(l))
                ;
}

/* What the wake-up itself has given up on does not count as pending any more. */
static void on_settled(uint32_t pending, void *userdata) {
        struct listing *l = userdata;

        l->settled = pending == 0 && wake_missing(l->bus->shared->wake) == 0;
        begin(l);
}

int listing_reply(struct bus *b, sd_bus_message *m, const struct listing *wanted) {
        struct listing *l;
        int r;

        wake_want(b->shared->wake);
        l = malloc(sizeof(*l));
        if (!l)
                return -ENOMEM;
        *l = *wanted;
        l->bus = b;
        l->message = sd_bus_message_ref(m);
        l->settled = true;
        l->next = b->listings;
        b->listings = l;
        if (manager_expected(b->manager) == 0) {
                begin(l);
                return 1;
        }
        r = waiter_new(b->manager, l->owner, 0, WAKE_SETTLE_USEC, on_settled, l, &l->waiter);
        if (r < 0) {
                listing_free(l);
                return r;
        }
        return 1;
}
