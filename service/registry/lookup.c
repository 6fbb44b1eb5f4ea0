/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <unistd.h>

#include "service/registry/internal.h"
#include "service/registry/now.h"

struct application *registry_find(struct registry *r, uint64_t id) {
        struct application *a = registry_find_resumed(r, id);

        if (!a)
                a = registry_find_connection(r, id);
        if (a && atomic_load(&a->registered) && a->id == id)
                return a;
        return application_unref(a);
}

void registry_check(struct registry *r, struct application *a) {
        registry_schedule(r, a, APPLICATION_CHECK);
}

/* Calls each for the account of uid, where there is one, or for all. */
static void each_account(struct registry *r, uid_t uid, void (*each)(struct account *account, void *userdata),
                         void *userdata) {
        struct account *account = uid == REGISTRY_ANY_UID ? NULL : registry_account(r, uid);
        struct cds_lfht_node *node;
        struct cds_lfht_iter iter;

        if (account)
                each(account, userdata);
        if (uid != REGISTRY_ANY_UID)
                return;
        rcu_read_lock();
        cds_lfht_for_each(r->accounts, &iter, node)
                each(CONTAINER_OF(node, struct account, node), userdata);
        rcu_read_unlock();
}

static void push_account(struct account *account, void *userdata) {
        struct application *a;
        struct cds_lfht_node *node;
        struct cds_lfht_iter iter;

        rcu_read_lock();
        cds_lfht_for_each(account->applications, &iter, node) {
                a = CONTAINER_OF(node, struct application, account_node);
                if (application_ref_unless_zero(a)) {
                        registry_schedule(userdata, a, APPLICATION_PUSH);
                        application_unref(a);
                }
        }
        rcu_read_unlock();
}

void registry_push(struct registry *r, uid_t uid) {
        each_account(r, uid, push_account, r);
}

struct pending {
        uint64_t generation;
        uint32_t n;
};

/*
 * Strays are counted before, so that one that comes back meanwhile is found here
 * or there, and after, so that one that was hung up on meanwhile is. Partners:
 * registry_register() and registry_disconnect().
 */
static void count_pending(struct account *account, void *userdata) {
        struct pending *pending = userdata;
        struct application *a;
        struct cds_lfht_node *node;
        struct cds_lfht_iter iter;
        uint32_t before, after;

        before = strays_count(account, pending->generation);
        rcu_read_lock();
        cds_lfht_for_each(account->applications, &iter, node) {
                a = CONTAINER_OF(node, struct application, account_node);
                pending->n += atomic_load_explicit(&a->applied, memory_order_acquire) < pending->generation;
        }
        rcu_read_unlock();
        after = strays_count(account, pending->generation);
        pending->n += before > after ? before : after;
}

uint32_t registry_count_pending(struct registry *r, uid_t uid, uint64_t generation) {
        struct pending pending = { .generation = generation };

        each_account(r, uid, count_pending, &pending);
        return pending.n;
}

static void count_live(struct account *account, void *userdata) {
        *(uint64_t *) userdata += atomic_load(&account->n_applications);
}

static void count_steps(struct account *account, void *userdata) {
        *(uint64_t *) userdata += atomic_load(&account->n_steps);
}

bool registry_is_pending(struct registry *r, uid_t uid, uint64_t generation, uint64_t *steps) {
        uint64_t now = 0;
        uint32_t n;

        /* Before they are counted: each that is pending then makes its step later. */
        each_account(r, uid, count_steps, &now);
        if (now < *steps)
                return true;
        n = registry_count_pending(r, uid, generation);
        *steps = now + n;
        return n > 0;
}

uint64_t registry_count(struct registry *r, uid_t uid) {
        uint64_t n = 0;

        each_account(r, uid, count_live, &n);
        return n;
}

static void count_ever(struct account *account, void *userdata) {
        *(uint64_t *) userdata += atomic_load(&account->n_ever);
}

uint64_t registry_count_ever(struct registry *r, uid_t uid) {
        uint64_t n = 0;

        each_account(r, uid, count_ever, &n);
        return n;
}

uint64_t registry_count_served(const struct registry *r) {
        return atomic_load(&r->n_served);
}

uint64_t registry_count_refused(struct registry *r, uid_t uid) {
        struct account *account = registry_account(r, uid);

        return account ? atomic_load(&account->n_refused) : 0;
}

struct list {
        struct application **items;
        size_t n, size;
};

/* Called under rcu_read_lock(), where allocating is allowed. */
static int list_add(struct list *list, struct application *a) {
        if (!application_ref_unless_zero(a))
                return 0;
        if (list->n == list->size) {
                size_t size = list->size ? 2 * list->size : 64;
                struct application **items = realloc(list->items, size * sizeof(*items));

                if (!items) {
                        application_unref(a);
                        return -ENOMEM;
                }
                list->items = items;
                list->size = size;
        }
        list->items[list->n++] = a;
        return 0;
}

static int list_account(struct account *account, struct list *list) {
        struct cds_lfht_node *node;
        struct cds_lfht_iter iter;
        int r = 0;

        rcu_read_lock();
        cds_lfht_for_each(account->applications, &iter, node) {
                r = list_add(list, CONTAINER_OF(node, struct application, account_node));
                if (r < 0)
                        break;
        }
        rcu_read_unlock();
        return r;
}

static int match_pid(struct cds_lfht_node *node, const void *key) {
        return CONTAINER_OF(node, struct application, pid_node)->peer.pid == *(const pid_t *) key;
}

static int list_pid(struct registry *r, uid_t uid, pid_t pid, struct list *list) {
        struct application *a;
        struct cds_lfht_node *node;
        struct cds_lfht_iter iter;
        int k = 0;

        rcu_read_lock();
        cds_lfht_for_each_duplicate(r->by_pid, registry_hash((uint64_t) pid), match_pid, &pid, &iter, node) {
                a = CONTAINER_OF(node, struct application, pid_node);
                k = a->peer.uid == uid ? list_add(list, a) : 0;
                if (k < 0)
                        break;
        }
        rcu_read_unlock();
        return k;
}

int registry_list(struct registry *r, uid_t uid, pid_t pid, struct application ***ret, size_t *ret_n) {
        struct account *account = registry_account(r, uid);
        struct list list = { .items = malloc(sizeof(*list.items)), .size = 1 };
        int k = 0;

        if (!list.items)
                return -ENOMEM;
        if (pid > 0)
                k = list_pid(r, uid, pid, &list);
        else if (account)
                k = list_account(account, &list);
        if (k < 0) {
                for (size_t i = 0; i < list.n; i++)
                        application_unref(list.items[i]);
                free(list.items);
                return k;
        }
        *ret = list.items;
        *ret_n = list.n;
        return 0;
}

/* Accounts come only, while the registry lives. */
int registry_list_uids(struct registry *r, uid_t **ret, size_t *ret_n) {
        struct cds_lfht_node *node;
        struct cds_lfht_iter iter;
        size_t n = 0, size = 16;
        uid_t *uids;

        uids = malloc(size * sizeof(*uids));
        if (!uids)
                return -ENOMEM;
        rcu_read_lock();
        cds_lfht_for_each(r->accounts, &iter, node) {
                if (n == size) {
                        uid_t *grown = realloc(uids, 2 * size * sizeof(*uids));

                        if (!grown)
                                break;
                        uids = grown;
                        size *= 2;
                }
                uids[n++] = CONTAINER_OF(node, struct account, node)->uid;
        }
        rcu_read_unlock();
        if (node) {
                free(uids);
                return -ENOMEM;
        }
        *ret = uids;
        *ret_n = n;
        return 0;
}

int registry_list_definitions(struct registry *r, uid_t uid, struct event_definitions ***ret, size_t *ret_n) {
        struct account *account = registry_account(r, uid);

        if (account)
                return definitions_store_list(&account->definitions, ret, ret_n);
        *ret = calloc(1, sizeof(**ret));
        if (!*ret)
                return -ENOMEM;
        *ret_n = 0;
        return 0;
}

static bool take(struct cds_wfcq_head *head, struct cds_wfcq_tail *tail, struct cds_wfcq_node **ret) {
        *ret = __cds_wfcq_dequeue_blocking(head, tail);
        return *ret;
}

void registry_take_news(struct registry *r, unsigned max, void (*added)(struct application *a, void *userdata),
                        void (*removed)(struct application *a, void *userdata), void *userdata) {
        struct cds_wfcq_node *node;
        uint64_t n;

        (void) !read(r->news_fd, &n, sizeof(n));
        /* Before the queues are looked at: who comes later tells again. */
        (void) atomic_exchange(&r->told, false);
        atomic_store(&r->taken_usec, now_usec());
        for (; max > 0; max--) {
                struct application *a;

                if (take(&r->added_head, &r->added_tail, &node)) {
                        a = CONTAINER_OF(node, struct application, added_node);
                        added(a, userdata);
                } else if (take(&r->removed_head, &r->removed_tail, &node)) {
                        a = CONTAINER_OF(node, struct application, removed_node);
                        removed(a, userdata);
                } else
                        return;
                application_unref(a);
        }
        registry_tell(r, 0);
}

int registry_event_fd(const struct registry *r) {
        return r->news_fd;
}
