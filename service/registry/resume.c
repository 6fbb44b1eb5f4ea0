/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "service/domain/user.h"
#include "service/registry/internal.h"

/*
 * An application that was registered with an earlier tracingd comes back. It gets
 * its number, which is not that of its connection then: those that differ are in
 * a table of their own.
 */

static int match_id(struct cds_lfht_node *node, const void *key) {
        return CONTAINER_OF(node, struct application, resumed_node)->id == *(const uint64_t *) key;
}

static struct roll_entry entry_of(const struct application *a, uint64_t id) {
        return (struct roll_entry) {
                .id = id,
                .process = a->peer.process,
                .uid = a->peer.uid,
                .pid = a->peer.pid,
                .at_home = a->compartment && compartment_is_home(a->compartment),
        };
}

bool registry_was_at_home(const struct application *a, uint64_t id) {
        const struct roll_entry entry = entry_of(a, id);

        return id != 0 && roll_was_at_home(a->registry->config.roll, &entry);
}

void registry_resume(struct application *a, uint64_t id) {
        const struct roll_entry entry = entry_of(a, id);

        a->roll_number = roll_resume(a->registry->config.roll, &entry);
        if (a->roll_number == 0)
                return;
        a->id = id;
        a->resumed = a->awaits_release = true;
}

void registry_enroll(struct application *a) {
        const struct roll_entry entry = entry_of(a, a->id);

        if (a->resumed)
                cds_lfht_add(a->registry->resumed, registry_hash(a->id), &a->resumed_node);
        else
                a->roll_number = roll_put(a->registry->config.roll, &entry);
}

void registry_strike(struct application *a) {
        if (a->resumed)
                cds_lfht_del(a->registry->resumed, &a->resumed_node);
        roll_drop(a->registry->config.roll, a->roll_number);
}

void registry_release_lost(struct application *a) {
        if (!a->awaits_release)
                return;
        a->awaits_release = false;
        user_domain_release_lost(a->registry->config.domain, a->id);
}

struct application *registry_find_resumed(struct registry *r, uint64_t id) {
        struct application *a = NULL;
        struct cds_lfht_node *node;
        struct cds_lfht_iter iter;

        rcu_read_lock();
        cds_lfht_lookup(r->resumed, registry_hash(id), match_id, &id, &iter);
        node = cds_lfht_iter_get_node(&iter);
        if (node)
                a = CONTAINER_OF(node, struct application, resumed_node);
        if (a && !application_ref_unless_zero(a))
                a = NULL;
        rcu_read_unlock();
        return a;
}
