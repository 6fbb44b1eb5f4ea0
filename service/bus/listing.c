/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>

#include "service/bus/bus.h"
#include "service/bus/listing.h"
#include "service/model/waiter.h"
#include "service/wake.h"

struct listing *listing_free(struct listing *l) {
        if (!l)
                return NULL;
        for (struct listing **p = &l->bus->listings; *p; p = &(*p)->next)
                if (*p == l) {
                        *p = l->next;
                        break;
                }
        waiter_cancel(l->waiter);
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

static int reply(const struct listing *l) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = sd_bus_message_new_method_return(l->message, &m);
        if (r >= 0)
                r = l->append(l->bus, l, m);
        if (r < 0)
                return r;
        emit_flush(l->bus->emitter);
        return sd_bus_send(l->bus->bus, m, NULL);
}

/* What the wake-up itself has given up on does not count as pending any more. */
static void on_settled(uint32_t pending, void *userdata) {
        struct listing *l = userdata;
        int r;

        l->waiter = NULL;
        l->settled = pending == 0 && wake_missing(l->bus->shared->wake) == 0;
        r = reply(l);
        if (r < 0)
                (void) sd_bus_reply_method_errno(l->message, r, NULL);
        listing_free(l);
}

int listing_reply(struct bus *b, sd_bus_message *m, const struct listing *wanted) {
        struct listing now = *wanted, *l;
        int r;

        wake_want(b->shared->wake);
        now.bus = b;
        now.message = m;
        now.settled = true;
        if (manager_expected(b->manager) == 0)
                return reply(&now);
        l = malloc(sizeof(*l));
        if (!l)
                return -ENOMEM;
        *l = now;
        sd_bus_message_ref(m);
        l->next = b->listings;
        b->listings = l;
        r = waiter_new(b->manager, l->owner, 0, WAKE_SETTLE_USEC, on_settled, l, &l->waiter);
        if (r < 0) {
                listing_free(l);
                return r;
        }
        return 1;
}
