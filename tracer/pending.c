/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <sys/mman.h>

#include "tracer/pending.h"
#include "tracer/plan.h"

#define COUNTING_LIST_SIZE (sizeof(struct action_list) + sizeof(struct action))

static struct pending *allocate(struct snapshot *snapshot) {
        size_t size = sizeof(struct pending) + snapshot->n_definitions *
                      (sizeof(struct action_list *) + sizeof(uint64_t) + COUNTING_LIST_SIZE);
        struct pending *p;

        p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
                return NULL;
        p->memory_size = size;
        p->snapshot = snapshot_ref(snapshot);
        p->counts = (uint64_t *) (p + 1);
        p->lists = (struct action_list **) (p->counts + snapshot->n_definitions);
        return p;
}

static void release(struct pending *p) {
        snapshot_unref(p->snapshot);
        munmap(p, p->memory_size);
}

/* Takes what is known, and leaves 1 in the counts of those definitions. */
static void take_known(struct pending *p, const struct known *known) {
        uint32_t position = 0;

        for (uint32_t i = 0; known->snapshot && i < p->snapshot->n_sites; i++) {
                const struct site *site = &p->snapshot->sites[i], *other;

                if (!site->event)
                        continue;
                other = snapshot_find_in_step(known->snapshot, &position, site->event);
                if (!other || site->definition == DEFINITION_NONE || other->definition == DEFINITION_NONE)
                        continue;
                p->counts[site->definition] = 1;
                p->lists[site->definition] = known->lists ? known->lists[other->definition] : NULL;
        }
}

/* How many lists that count there are now. */
static uint32_t add_counting(struct pending *p) {
        char *memory = (char *) (p->lists + p->snapshot->n_definitions);
        uint32_t n = 0;

        for (uint32_t i = 0; i < p->snapshot->n_definitions; i++) {
                struct action_list *list = (struct action_list *) (memory + n * COUNTING_LIST_SIZE);

                if (p->counts[i]) {
                        p->counts[i] = 0;
                        continue;
                }
                list->n = 1;
                list->actions[0].count = &p->counts[i];
                p->lists[i] = list;
                n++;
        }
        return n;
}

int pending_new(const struct known *known, struct snapshot *snapshot, struct pending **ret) {
        struct pending *p = allocate(snapshot);
        uint32_t n;

        if (!p)
                return -ENOMEM;
        take_known(p, known);
        n = add_counting(p);
        p->n_actions = known->n_actions + n;
        if (n == 0) {
                release(p);
                p = NULL;
        }
        *ret = p;
        return 0;
}

bool pending_has_counted(const struct pending *pending) {
        for (const struct pending *p = pending; p; p = p->next)
                for (uint32_t i = 0; i < p->snapshot->n_definitions; i++)
                        if (__atomic_load_n(&p->counts[i], __ATOMIC_RELAXED) > 0)
                                return true;
        return false;
}

/* Where threads count that have no place: at the first CPU. */
static void count_lost(const struct action_list *list, uint64_t n) {
        for (uint32_t i = 0; list && i < list->n; i++) {
                const struct action *action = &list->actions[i];

                ring_count_all_discarded(ring_map_cpu(action->shared ? action->shared : action->locked, 0), n);
        }
}

/* A definition of several statements is counted once: with the first that is found. */
static void settle(struct pending *p, const struct snapshot *snapshot, struct action_list *const *lists) {
        uint32_t position = 0;

        for (uint32_t i = 0; i < snapshot->n_sites; i++) {
                const struct site *site = &snapshot->sites[i], *before;

                if (!site->event)
                        continue;
                before = snapshot_find_in_step(p->snapshot, &position, site->event);
                if (!before || site->definition == DEFINITION_NONE || before->definition == DEFINITION_NONE)
                        continue;
                count_lost(lists[site->definition],
                           __atomic_exchange_n(&p->counts[before->definition], 0, __ATOMIC_RELAXED));
        }
}

void pending_settle(struct pending *pending, const struct snapshot *snapshot, struct action_list *const *lists) {
        for (struct pending *p = pending; p; p = p->next)
                settle(p, snapshot, lists);
}

void pending_free(struct pending *pending) {
        for (struct pending *next; pending; pending = next) {
                next = pending->next;
                release(pending);
        }
}

void pending_forget(struct pending *pending) {
        for (struct pending *next; pending; pending = next) {
                next = pending->next;
                munmap(pending, pending->memory_size);
        }
}
