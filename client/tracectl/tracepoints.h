/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Events of this program itself, which are known only when it runs. The library
 * that records them is loaded for the verbs that need it: it looks after every
 * fork and every change of user of its process, and other verbs have none to
 * show for it.
 */

#include <stdbool.h>

#define TRACECTL_LIBRARY_ /* no events of this file's own, and no symbols of the library's */
#include <tracectl/tracepoint.h>

struct tracepoints {
        void (*object_register)(struct tracectl_object *object);
        uint32_t (*record_spans)(struct tracectl_event *event, const struct tracectl_span *spans, uint32_t n);
        void (*record_fixed)(struct tracectl_event *event, const void *payload, uint32_t size);
};

/* Loads the library, which stays. 0, or the exit status when it has said why not. */
int tracepoints_load(struct tracepoints *ret);

static inline bool tracepoint_is_on(const struct tracectl_event *event) {
        return __atomic_load_n(&event->actions, __ATOMIC_RELAXED) != NULL;
}
