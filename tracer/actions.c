/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/auxv.h>

#include "common/clock.h"
#include "protocol/context.h"
#include "protocol/ctf.h"
#include "protocol/filter-code.h"
#include "tracer/action.h"
#include "tracer/actions.h"
#include "tracer/app-contexts.h"
#include "tracer/memory.h"
#include "tracer/publish.h"
#include "tracer/thread.h"

#define QUIESCE_MSEC 250
#define VIEW_KEPT_MAX 16384

/* Apart from what every process touches at its start. */
static struct ring_map maps[SOURCES_MAX][RING_MAPS_MAX];

/* The mapped ring sets of one view_ring. */
struct pair {
        struct ring_map *shared, *locked;
};

static struct ring_map *find_map(const struct applied *a, uint64_t id) {
        for (uint32_t i = 0; i < a->n_maps; i++)
                if (maps[a->source][i].id == id)
                        return &maps[a->source][i];
        return NULL;
}

bool actions_have_rings(const struct applied *a, const struct view *view) {
        for (uint32_t i = 0; i < view->n_rings; i++) {
                const struct view_ring *ring = view_ring_at(view, i);

                if ((ring->flags & VIEW_RING_SHARED && (ring->shared_id == 0 || !find_map(a, ring->shared_id))) ||
                    (ring->flags & VIEW_RING_LOCKED && (ring->locked_id == 0 || !find_map(a, ring->locked_id))))
                        return false;
        }
        return true;
}

static struct ring_map *find_place(struct applied *a) {
        struct ring_map *map = find_map(a, 0);

        if (!map && a->n_maps < RING_MAPS_MAX)
                map = &maps[a->source][a->n_maps++];
        return map;
}

/* id 0 names a free place too. */
static int get_map(struct applied *a, uint64_t id, const int *fds, uint32_t flags, bool in_files,
                   struct ring_map **ret) {
        struct ring_map *map;
        int r;

        if (id == 0)
                return -EBADMSG;
        map = find_map(a, id);
        if (!map) {
                map = find_place(a);
                if (!map)
                        return -ENOSPC;
                r = ring_map_open(map, id, fds[0], fds[1], flags, in_files);
                if (r < 0)
                        return r;
        }
        map->keep = true;
        *ret = map;
        return 0;
}

static int get_maps(struct applied *a, const struct view *view, const int *fds, struct pair *pairs) {
        for (uint32_t i = 0; i < view->n_rings; i++) {
                const struct view_ring *ring = view_ring_at(view, i);
                const bool in_files = ring->flags & VIEW_RING_FILES;
                int r;

                pairs[i] = (struct pair) { 0 };
                if (ring->contexts & ~(uint32_t) CONTEXTS_KNOWN)
                        return -EPROTONOSUPPORT;
                if (!context_set_is_valid(ring->contexts, view_ring_app_contexts(view, i)))
                        return -EBADMSG;
                if (ring->flags & VIEW_RING_SHARED) {
                        r = get_map(a, ring->shared_id, fds, 0, in_files, &pairs[i].shared);
                        if (r < 0)
                                return r;
                        fds += fds ? 2 : 0;
                }
                if (ring->flags & VIEW_RING_LOCKED) {
                        r = get_map(a, ring->locked_id, fds, RING_LOCKED, in_files, &pairs[i].locked);
                        if (r < 0)
                                return r;
                        fds += fds ? 2 : 0;
                }
                if (!pairs[i].shared && !pairs[i].locked)
                        return -EBADMSG;
        }
        return 0;
}

static const struct ring_map *fast_map(const struct ring_map *map, const struct view_action *action,
                                       uint32_t contexts) {
        bool plain = !contexts && !action->filter;

        return map && map->clock == TRACE_CLOCK_TSC && action->id <= CTF_ID_COMPACT_MAX && plain ? map : NULL;
}

/* An i386 without lfence has the order that it has. */
static bool can_order(void) {
#if defined(__i386__) && !defined(__SSE2__)
        const unsigned long sse2 = 1UL << 26;

        return getauxval(AT_HWCAP) & sse2;
#else
        return true;
#endif
}

/* Where the filters of a view lie, one behind the other; NULL where it has none. */
static const char *filters_of(const struct view *view, size_t *ret_size) {
        const struct view_filter *first, *last;

        *ret_size = 0;
        if (view->n_filters == 0)
                return NULL;
        first = view_filter_at(view, 1);
        last = view_filter_at(view, view->n_filters);
        *ret_size = last->offset + last->size - first->offset;
        return (const char *) view_filter_code(view, first);
}

/* The application contexts that an action's filter names, "" for none. */
static const char *filter_app(const struct view *view, const struct view_action *a) {
        return a->filter == 0 ? "" : filter_code_app(view_filter_code(view, view_filter_at(view, a->filter)));
}

static size_t count_calls(const struct view *view) {
        size_t n = view->n_rings;

        for (uint32_t i = 0; i < view->n_actions; i++)
                n += *filter_app(view, view_action_at(view, i)) != '\0';
        return n;
}

/* Who gives the values of each ring's application contexts, and then of each action's filter that names some. */
static int find_calls(const struct view *view, const struct snapshot *s, struct app_calls *ret) {
        int r = 0;

        objects_lock();
        for (uint32_t i = 0; i < view->n_rings && r >= 0; i++)
                r = app_calls_find(view_ring_app_contexts(view, i), s->definitions, s->definitions_size, ret++);
        for (uint32_t i = 0; i < view->n_actions && r >= 0; i++) {
                const char *app = filter_app(view, view_action_at(view, i));

                if (*app)
                        r = app_calls_find(app, s->definitions, s->definitions_size, ret++);
        }
        objects_unlock();
        return r;
}

/* What actions share. */
struct shared {
        const struct pair *pairs;
        const struct context_process *process;
        const struct app_calls *calls; /* of each ring */
        const struct app_calls *filter_calls; /* of the next action's filter that needs some */
        const char *filters;           /* a copy of the view's */
};

static void build_action(const struct view *view, const struct view_action *a, struct shared *shared,
                         struct action *ret) {
        const struct pair *pair = &shared->pairs[a->ring];
        uint32_t contexts = view_ring_at(view, a->ring)->contexts;
        const struct ring_map *fast = fast_map(pair->shared, a, contexts);
        bool ordered = view_ring_at(view, a->ring)->flags & VIEW_RING_ORDERED && can_order();

        *ret = (struct action) {
                .fast = ordered ? NULL : fast,
                .ordered_fast = ordered ? fast : NULL,
                .ordered = ordered,
                .shared = pair->shared,
                .locked = pair->locked,
                .id = a->id,
                .contexts = contexts,
                .process = shared->process,
        };
        if (contexts & CONTEXT_APPLICATION)
                ret->app = &shared->calls[a->ring];
        if (*filter_app(view, a))
                ret->filter_app = shared->filter_calls++;
        if (a->filter)
                ret->filter = (const struct filter_code *) (shared->filters +
                        view_filter_at(view, a->filter)->offset - view_filter_at(view, 1)->offset);
}

/* One list an event that has actions; lists[definition] is its address or NULL. */
static void build_lists(const struct view *view, struct shared *shared, char *memory,
                        struct action_list **lists) {
        for (uint32_t i = 0; i < view->n_actions;) {
                uint32_t event = view_action_at(view, i)->event;
                struct action_list *list = (struct action_list *) memory;

                for (; i < view->n_actions && view_action_at(view, i)->event == event; i++)
                        build_action(view, view_action_at(view, i), shared, &list->actions[list->n++]);
                lists[event] = list;
                memory = (char *) &list->actions[list->n];
        }
}

/* Closes the ring sets that nothing uses any more. */
static void close_unused(struct applied *a) {
        for (uint32_t i = 0; i < a->n_maps; i++) {
                if (maps[a->source][i].id && !maps[a->source][i].keep)
                        ring_map_close(&maps[a->source][i]);
                maps[a->source][i].keep = false;
        }
}

static bool has_unused(const struct applied *a) {
        for (uint32_t i = 0; i < a->n_maps; i++)
                if (maps[a->source][i].id && !maps[a->source][i].keep)
                        return true;
        return false;
}

static void unkeep_all(const struct applied *a) {
        for (uint32_t i = 0; i < a->n_maps; i++)
                maps[a->source][i].keep = false;
}

/* quiet: no thread counts any more. */
static void settle(unsigned source, struct pending *pending, const struct snapshot *s,
                   struct action_list *const *lists, bool quiet) {
        objects_lock();
        if (lists)
                pending_settle(pending, s, lists);
        publish_settled(source);
        if (quiet)
                pending_free(pending);
        objects_unlock();
}

/* After publish(): frees what was before. memory becomes the applied lists, of the events of s. */
static void retire(struct applied *a, const struct snapshot *s, void *memory, size_t size,
                   const struct retired *retired) {
        void *old = a->memory;
        size_t old_size = a->memory_size;
        /* At a process's start there is nothing to free, and nobody to wait for. */
        bool used = old || retired->memory || retired->pending || has_unused(a);
        bool quiet = used && thread_quiesce(QUIESCE_MSEC);

        a->memory = memory;
        a->memory_size = size;
        if (retired->pending)
                settle(a->source, retired->pending, s, memory, quiet);
        if (!quiet) {
                unkeep_all(a);
                return;
        }
        if (old)
                memory_free(old, old_size);
        if (retired->memory)
                memory_free(retired->memory, retired->size);
        close_unused(a);
}

static void unkeep(struct applied *a, const bool *had) {
        for (uint32_t i = 0; i < a->n_maps; i++) {
                maps[a->source][i].keep = false;
                if (maps[a->source][i].id && !had[i])
                        ring_map_close(&maps[a->source][i]);
        }
}

/* What is behind the actions of a view: the lists, one behind the other with what they lead to. */
struct built {
        char *memory;
        size_t size;
        struct context_process *process;
        struct view_header *view; /* a copy, or NULL where it is large */
};

static size_t align8(size_t n) {
        return (n + 7) & ~(size_t) 7;
}

static int build(const struct applied *a, const struct view *view, const struct pair *pairs, const struct snapshot *s,
                 struct built *ret) {
        size_t view_size = view->header->total_size <= VIEW_KEPT_MAX ? view->header->total_size : 0;
        size_t filters_size, lists_size, calls_size = count_calls(view) * sizeof(struct app_calls), size;
        const char *filters = filters_of(view, &filters_size);
        struct app_calls *calls;
        struct shared shared;
        char *memory, *copy;
        int r;

        lists_size = align8(((size_t) s->n_definitions + 1) * sizeof(struct action_list *));
        size = align8(lists_size + filters_size + sizeof(*ret->process) + calls_size +
                      (size_t) view->n_actions * (sizeof(struct action) + sizeof(struct action_list)));
        memory = memory_new(size + view_size);
        if (!memory)
                return -ENOMEM;
        copy = memory + lists_size;
        if (filters_size > 0)
                memcpy(copy, filters, filters_size);
        *ret = (struct built) { memory, size + view_size, (struct context_process *) (copy + filters_size), NULL };
        *ret->process = a->process;
        if (view_size > 0)
                ret->view = memcpy(memory + size, view->header, view_size);
        calls = (struct app_calls *) (ret->process + 1);
        r = find_calls(view, s, calls);
        if (r < 0) {
                memory_free(memory, size + view_size);
                return r;
        }
        shared = (struct shared) { pairs, ret->process, calls, calls + view->n_rings, copy };
        build_lists(view, &shared, (char *) calls + calls_size, (struct action_list **) memory);
        return 0;
}

static bool is_same_process(const struct context_process *a, const struct context_process *b) {
        return a->pid == b->pid && a->uid == b->uid && a->gid == b->gid && a->same_namespace == b->same_namespace &&
               a->cgroup_size == b->cgroup_size && memcmp(a->cgroup, b->cgroup, a->cgroup_size) == 0;
}

/* Then the ring sets are mapped, too: their numbers are never used again for others. */
static bool has_kept(const struct applied *a, const struct snapshot *s) {
        return a->memory && a->view && a->version == s->version && is_same_process(a->made_for, &a->process) &&
               !publish_is_pending(a->source);
}

static bool is_in_force(const struct applied *a, const struct view_header *view, const struct snapshot *s) {
        const size_t after = offsetof(struct view_header, generation) + sizeof(view->generation);

        return has_kept(a, s) && a->view->total_size == view->total_size &&
               memcmp(a->view, view, offsetof(struct view_header, generation)) == 0 &&
               memcmp((const char *) a->view + after, (const char *) view + after, view->total_size - after) == 0;
}

bool actions_are_in_force(const struct applied *a, const struct snapshot *s, uint64_t *ret_view) {
        if (!has_kept(a, s))
                return false;
        *ret_view = view_hash(a->view);
        return true;
}

int actions_apply(struct applied *a, const struct view *view, const int *fds, struct snapshot *s) {
        struct pair pairs[VIEW_RINGS_MAX];
        bool had[RING_MAPS_MAX] = { false };
        struct retired retired;
        struct built built = { 0 };
        int r;

        if (is_in_force(a, view->header, s))
                return 0;
        for (uint32_t i = 0; i < a->n_maps; i++)
                had[i] = maps[a->source][i].id;
        r = get_maps(a, view, fds, pairs);
        /* Often nothing is wanted of a program, and that takes no memory. */
        if (r >= 0 && view->n_actions > 0)
                r = build(a, view, pairs, s, &built);
        if (r >= 0)
                r = publish(a->source, s, (struct action_list **) built.memory, view->n_actions, &retired);
        if (r < 0) {
                if (built.memory)
                        memory_free(built.memory, built.size);
                unkeep(a, had);
                return r;
        }
        retire(a, s, built.memory, built.size, &retired);
        a->view = built.view;
        a->made_for = built.process;
        a->version = s->version;
        return 0;
}

void actions_clear(struct applied *a) {
        struct retired retired;

        if (!a->memory && !publish_is_pending(a->source))
                return;
        /* Asks for no memory, so it cannot fail. */
        (void) publish(a->source, NULL, NULL, 0, &retired);
        retire(a, NULL, NULL, 0, &retired);
}

void actions_renounce(struct applied *a) {
        struct retired retired;

        publish_renounced(a->source, &retired);
        retire(a, NULL, NULL, 0, &retired);
}

void actions_expect(unsigned source) {
        struct retired retired;

        /* Without memory for it nothing is counted. */
        if (publish_pending(source, &retired) < 0 || !retired.memory)
                return;
        if (thread_quiesce(QUIESCE_MSEC))
                memory_free(retired.memory, retired.size);
}

void actions_forget(struct applied *a) {
        if (a->memory)
                memory_free(a->memory, a->memory_size);
        a->memory = NULL;
        for (uint32_t i = 0; i < a->n_maps; i++)
                ring_map_forget(&maps[a->source][i]);
        a->n_maps = 0;
}
