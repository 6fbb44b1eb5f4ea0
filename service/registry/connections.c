/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>

#include "service/domain/user.h"
#include "service/registry/internal.h"

static int match_id(struct cds_lfht_node *node, const void *key) {
        return CONTAINER_OF(node, struct application, id_node)->connection == *(const uint64_t *) key;
}

struct application *registry_find_connection(struct registry *r, uint64_t id) {
        struct application *a = NULL;
        struct cds_lfht_node *node;
        struct cds_lfht_iter iter;

        rcu_read_lock();
        cds_lfht_lookup(r->by_id, registry_hash(id), match_id, &id, &iter);
        node = cds_lfht_iter_get_node(&iter);
        if (node)
                a = CONTAINER_OF(node, struct application, id_node);
        if (a && !application_ref_unless_zero(a))
                a = NULL;
        rcu_read_unlock();
        return a;
}

/* Takes a place among the connections, which registry_leave() gives back. */
static int enter(struct registry *r, const struct peer *peer, struct charge *ret) {
        int k;

        if (atomic_fetch_add(&r->n_connections, 1) >= r->connections_max)
                k = -EUSERS;
        else
                k = quota_charge(&r->config.domain->quota, peer->uid, QUOTA_APPLICATIONS, 1, ret);
        if (k < 0)
                atomic_fetch_sub(&r->n_connections, 1);
        return k;
}

void registry_leave(struct registry *r, struct charge *charge) {
        atomic_fetch_sub(&r->n_connections, 1);
        charge_done(charge);
}

static int make_application(struct registry *r, int fd, const struct peer *peer, struct application **ret) {
        struct charge charge = { 0 };
        struct account *account;
        int k;

        if (!r->config.admits(peer->uid, r->config.userdata))
                return -EACCES;
        k = registry_make_account(r, peer->uid, &account);
        if (k < 0)
                return k;
        k = enter(r, peer, &charge);
        if (k < 0) {
                atomic_fetch_add(&account->n_refused, 1);
                refusals_tell(&r->refusals, peer, k);
                return k;
        }
        k = application_new(r, account, atomic_fetch_add(&r->last_id, 1) + 1, fd, peer, &charge, ret);
        if (k < 0)
                registry_leave(r, &charge);
        return k;
}

int registry_connect(struct registry *r, int socket, struct application **ret) {
        _cleanup_close_ int fd = socket;
        struct application *a;
        struct peer peer;
        int k;

        k = peer_read(fd, &peer);
        if (k >= 0)
                k = make_application(r, fd, &peer, &a);
        if (k < 0)
                return k;
        (void) TAKE_FD(fd);
        atomic_store(&a->work, APPLICATION_READ | APPLICATION_QUEUED);
        *ret = application_ref(a);
        rcu_read_lock();
        cds_lfht_add(r->by_id, registry_hash(a->connection), &a->id_node);
        rcu_read_unlock();
        sweep_add(r, a);
        return 0;
}

void registry_register(struct application *a) {
        struct registry *r = a->registry;

        a->state = APPLICATION_REGISTERED;
        /* One that comes back has been counted. */
        atomic_fetch_add(&a->account->n_ever, !a->resumed);
        atomic_fetch_add(&a->account->n_applications, 1);
        rcu_read_lock();
        cds_lfht_add(r->by_pid, registry_hash((uint64_t) a->peer.pid), &a->pid_node);
        cds_lfht_add(a->account->applications, registry_hash(a->id), &a->account_node);
        registry_enroll(a);
        rcu_read_unlock();
        /* Inserted first, no longer missing second. Partner: count_pending() in waiter.c, which looks the other way round. */
        if (a->resumed)
                roll_resumed(r->config.roll);
        /* Likewise. Partner: count_pending() in lookup.c. */
        strays_remove(a);
        atomic_store(&a->registered, true);
        cds_wfcq_enqueue(&r->added_head, &r->added_tail, &application_ref(a)->added_node);
        registry_note(r);
        /* Inserted first, the model read second. Partner: the barrier of rcu_xchg_pointer() in model_view_publish(). */
        cmm_smp_mb();
}

void registry_serve(struct application *a) {
        if (a->served)
                return;
        a->served = true;
        atomic_fetch_add(&a->registry->n_served, 1);
        registry_note(a->registry);
}

static void unregister(struct registry *r, struct application *a) {
        atomic_store(&a->registered, false);
        rcu_read_lock();
        cds_lfht_del(r->by_pid, &a->pid_node);
        cds_lfht_del(a->account->applications, &a->account_node);
        registry_strike(a);
        rcu_read_unlock();
        atomic_fetch_sub(&a->account->n_applications, 1);
        atomic_fetch_add(&a->account->n_steps, 1);
        cds_wfcq_enqueue(&r->removed_head, &r->removed_tail, &application_ref(a)->removed_node);
        registry_note(r);
}

static void close_and_drop_view(struct application *a) {
        struct session_view *view;

        pthread_mutex_lock(&a->lock);
        close(TAKE_FD(a->fd));
        view = TAKE_PTR(a->view);
        pthread_mutex_unlock(&a->lock);
        session_view_unref(view);
}

void registry_disconnect(struct application *a, bool by_us) {
        struct registry *r = a->registry;
        bool strays = false;

        /* In the other place first: it is never in neither. Partner: count_pending() in lookup.c. */
        if (a->state == APPLICATION_REGISTERED) {
                strays = by_us && strays_add(a);
                unregister(r, a);
                registry_serve(a);
        }
        a->state = APPLICATION_CLOSED;
        sweep_remove(r, a);
        window_drop(a);
        close_and_drop_view(a);
        registry_release_lost(a);
        if (!strays && a->locked)
                user_domain_release(r->config.domain, a->id);
        if (!strays)
                registry_leave(r, &a->charge);
        rcu_read_lock();
        cds_lfht_del(r->by_id, &a->id_node);
        rcu_read_unlock();
        application_unref(a);
}
