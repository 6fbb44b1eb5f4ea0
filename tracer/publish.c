/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "tracer/memory.h"
#include "tracer/publish.h"

struct source {
        struct snapshot *snapshot; /* a reference; NULL: this one has said nothing */
        struct action_list *const *lists;
        uint32_t n_actions;
        struct pending *pending; /* whose lists these are, where some only count */
};

/* Under the lock of the objects, as is all below. */
static struct source sources[SOURCES_MAX];
static struct pending *unsettled[SOURCES_MAX]; /* not in force any more; what they have counted is still to be told */
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

        p = memory_new(size + 1);
        if (!p)
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
                        other = snapshot_find_in_step(older->snapshot, &position, site->event);
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
        if (!mine.snapshot)
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
        *ret = (struct retired) { merged.memory, merged.size, NULL };
        merged = merge.memory;
        return 0;
}

int publish(unsigned source, struct snapshot *snapshot, struct action_list *const *lists, uint32_t n_actions,
            struct retired *ret) {
        const struct source next = { snapshot, lists, n_actions, NULL };
        struct pending *pending;
        int r;

        objects_lock();
        pending = sources[source].pending;
        if (snapshot && pending && (int32_t) (pending->snapshot->version - snapshot->version) > 0)
                r = -ESTALE;
        else
                r = replace(source, &next, ret);
        if (r >= 0)
                ret->pending = unsettled[source] = pending;
        objects_unlock();
        return r;
}

void publish_settled(unsigned source) {
        unsettled[source] = NULL;
}

/* Its lists are used on where they count already: nothing of before is given up but what replace() does. */
static int count_from_now(unsigned number, struct snapshot *snapshot, struct retired *ret) {
        const struct source *s = &sources[number];
        struct source next;
        struct pending *p;
        int r;

        if (s->snapshot == snapshot)
                return 0;
        r = pending_new(&(struct known) { s->snapshot, s->lists, s->n_actions }, snapshot, &p);
        if (r < 0 || !p)
                return r;
        p->next = s->pending;
        next = (struct source) { snapshot, p->lists, p->n_actions, p };
        r = replace(number, &next, ret);
        if (r < 0) {
                p->next = NULL;
                pending_free(p);
        }
        return r;
}

int publish_pending(unsigned source, struct retired *ret) {
        struct snapshot *snapshot;
        int r;

        *ret = (struct retired) { 0 };
        objects_lock();
        r = objects_snapshot(&snapshot);
        if (r >= 0) {
                r = count_from_now(source, snapshot, ret);
                snapshot_unref(snapshot);
        }
        objects_unlock();
        return r;
}

/* Under the lock. */
static int count_all(unsigned number, struct retired *ret) {
        struct snapshot *snapshot;
        struct pending *p;
        int r;

        r = objects_snapshot(&snapshot);
        if (r < 0)
                return r;
        r = pending_new(&(struct known) { 0 }, snapshot, &p);
        snapshot_unref(snapshot);
        if (r < 0)
                return r;
        if (!p)
                return -ENOENT;
        r = replace(number, &(struct source) { p->snapshot, p->lists, p->n_actions, p }, ret);
        if (r < 0)
                pending_free(p);
        return r;
}

void publish_renounced(unsigned source, struct retired *ret) {
        struct pending *pending;

        objects_lock();
        pending = sources[source].pending;
        if (count_all(source, ret) < 0)
                (void) replace(source, &(struct source) { 0 }, ret);
        ret->pending = unsettled[source] = pending;
        objects_unlock();
}

bool publish_is_pending(unsigned source) {
        bool pending;

        objects_lock();
        pending = sources[source].pending;
        objects_unlock();
        return pending;
}

bool publish_has_counted(unsigned source) {
        bool counted;

        objects_lock();
        counted = pending_has_counted(sources[source].pending) || pending_has_counted(unsettled[source]);
        objects_unlock();
        return counted;
}

void publish_reset(void) {
        if (merged.memory)
                memory_free(merged.memory, merged.size);
        merged = (struct retired) { 0 };
        for (unsigned i = 0; i < SOURCES_MAX; i++) {
                pending_forget(sources[i].pending);
                pending_forget(unsettled[i]);
        }
        memset(sources, 0, sizeof(sources));
        memset(unsettled, 0, sizeof(unsettled));
}
