/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What tracectl_event.actions points to while an event is on: where to record
 * it. Immutable; made by a helper thread from the view of its daemon, or from
 * the lists of two daemons, or while a view is waited for (pending.h), and freed
 * after a grace period.
 */

#include <stdbool.h>
#include <stdint.h>

#include "tracer/ring-map.h"

struct app_calls;
struct context_process;
struct filter_code;

struct action {
        const struct ring_map *fast;   /* shared where ring-fast.h can do it: no contexts, no filter; else NULL */
        const struct ring_map *ordered_fast; /* that instead, where trace_clock_order() comes before; else NULL */
        const struct ring_map *shared; /* for threads with restartable sequences; may be NULL */
        const struct ring_map *locked; /* for the others; may be NULL */
        uint32_t id;                   /* class id in both */
        uint32_t contexts;             /* enum context */
        const struct context_process *process; /* for contexts */
        const struct filter_code *filter;      /* checked; NULL: always */
        const struct app_calls *app;           /* for CONTEXT_APPLICATION; else NULL */
        const struct app_calls *filter_app;    /* for a filter that names such contexts; else NULL */
        bool ordered;                          /* the clock: VIEW_RING_ORDERED */
        uint64_t *count;                       /* instead of all that: only counted (pending.h); else NULL */
};

struct action_list {
        uint32_t n;
        struct action actions[];
};
