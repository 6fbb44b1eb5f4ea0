/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "tracer/publish.h"

struct source {
        struct snapshot *snapshot; /* a reference, where there are lists */
        struct action_list *const *lists;
        uint32_t n_actions;
};

/* Under the lock of the objects, as is all below. */
static struct source sources[SOURCES_MAX];
static struct retired merged; /* lists of events that both want */

/* Where lists of both are made. first is the source whose definitions index them. */
struct merge {
        struct retired memory;
        struct action_list **lists;
        char *end;
};

static int merge_new(const struct source *first, const struct source *second, struct merge *ret) {
        size_t pointers = first->snapshot->n_definitions * sizeof(struct action_list *);
        size_t size = pointers + first->snapshot->n_definitions * sizeof(struct action_list) +
                      ((size_t) first->n_actions + second->n_actions) * sizeof(struct action);
        char *p;

        p = mmap(NULL, size + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
                return -ENOMEM;
        *ret = (struct merge) { { p, size + 1 }, (struct action_list **) p, p + pointers };
        return 0;
}

/* Statements that are one definition in one snapshot are one in the other, too: they share the list. */
static const struct action_list *merge_lists(struct merge *m, uint32_t definition, const struct action_list *a,
                                             const struct action_list *b) {
        struct action_list *list = m->lists[definition];

        if (list)
                return list;
        list = (struct action_list *) m->end;
        list->n = a->n + b->n;
        memcpy(list->actions, a->actions, a->n * sizeof(struct action));
        memcpy(list->actions + a->n, b->actions, b->n * sizeof(struct action));
        m->end = (char *) &list->actions[list->n];
        m->lists[definition] = list;
        return list;
}

static const struct action_list *list_of(const struct source *s, const struct site *site) {
        if (!s->lists)
                return NULL;
        if (site->definition != DEFINITION_NONE)
                return s->lists[site->definition];
        if (site->event->n_fields != TRACECTL_QUERY)
                return NULL;
        /* On with any event of its name; never recorded itself. */
        for (uint32_t i = 0; i < s->snapshot->n_sites; i++) {
                const struct site *other = &s->snapshot->sites[i];

                if (other->event && other->definition != DEFINITION_NONE && s->lists[other->definition] &&
                    strcmp(other->event->provider, site->event->provider) == 0 &&
                    strcmp(other->event->name, site->event->name) == 0)
                        return s->lists[other->definition];
        }
        return NULL;
}

/* The site of event in the older snapshot, which is walked in step with the newer; NULL where it has none. */
static const struct site *find_in_step(const struct snapshot *older, uint32_t *position,
                                       const struct tracectl_event *event) {
        while (*position < older->n_sites && !older->sites[*position].event)
                (*position)++;
        if (*position == older->n_sites || older->sites[*position].event != event)
                return NULL;
        return &older->sites[(*position)++];
}

/* Sets every event of the newer snapshot, which has all living events of the older. */
static void store(const struct source *newer, const struct source *older, struct merge *merge) {
        uint32_t position = 0;

        for (uint32_t i = 0; i < newer->snapshot->n_sites; i++) {
                const struct site *site = &newer->snapshot->sites[i], *other = NULL;
                const struct action_list *list, *more = NULL;

                if (!site->event)
                        continue;
                list = list_of(newer, site);
                if (older->snapshot)
                        other = find_in_step(older->snapshot, &position, site->event);
                if (other)
                        more = list_of(older, other);
                if (list && more && site->definition != DEFINITION_NONE)
                        list = merge_lists(merge, site->definition, list, more);
                else if (!list)
                        list = more;
                /* Release: the list is complete before the event points to it. Partner: enter() in record.c. */
                __atomic_store_n(&site->event->actions, list, __ATOMIC_RELEASE);
        }
}

static bool is_newer(const struct source *a, const struct source *b) {
        return !b->snapshot || (a->snapshot && (int32_t) (a->snapshot->version - b->snapshot->version) > 0);
}

static int replace(unsigned number, const struct source *next, struct retired *ret) {
        struct source mine = *next, other = sources[!number];
        const struct source *newer, *older;
        struct merge merge = { 0 };
        int r;

        /* Where everything goes off, it goes off where it was on. */
        if (!mine.lists)
                mine.snapshot = sources[number].snapshot;
        newer = is_newer(&mine, &other) ? &mine : &other;
        older = newer == &mine ? &other : &mine;
        if (mine.lists && other.lists) {
                r = merge_new(newer, older, &merge);
                if (r < 0)
                        return r;
        }
        if (newer->snapshot)
                store(newer, older, &merge);
        if (next->snapshot)
                snapshot_ref(next->snapshot);
        if (sources[number].snapshot)
                snapshot_unref(sources[number].snapshot);
        sources[number] = *next;
        *ret = merged;
        merged = merge.memory;
        return 0;
}

int publish(unsigned source, struct snapshot *snapshot, struct action_list *const *lists, uint32_t n_actions,
            struct retired *ret) {
        struct source next = { 0 };
        int r;

        if (lists)
                next = (struct source) { snapshot, lists, n_actions };
        objects_lock();
        r = replace(source, &next, ret);
        objects_unlock();
        return r;
}

void publish_reset(void) {
        if (merged.memory)
                munmap(merged.memory, merged.size);
        merged = (struct retired) { 0 };
        memset(sources, 0, sizeof(sources));
}
