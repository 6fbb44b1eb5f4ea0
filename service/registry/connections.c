/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <sys/epoll.h>

#include "service/domain/user.h"
#include "service/registry/internal.h"

static int match_id(struct cds_lfht_node *node, const void *key) {
        return CONTAINER_OF(node, struct application, id_node)->id == *(const uint64_t *) key;
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

static int check_peer(struct registry *r, const struct peer *peer) {
        if (!r->config.admits(peer->uid, r->config.userdata))
                return -EACCES;
        if (atomic_load(&r->n_connections) >= r->connections_max)
                return -EUSERS;
        return 0;
}

int registry_connect(struct registry *r, int socket) {
        _cleanup_close_ int fd = socket;
        struct application *a;
        struct charge charge = { 0 };
        struct account *account;
        struct peer peer;
        int k;

        k = peer_read(fd, &peer);
        if (k < 0)
                return k;
        k = check_peer(r, &peer);
        if (k >= 0)
                k = quota_charge(&r->config.domain->quota, peer.uid, QUOTA_APPLICATIONS, 1, &charge);
        if (k >= 0)
                k = registry_make_account(r, peer.uid, &account);
        if (k >= 0)
                k = application_new(r, account, atomic_fetch_add(&r->last_id, 1) + 1, fd, &peer, &charge, &a);
        if (k < 0) {
                charge_done(&charge);
                peer_done(&peer);
                return k;
        }
        fd = -1;
        atomic_fetch_add(&r->n_connections, 1);
        rcu_read_lock();
        cds_lfht_add(r->by_id, registry_hash(a->id), &a->id_node);
        rcu_read_unlock();
        k = reception_watch(r, a);
        if (k < 0)
                registry_disconnect(a);
        return k;
}

void registry_register(struct application *a) {
        struct registry *r = a->registry;

        a->state = APPLICATION_REGISTERED;
        atomic_fetch_add(&a->account->n_ever, 1);
        atomic_fetch_add(&a->account->n_applications, 1);
        rcu_read_lock();
        cds_lfht_add(r->by_pid, registry_hash((uint64_t) a->peer.pid), &a->pid_node);
        cds_lfht_add(a->account->applications, registry_hash(a->id), &a->account_node);
        rcu_read_unlock();
        atomic_store(&a->registered, true);
        cds_wfcq_enqueue(&r->added_head, &r->added_tail, &application_ref(a)->added_node);
        registry_notify(r);
        /* Inserted first, the model read second. Partner: the barrier of rcu_xchg_pointer() in model_view_publish(). */
        cmm_smp_mb();
}

static void unregister(struct registry *r, struct application *a) {
        atomic_store(&a->registered, false);
        rcu_read_lock();
        cds_lfht_del(r->by_pid, &a->pid_node);
        cds_lfht_del(a->account->applications, &a->account_node);
        rcu_read_unlock();
        atomic_fetch_sub(&a->account->n_applications, 1);
        cds_wfcq_enqueue(&r->removed_head, &r->removed_tail, &application_ref(a)->removed_node);
        registry_notify(r);
}

static void drop_view(struct application *a) {
        struct session_view *view;

        pthread_mutex_lock(&a->lock);
        view = TAKE_PTR(a->view);
        pthread_mutex_unlock(&a->lock);
        session_view_unref(view);
}

void registry_disconnect(struct application *a) {
        struct registry *r = a->registry;

        if (a->state == APPLICATION_REGISTERED)
                unregister(r, a);
        a->state = APPLICATION_CLOSED;
        (void) epoll_ctl(r->epoll_fd, EPOLL_CTL_DEL, a->fd, NULL);
        (void) epoll_ctl(r->epoll_fd, EPOLL_CTL_DEL, a->peer.pidfd, NULL);
        close(TAKE_FD(a->fd));
        drop_view(a);
        if (a->locked)
                user_domain_release(r->config.domain, a->id);
        atomic_fetch_sub(&r->n_connections, 1);
        charge_done(&a->charge);
        rcu_read_lock();
        cds_lfht_del(r->by_id, &a->id_node);
        rcu_read_unlock();
        application_unref(a);
}
