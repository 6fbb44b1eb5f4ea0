/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The calls that tracepoints make. Each walks the event's actions, one a
 * session of either daemon, inside an entered tracepoint (thread.h), so that nothing which the
 * actions lead to goes away meanwhile.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "common/clock.h"
#include "tracectl/tracepoint.h"
#include "tracer/action.h"
#include "tracer/app-contexts.h"
#include "tracer/at-start.h"
#include "tracer/contexts.h"
#include "tracer/filter.h"
#include "tracer/helper.h"
#include "tracer/plan.h"
#include "tracer/record.h"
#include "tracer/ring-fast.h"
#include "tracer/ring-write.h"
#include "tracer/thread.h"

#define FORMAT_MAX 1024

AT_START static int32_t process_id;

/* A child of fork() finds thread_table.alive 0 until it registers, which sets this anew. */
void record_set_process(int32_t pid) {
        __atomic_store_n(&process_id, pid, __ATOMIC_RELAXED);
}

/* One by one: what is put together and then copied, waits for its parts to reach memory. */
static inline void describe(struct write_event *ret, const struct action *action, const struct thread_slot *slot,
                            const struct tracectl_span *spans, uint32_t n_spans) {
        ret->id = action->id;
        ret->pid = __atomic_load_n(&process_id, __ATOMIC_RELAXED);
        ret->tid = slot->tid;
        ret->spans = spans;
        ret->n_spans = n_spans;
        ret->contexts_size = 0;
        ret->contexts = NULL;
}

/* Any action: with a filter or contexts, for a thread without restartable sequences, into a ring set without any. */
static __attribute__((noinline)) void record_any(const struct action *action, const struct thread_slot *slot,
                                                 struct write_event *event, const void *ip) {
        char contexts[CONTEXTS_SIZE_MAX];

        if (action->count) {
                __atomic_fetch_add(action->count, 1, __ATOMIC_RELAXED);
                return;
        }
        if (action->filter && !filter_passes(action, event, ip))
                return;
        if (action->contexts)
                contexts_fill(action->contexts, action->process, ip, contexts, event);
        if (action->app)
                event->contexts_size += app_calls_fill(action->app, contexts + event->contexts_size);
        if (action->ordered)
                trace_clock_order();
        if (slot->rseq && action->shared)
                ring_rseq_write(slot->rseq, action->shared, event);
        else if (action->locked)
                ring_locked_write(action->locked, event);
        else {
                ring_count_discarded(ring_map_cpu(action->shared, 0));
                helper_want_locked();
        }
}

/* What an event's actions are; the calling thread has entered, or visits. */
static inline const struct action_list *actions_of(const struct tracectl_event *event) {
        /* Consume: the list is complete before the event points to it. Partner: the release in publish.c. */
        return __atomic_load_n(&event->actions, __ATOMIC_ACQUIRE);
}

static bool is_alive(void) {
        return __atomic_load_n(&thread_table.alive, __ATOMIC_RELAXED);
}

/* An event of a thread that could not enter: lost, whatever filters say, unless it is one that must not trace. */
static __attribute__((noinline)) void count_missed(const struct tracectl_event *event) {
        const struct action_list *list;

        if (!thread_visit())
                return;
        list = actions_of(event);
        for (uint32_t i = 0; list && is_alive() && i < list->n; i++) {
                const struct action *action = &list->actions[i];

                if (action->count)
                        __atomic_fetch_add(action->count, 1, __ATOMIC_RELAXED);
                else
                        ring_count_discarded(ring_map_cpu(action->shared ? action->shared : action->locked, 0));
        }
        thread_visit_end();
}

static bool write_fast(const struct thread_slot *slot, const struct action *action, const void *payload,
                       uint64_t size) {
        if (!action->ordered_fast)
                return ring_fast_write(slot, &action->fast, action, payload, size);
        trace_clock_order();
        return ring_fast_write(slot, &action->ordered_fast, action, payload, size);
}

/* From action number first on. */
static __attribute__((noinline)) void record_fixed_from(const struct action_list *list, uint32_t first,
                                                        const struct thread_slot *slot, const void *payload,
                                                        uint64_t size, const void *ip) {
        const struct tracectl_span span = { payload, (uint32_t) size, TRACECTL_SPAN_BYTES };

        if (!is_alive())
                return;
        for (uint32_t i = first; i < list->n; i++) {
                const struct action *action = &list->actions[i];
                struct write_event write;

                if (size <= RING_FAST_MAX && write_fast(slot, action, payload, size))
                        continue;
                describe(&write, action, slot, &span, 1);
                record_any(action, slot, &write, ip);
        }
}

/* Where entering takes more than counting. */
static __attribute__((noinline)) void record_fixed_slowly(const struct tracectl_event *event, const void *payload,
                                                          uint32_t size, const void *ip) {
        struct thread_slot *slot = thread_enter();
        const struct action_list *list;

        if (!slot) {
                count_missed(event);
                return;
        }
        list = actions_of(event);
        if (list)
                record_fixed_from(list, 0, slot, payload, size, ip);
        thread_leave(slot);
}

/*
 * The path that is worth every instruction: thread_enter() and thread_leave()
 * by hand, one small event into one ring. Everything else is somewhere else.
 */
void tracectl_record_fixed(struct tracectl_event *event, const void *payload, uint32_t size) {
        struct thread_slot *slot = thread_self;
        const struct action_list *list;
        const uint64_t length = size;
        const struct action *first;
        uint32_t nest, done;

        if (__builtin_expect(!slot || slot->nest >= thread_nest_fast, 0)) {
                record_fixed_slowly(event, payload, size, __builtin_return_address(0));
                return;
        }
        nest = slot->nest;
        slot->nest = nest + 1;
        /* As in thread_enter(), with the same partner. */
        __asm__ volatile("" ::: "memory");
        list = actions_of(event);
        if (__builtin_expect(!!list, 1)) {
                first = &list->actions[0];
                done = length <= 8 && ring_fast_write_8(slot, &first->fast, first, payload, length);
                if (__builtin_expect(done < list->n, 0))
                        record_fixed_from(list, done, slot, payload, length, __builtin_return_address(0));
        }
        __atomic_store_n(&slot->nest, nest, __ATOMIC_RELEASE);
}

static inline __attribute__((always_inline)) uint32_t record_spans(struct tracectl_event *event,
                                                                   const struct tracectl_span *spans, uint32_t n,
                                                                   const void *ip) {
        struct thread_slot *slot = thread_enter();
        const struct action_list *list;
        uint32_t answered = 0;

        if (!slot) {
                count_missed(event);
                return 0;
        }
        list = actions_of(event);
        for (uint32_t i = 0; list && is_alive() && i < list->n; i++) {
                const struct action *action = &list->actions[i];
                struct write_event write;

                answered += !action->count;
                describe(&write, action, slot, spans, n);
                record_any(action, slot, &write, ip);
        }
        thread_leave(slot);
        return answered;
}

uint32_t tracectl_record_spans(struct tracectl_event *event, const struct tracectl_span *spans, uint32_t n) {
        return record_spans(event, spans, n, __builtin_return_address(0));
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
        (void) record_spans(event, &span, 1, __builtin_return_address(0));
        errno = saved;
}
