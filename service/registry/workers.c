/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "service/log.h"
#include "service/registry/internal.h"

#define EVENTS_PER_TURN 4
#define WORK_PER_TURN 16
#define PAUSE_MSEC 100

/* It is let settle once, when it has got its first view. */
static int wait_for_next(struct application *a, bool was_ready) {
        return !was_ready && a->ready_sent && settle_begin(a) ? 0 : reception_watch(a);
}

static int serve(struct application *a, unsigned work) {
        bool was_ready = a->ready_sent;
        int k = 0;

        if (work & (APPLICATION_READ | APPLICATION_CHECK))
                k = application_read(a);
        if (k >= 0 && work & APPLICATION_CHECK && !application_is_alive(a))
                k = -ECONNRESET;
        if (k >= 0 && work & APPLICATION_CHECK)
                window_check(a);
        if (k >= 0 && a->state == APPLICATION_REGISTERED)
                k = application_push(a);
        return k < 0 ? k : wait_for_next(a, was_ready);
}

static void serve_or_disconnect(struct application *a, unsigned work) {
        int k;

        if (a->state == APPLICATION_CLOSED)
                return;
        k = serve(a, work);
        if (k < 0 && k != -ECONNRESET)
                log_debug("application %llu (pid %i) was disconnected: %s", (unsigned long long) a->id,
                          (int) a->peer.pid, strerror(-k));
        if (k < 0)
                registry_disconnect(a, k != -ECONNRESET && k != -EPIPE);
        /* Last: nobody waits for the main loop, and the main loop for nobody. */
        registry_notify(a->registry);
}

/*
 * One worker an application: whoever sets APPLICATION_QUEUED serves it, or puts
 * it into the queue, and it stays set until no flag was set any more while the
 * worker was busy with it. The flags are taken before anything is read that
 * they stand for, the model above all (see registry.h).
 */
static void work_on(struct application *a) {
        unsigned work, expected;

        do {
                work = atomic_exchange(&a->work, APPLICATION_QUEUED);
                serve_or_disconnect(a, work);
                expected = APPLICATION_QUEUED;
        } while (!atomic_compare_exchange_strong(&a->work, &expected, 0));
        application_unref(a);
}

/* Here and now, unless another worker has it. */
static void work_or_leave(struct application *a, unsigned work) {
        if (atomic_fetch_or(&a->work, work | APPLICATION_QUEUED) & APPLICATION_QUEUED)
                application_unref(a);
        else
                work_on(a);
}

/* Something has come from it, or it can be sent something again. */
static void on_connection(struct registry *r, const struct epoll_event *event) {
        struct application *a = registry_find_connection(r, event->data.u64);

        if (a)
                work_or_leave(a, APPLICATION_READ | (event->events & EPOLLOUT ? APPLICATION_PUSH : 0));
}

/* No other worker is woken for a few. */
static void on_settled(struct registry *r) {
        struct application *a = settle_end(r), *next;

        for (unsigned i = 0; a; a = next, i++) {
                next = a->settling_next;
                if (i < WORK_PER_TURN) {
                        work_or_leave(a, APPLICATION_READ);
                        continue;
                }
                registry_schedule(r, a, APPLICATION_READ);
                application_unref(a);
        }
}

static void on_listen(struct registry *r) {
        struct application *a = reception_accept(r);

        if (a)
                work_on(a);
}

/*
 * Those who put something into an empty queue make work_fd readable; it stays so
 * until a worker has seen the queue empty, and whoever comes between that and
 * the read is looked for after it.
 */
static void on_work(struct registry *r) {
        for (int i = 0; i < WORK_PER_TURN; i++) {
                struct cds_wfcq_node *node = cds_wfcq_dequeue_blocking(&r->work_head, &r->work_tail);
                eventfd_t n;

                if (node) {
                        cds_wfcq_node_init(node);
                        work_on(CONTAINER_OF(node, struct application, work_node));
                        continue;
                }
                (void) eventfd_read(r->work_fd, &n);
                if (cds_wfcq_empty(&r->work_head, &r->work_tail))
                        return;
                (void) eventfd_write(r->work_fd, 1);
        }
}

/* One round of events: whether to go on. */
static bool turn(struct registry *r) {
        struct epoll_event events[EVENTS_PER_TURN];
        int n = epoll_wait(r->epoll_fd, events, EVENTS_PER_TURN, atomic_load(&r->paused) ? PAUSE_MSEC : -1);

        reception_continue(r);
        for (int i = 0; i < n; i++)
                switch (events[i].data.u64) {
                case KEY_STOP:
                        return false;
                case KEY_LISTEN:
                        on_listen(r);
                        break;
                case KEY_WORK:
                        on_work(r);
                        break;
                case KEY_SWEEP:
                        sweep_some(r);
                        break;
                case KEY_WINDOWS:
                        windows_expire(r);
                        break;
                case KEY_SETTLING:
                        on_settled(r);
                        break;
                default:
                        on_connection(r, &events[i]);
                }
        return true;
}

static void *worker(void *userdata) {
        rcu_register_thread();
        while (turn(userdata))
                ;
        rcu_unregister_thread();
        return NULL;
}

/* One for each CPU, so that all can be busy; two at least, so that one application's view never keeps all waiting. */
static unsigned count_workers(void) {
        long n = sysconf(_SC_NPROCESSORS_ONLN);

        return n < 2 ? 2 : n > REGISTRY_WORKERS_MAX ? REGISTRY_WORKERS_MAX : (unsigned) n;
}

int workers_start(struct registry *r) {
        unsigned wanted = count_workers();

        while (r->n_workers < wanted) {
                int k = pthread_create(&r->workers[r->n_workers], NULL, worker, r);

                if (k > 0)
                        return -k;
                r->n_workers++;
        }
        return 0;
}

void workers_stop(struct registry *r) {
        struct cds_wfcq_node *node;

        if (r->n_workers > 0)
                (void) eventfd_write(r->stop_fd, 1);
        while (r->n_workers > 0)
                pthread_join(r->workers[--r->n_workers], NULL);
        while ((node = cds_wfcq_dequeue_blocking(&r->work_head, &r->work_tail)))
                application_unref(CONTAINER_OF(node, struct application, work_node));
        settling_forget(&r->settling);
}
