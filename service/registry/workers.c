/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "service/log.h"
#include "service/registry/internal.h"

static void serve(struct application *a, unsigned work) {
        int k = 0;

        if (a->state == APPLICATION_CLOSED)
                return;
        if (work & (APPLICATION_READ | APPLICATION_CHECK))
                k = application_read(a);
        if (k >= 0 && work & APPLICATION_CHECK && !application_is_alive(a))
                k = -ECONNRESET;
        if (k >= 0 && a->state == APPLICATION_REGISTERED)
                k = application_push(a);
        if (k < 0 && k != -ECONNRESET)
                log_debug("application %llu (pid %i) was disconnected: %s", (unsigned long long) a->id,
                          (int) a->peer.pid, strerror(-k));
        if (k < 0)
                registry_disconnect(a);
        else
                reception_rearm(a);
}

/*
 * One application at a time and one worker an application: whoever sets
 * APPLICATION_QUEUED puts it into the queue, and it stays set until no flag was
 * set any more while the worker was busy with it. The flags are taken before
 * anything is read that they stand for, the model above all (see registry.h).
 */
static void work_on(struct application *a) {
        unsigned work, expected;

        do {
                work = atomic_exchange(&a->work, APPLICATION_QUEUED);
                serve(a, work);
                expected = APPLICATION_QUEUED;
        } while (!atomic_compare_exchange_strong(&a->work, &expected, 0));
        application_unref(a);
}

static void *worker(void *userdata) {
        struct registry *r = userdata;
        struct cds_wfcq_node *node;

        rcu_register_thread();
        for (;;) {
                while (sem_wait(&r->work_count) < 0)
                        ;
                if (atomic_load(&r->stopping))
                        break;
                node = cds_wfcq_dequeue_blocking(&r->work_head, &r->work_tail);
                if (!node)
                        continue;
                cds_wfcq_node_init(node);
                work_on(CONTAINER_OF(node, struct application, work_node));
        }
        rcu_unregister_thread();
        return NULL;
}

int workers_start(struct registry *r) {
        while (r->n_workers < REGISTRY_WORKERS) {
                int k = pthread_create(&r->workers[r->n_workers], NULL, worker, r);

                if (k > 0)
                        return -k;
                r->n_workers++;
        }
        return 0;
}

void workers_stop(struct registry *r) {
        struct cds_wfcq_node *node;

        atomic_store(&r->stopping, true);
        for (unsigned i = 0; i < r->n_workers; i++)
                sem_post(&r->work_count);
        while (r->n_workers > 0)
                pthread_join(r->workers[--r->n_workers], NULL);
        while ((node = cds_wfcq_dequeue_blocking(&r->work_head, &r->work_tail)))
                application_unref(CONTAINER_OF(node, struct application, work_node));
}
