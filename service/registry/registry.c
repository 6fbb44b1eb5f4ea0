/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <limits.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/timerfd.h>

#include "service/domain/user.h"
#include "service/registry/internal.h"
#include "service/registry/now.h"
#include "service/registry/table.h"

/* Descriptors for everything that is no connection, of which each has one: rings, views, definitions, consumers. */
#define FDS_RESERVED 1024
#define CONNECTIONS_MIN 64

unsigned long registry_hash(uint64_t n) {
        n *= UINT64_C(0x9e3779b97f4a7c15);
        return (unsigned long) (n ^ n >> 32);
}

static int match_uid(struct cds_lfht_node *node, const void *key) {
        return CONTAINER_OF(node, struct account, node)->uid == *(const uid_t *) key;
}

struct account *registry_account(struct registry *r, uid_t uid) {
        struct cds_lfht_iter iter;
        struct cds_lfht_node *node;

        rcu_read_lock();
        cds_lfht_lookup(r->accounts, registry_hash(uid), match_uid, &uid, &iter);
        node = cds_lfht_iter_get_node(&iter);
        rcu_read_unlock();
        return node ? CONTAINER_OF(node, struct account, node) : NULL;
}

int registry_make_account(struct registry *r, uid_t uid, struct account **ret) {
        struct account *account = registry_account(r, uid);
        struct cds_lfht_node *node;
        int k;

        if (!account) {
                k = account_new(uid, &r->config.domain->quota, &account);
                if (k < 0)
                        return k;
                rcu_read_lock();
                node = cds_lfht_add_unique(r->accounts, registry_hash(uid), match_uid, &uid, &account->node);
                rcu_read_unlock();
                if (node != &account->node) {
                        account_free(account);
                        account = CONTAINER_OF(node, struct account, node);
                }
        }
        *ret = account;
        return 0;
}

void registry_note(struct registry *r) {
        atomic_store(&r->has_news, true);
}

static uint64_t news_delay(struct registry *r) {
        if (!atomic_load(&r->awaited))
                return NEWS_USEC;
        return now_usec() - atomic_load(&r->taken_usec) < NEWS_AWAITED_USEC ? NEWS_AWAITED_USEC : 0;
}

void registry_notify(struct registry *r) {
        if (atomic_load_explicit(&r->has_news, memory_order_relaxed) && atomic_exchange(&r->has_news, false) &&
            !atomic_exchange(&r->told, true))
                registry_tell(r, news_delay(r));
}

void registry_tell(struct registry *r, uint64_t usec) {
        /* Zero would be never. */
        struct itimerspec when = { .it_value.tv_sec = (time_t) (usec / 1000000),
                                   .it_value.tv_nsec = (long) (usec % 1000000 * 1000 + 1) };

        (void) timerfd_settime(r->news_fd, 0, &when, NULL);
}

void registry_await(struct registry *r, enum registry_awaiting who, bool awaited) {
        if (!awaited)
                atomic_fetch_and(&r->awaited, ~(unsigned) who);
        else if (!(atomic_fetch_or(&r->awaited, who) & who)) {
                registry_tell(r, 0);
                settle_hasten(r);
        }
}

void registry_schedule(struct registry *r, struct application *a, unsigned work) {
        if (atomic_fetch_or(&a->work, work | APPLICATION_QUEUED) & APPLICATION_QUEUED)
                return;
        application_ref(a);
        if (!cds_wfcq_enqueue(&r->work_head, &r->work_tail, &a->work_node))
                (void) eventfd_write(r->work_fd, 1);
}

static uint64_t connections_max(void) {
        const rlim_t least = FDS_RESERVED + CONNECTIONS_MIN;
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur < least)
                return CONNECTIONS_MIN;
        return limit.rlim_cur - FDS_RESERVED;
}

static int make_tables(struct registry *r) {
        r->by_id = table_new();
        r->resumed = table_new();
        r->by_pid = table_new();
        r->accounts = table_new();
        return r->by_id && r->resumed && r->by_pid && r->accounts ? 0 : -ENOMEM;
}

int registry_new(const struct registry_config *config, struct registry **ret) {
        _cleanup_(registry_freep) struct registry *r = NULL;
        int k;

        r = calloc(1, sizeof(*r));
        if (!r)
                return -ENOMEM;
        r->config = *config;
        r->last_id = roll_last(config->roll);
        r->connections_max = connections_max();
        quota_set_total(&config->domain->quota, QUOTA_APPLICATIONS, r->connections_max);
        r->epoll_fd = r->stop_fd = r->work_fd = r->news_fd = r->sweep.timer_fd = r->windows.timer_fd = r->settling.timer_fd = -1;
        control_group_table_init(&r->groups);
        refusals_init(&r->refusals);
        cds_wfcq_init(&r->work_head, &r->work_tail);
        cds_wfcq_init(&r->added_head, &r->added_tail);
        cds_wfcq_init(&r->removed_head, &r->removed_tail);
        r->news_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        if (r->news_fd < 0)
                return -errno;
        k = sweep_init(&r->sweep, config->sweep_usec);
        if (k < 0)
                return k;
        k = windows_init(&r->windows);
        if (k < 0)
                return k;
        k = settling_init(&r->settling, config->settle_usec);
        if (k < 0)
                return k;
        k = make_tables(r);
        if (k < 0)
                return k;
        k = reception_init(r);
        if (k < 0)
                return k;
        k = workers_start(r);
        if (k < 0)
                return k;
        *ret = TAKE_PTR(r);
        return 0;
}

/* All threads have ended, so each table has this one reader. */
static void disconnect_all(struct registry *r) {
        struct cds_lfht_iter iter;
        struct application *a;

        for (;;) {
                rcu_read_lock();
                cds_lfht_first(r->by_id, &iter);
                a = cds_lfht_iter_get_node(&iter) ?
                        CONTAINER_OF(cds_lfht_iter_get_node(&iter), struct application, id_node) : NULL;
                rcu_read_unlock();
                if (!a)
                        return;
                registry_disconnect(a, false);
        }
}

static void ignore(struct application *a, void *userdata) {
}

static void free_accounts(struct registry *r) {
        struct cds_lfht_iter iter;
        struct account *account;

        for (;;) {
                rcu_read_lock();
                cds_lfht_first(r->accounts, &iter);
                account = cds_lfht_iter_get_node(&iter) ?
                        CONTAINER_OF(cds_lfht_iter_get_node(&iter), struct account, node) : NULL;
                if (account)
                        cds_lfht_del(r->accounts, &account->node);
                rcu_read_unlock();
                if (!account)
                        return;
                synchronize_rcu();
                strays_sift(r, account, true);
                account_free(account);
        }
}

static void free_tables(struct registry *r) {
        if (r->by_id) {
                disconnect_all(r);
                registry_take_news(r, UINT_MAX, ignore, ignore, NULL);
                cds_lfht_destroy(r->by_id, NULL);
        }
        /* Applications are freed by RCU's thread. */
        rcu_barrier();
        if (r->by_pid)
                cds_lfht_destroy(r->by_pid, NULL);
        if (r->resumed)
                cds_lfht_destroy(r->resumed, NULL);
        if (r->accounts) {
                free_accounts(r);
                cds_lfht_destroy(r->accounts, NULL);
        }
}

void registry_stop(struct registry *r) {
        workers_stop(r);
}

struct registry *registry_free(struct registry *r) {
        if (!r)
                return NULL;
        registry_stop(r);
        free_tables(r);
        reception_done(r);
        closep(&r->news_fd);
        settling_done(&r->settling);
        sweep_done(&r->sweep);
        windows_done(&r->windows);
        refusals_done(&r->refusals);
        control_group_table_done(&r->groups);
        free(r);
        return NULL;
}
