/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>

#include "service/registry/application.h"

int application_new(struct registry *registry, struct account *account, uint64_t id, int fd, const struct peer *peer,
                    const struct charge *charge, struct application **ret) {
        struct application *a;

        a = calloc(1, sizeof(*a));
        if (!a)
                return -ENOMEM;
        a->refs = 1;
        a->registry = registry;
        a->account = account;
        a->connection = a->id = id;
        a->charge = *charge;
        a->peer = *peer;
        a->fd = fd;
        a->pidfd = -1;
        a->word_size = 64;
        pthread_mutex_init(&a->lock, NULL);
        cds_wfcq_node_init(&a->work_node);
        cds_wfcq_node_init(&a->added_node);
        cds_wfcq_node_init(&a->removed_node);
        *ret = a;
        return 0;
}

static void free_after_grace(struct rcu_head *head) {
        struct application *a = CONTAINER_OF(head, struct application, rcu);

        session_view_unref(a->view);
        event_definitions_unref(a->definitions);
        compartment_unref(a->compartment);
        closep(&a->fd);
        pthread_mutex_destroy(&a->lock);
        control_group_unref(a->group);
        free(a->executable);
        free(a->key);
        free(a->descents);
        free(a);
}

bool application_is_alive(struct application *a) {
        bool alive;

        pthread_mutex_lock(&a->lock);
        alive = a->fd >= 0 && peer_socket_is_alive(a->fd, &a->peer);
        pthread_mutex_unlock(&a->lock);
        return alive;
}

const char *application_unit(const struct application *a) {
        return a->group && a->group->unit ? a->group->unit : "";
}

struct application *application_ref(struct application *a) {
        atomic_fetch_add_explicit(&a->refs, 1, memory_order_relaxed);
        return a;
}

bool application_ref_unless_zero(struct application *a) {
        unsigned refs = atomic_load_explicit(&a->refs, memory_order_relaxed);

        while (refs > 0)
                if (atomic_compare_exchange_weak_explicit(&a->refs, &refs, refs + 1, memory_order_relaxed,
                                                          memory_order_relaxed))
                        return true;
        return false;
}

struct application *application_unref(struct application *a) {
        if (a && atomic_fetch_sub_explicit(&a->refs, 1, memory_order_acq_rel) == 1)
                call_rcu(&a->rcu, free_after_grace);
        return NULL;
}
