/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The calls that tracepoints make. Each walks the event's actions, one a
 * session, inside an entered tracepoint (thread.h), so that nothing which the
 * actions lead to goes away meanwhile.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "tracectl/tracepoint.h"
#include "tracer/action.h"
#include "tracer/helper.h"
#include "tracer/plan.h"
#include "tracer/record.h"
#include "tracer/ring-write.h"
#include "tracer/thread.h"

#define FIXED_MAX 64
#define FORMAT_MAX 1024

static int32_t process_id;

/* A child of fork() finds thread_alive 0 until it registers, which sets this anew. */
void record_set_process(int32_t pid) {
        __atomic_store_n(&process_id, pid, __ATOMIC_RELAXED);
}

static inline struct write_event describe(const struct action *action, const struct thread_slot *slot,
                                          const struct tracectl_span *spans, uint32_t n_spans) {
        return (struct write_event) {
                .id = action->id,
                .pid = __atomic_load_n(&process_id, __ATOMIC_RELAXED),
                .tid = slot->tid,
                .spans = spans,
                .n_spans = n_spans,
        };
}

/* A thread without restartable sequences, or in a ring set that has none. */
static void __attribute__((noinline, cold)) record_locked(const struct action *action, const struct write_event *event) {
        if (action->locked) {
                ring_locked_write(action->locked, event);
                return;
        }
        ring_count_discarded(ring_map_cpu(action->shared, 0));
        helper_want_locked();
}

static inline __attribute__((always_inline)) const struct action_list *enter(const struct tracectl_event *event, struct thread_slot **ret_slot) {
        const struct action_list *list;
        struct thread_slot *slot = thread_enter();

        if (__builtin_expect(!slot, 0))
                return NULL;
        /* Consume: the list is complete before the event points to it. Partner: the release in actions.c. */
        list = __atomic_load_n(&event->actions, __ATOMIC_ACQUIRE);
        if (__builtin_expect(!list || !__atomic_load_n(thread_alive, __ATOMIC_RELAXED), 0)) {
                thread_leave(slot);
                return NULL;
        }
        *ret_slot = slot;
        return list;
}

void tracectl_record_fixed(struct tracectl_event *event, const void *payload, uint32_t size) {
        const struct tracectl_span span = { payload, size, TRACECTL_SPAN_BYTES };
        const struct action_list *list;
        struct thread_slot *slot;

        list = enter(event, &slot);
        if (!list)
                return;
        for (uint32_t i = 0; i < list->n; i++) {
                const struct action *action = &list->actions[i];
                struct write_event write = describe(action, slot, &span, 1);

                if (__builtin_expect(!slot->rseq || !action->shared, 0))
                        record_locked(action, &write);
                else if (__builtin_expect(size <= FIXED_MAX, 1))
                        ring_rseq_write_fixed(slot->rseq, action->shared, &write, payload, size);
                else
                        ring_rseq_write(slot->rseq, action->shared, &write);
        }
        thread_leave(slot);
}

void tracectl_record_spans(struct tracectl_event *event, const struct tracectl_span *spans, uint32_t n) {
        const struct action_list *list;
        struct thread_slot *slot;

        list = enter(event, &slot);
        if (!list)
                return;
        for (uint32_t i = 0; i < list->n; i++) {
                const struct action *action = &list->actions[i];
                struct write_event write = describe(action, slot, spans, n);

                if (slot->rseq && action->shared)
                        ring_rseq_write(slot->rseq, action->shared, &write);
                else
                        record_locked(action, &write);
        }
        thread_leave(slot);
}

void tracectl_record_format(struct tracectl_event *event, const char *format, ...) {
        struct tracectl_span span = { NULL, UINT32_MAX, TRACECTL_SPAN_STRING };
        int saved = errno;
        char text[FORMAT_MAX];
        va_list ap;

        va_start(ap, format);
        if (vsnprintf(text, sizeof(text), format, ap) < 0)
                text[0] = '\0';
        va_end(ap);
        span.data = text;
        tracectl_record_spans(event, &span, 1);
        errno = saved;
}
