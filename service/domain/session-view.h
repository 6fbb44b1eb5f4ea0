/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A session view as tracingd has it: the sealed file of protocol/view.h and the
 * streams whose descriptors go with it. One is built for each generation of the
 * model, compartment, set of definitions and set of targets, and shared by all
 * applications that it fits; those with rings of their own have views of their own.
 *
 * Constant and counted. The definitions' list of views holds no reference, so
 * that rings close when the last application has left them. The last reference
 * takes the definitions' lock, which is held while views are built: workers and
 * RCU's thread give references back, the main loop never has one.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/cleanup.h"
#include "protocol/view.h"
#include "service/domain/compartment.h"
#include "service/domain/recording.h"
#include "service/domain/view-file.h"
#include "service/model/view.h"
#include "service/registry/definitions.h"

#define SESSION_VIEW_FDS_MAX (1 + 4 * VIEW_RINGS_MAX)

/* One channel of one session in a view. */
struct session_view_ring {
        struct recording *recording;
        struct stream *shared, *locked; /* locked: NULL in views that are shared */
        uint64_t serial;                /* that the recording's sender must have sent */
};

struct session_view {
        atomic_uint refs;
        uint64_t generation;
        struct event_definitions *definitions;
        struct compartment *compartment;
        uint64_t *targets; /* that reach its applications, n_targets words; see struct model_reach */
        size_t n_targets;
        struct session_view *next; /* in the definitions' list */
        bool listed;

        struct view_file *file;
        uint64_t hash; /* view_hash() of it */
        size_t n_fds; /* that go with the message */
        struct session_view_ring rings[VIEW_RINGS_MAX];
        uint32_t n_rings;
};

struct session_view_request {
        const struct model_view *model;
        struct compartment *compartment;
        struct event_definitions *definitions;
        const uint64_t *targets; /* that reach it: words for all of the model's */
        uint64_t application; /* that wants rings of its own beside the shared ones, or 0 */
        pid_t pid;
};

/* The view that fits, built where there is none. The caller owns *ret. */
int session_view_get(const struct session_view_request *request, struct session_view **ret);

struct session_view *session_view_ref(struct session_view *v);
struct session_view *session_view_unref(struct session_view *v);

static inline void session_view_unrefp(struct session_view **v) {
        if (*v)
                session_view_unref(*v);
}

/* Whether every consumer has been sent, or where rings are files has done, what the view relies on. */
bool session_view_is_ready(const struct session_view *v);

/* The n_fds descriptors that go with the message of one that is ready: its own first, then those of the rings. */
void session_view_list_fds(const struct session_view *v, int ret[SESSION_VIEW_FDS_MAX]);

/* Whether an application that has a needs b: the same but for the generation. */
bool session_view_is_same(const struct session_view *a, const struct session_view *b);
