/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "service/unit/consumer-internal.h"

/*
 * A consumer outlives tracingd. Its connection goes to the service manager's
 * store when it has taken the session: from then on it needs no first words of
 * ours, so that any tracingd can go on with it.
 */

static void put(struct consumer *c) {
        /* What was restored is the sender's only once it is listened to. */
        const int connection = c->restored_fd >= 0 ? c->restored_fd : sender_fd(c->sender);
        const char *unit = consumer_unit(c);
        const struct record_consumer record = {
                .size = sizeof(record),
                .restarts = consumer_restarts(c),
                .key = c->keep.key,
                .status = fd_identity_of(sender_status_fd(c->sender)),
                .connection = c->connection_stored ? fd_identity_of(connection)
                                                   : (struct fd_identity) { 0 },
        };

        if (c->keep.ledger && c->is_unit)
                (void) record_put(c->keep.ledger, &c->entry, RECORD_CONSUMER, &record, sizeof(record), &unit, 1);
}

void consumer_keep(struct consumer *c) {
        fd_store_remove(c->keep.store, &c->connection_stored);
        c->connection_stored = fd_store_add(c->keep.store, sender_fd(c->sender), FD_STORE_SESSION);
        put(c);
}

void consumer_keep_lost(struct consumer *c) {
        fd_store_remove(c->keep.store, &c->connection_stored);
        if (c->entry)
                put(c);
}

void consumer_unkeep(struct consumer *c) {
        fd_store_remove(c->keep.store, &c->connection_stored);
        ledger_drop(c->keep.ledger, &c->entry);
}

static int restore(struct consumer *c, const struct consumer_spec *spec, const struct consumer_remains *remains) {
        struct supervisor_handlers handlers = consumer_supervisor_handlers;
        int r;

        handlers.userdata = c;
        r = supervisor_restore(c->units, spec, remains->unit, remains->restarts, &handlers, &c->supervisor);
        if (r < 0)
                return r;
        r = sender_restore(&c->keep, remains->status_fd, remains->status_stored, &c->sender);
        if (r < 0)
                return r;
        return consumer_watch_queue(c);
}

int consumer_restore(sd_event *event, const struct consumer_starter *starter, const struct consumer_spec *spec,
                     const struct consumer_remains *remains, const struct consumer_handlers *handlers,
                     struct consumer **ret) {
        struct consumer *c;
        int r;

        c = malloc(sizeof(*c));
        if (!c)
                return -ENOMEM;
        *c = (struct consumer) {
                .event = sd_event_ref(event),
                .handlers = *handlers,
                .pidfd = -1,
                .units = starter->units,
                .is_unit = true,
                .has_session = true,
                .keep = { .ledger = starter->ledger, .store = starter->store, .key = spec->key,
                          .life = starter->life },
                .failed = remains->failed,
                .restored_fd = -1,
        };
        r = restore(c, spec, remains);
        if (r < 0) {
                consumer_free(c);
                return r;
        }
        c->restored_fd = remains->connection_fd;
        c->connection_stored = remains->connection_stored;
        /* Whoever reads the state before it is resumed finds all of it. */
        put(c);
        *ret = c;
        return 0;
}

static int attach(struct consumer *c) {
        int r;

        r = sender_attach(c->sender, c->restored_fd);
        if (r < 0)
                return r;
        c->restored_fd = -1;
        return consumer_watch_socket(c);
}

int consumer_resume(struct consumer *c) {
        int r = 0;

        if (c->failed) {
                supervisor_rest(c->supervisor);
                sender_break(c->sender);
        } else if (c->restored_fd >= 0)
                r = attach(c);
        else
                supervisor_lost(c->supervisor);
        if (r >= 0)
                put(c);
        return r;
}
