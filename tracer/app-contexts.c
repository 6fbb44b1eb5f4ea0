/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "protocol/definitions.h"
#include "tracer/app-contexts.h"
#include "tracer/thread.h"

_Static_assert(TRACECTL_CONTEXT_SIZE == APP_CONTEXT_VALUE_MAX, "a string's room is what the program is told");

/* A slot that is used again has another serial; the serial is stored before the context. */
static struct app_slot {
        uint32_t serial;
        const struct tracectl_context *context; /* NULL: free */
} slots[APP_CONTEXT_SLOTS];

static uint32_t last_serial;

bool app_context_is_usable(const struct tracectl_context *c) {
        return c && c->size >= sizeof(*c) && c->abi == TRACECTL_ABI && definition_type_is_context(c->type);
}

static void add(struct tracectl_context *context) {
        for (struct app_slot *slot = slots; slot < slots + APP_CONTEXT_SLOTS; slot++)
                if (!slot->context) {
                        if (++last_serial == 0) /* which stands for none */
                                ++last_serial;
                        __atomic_store_n(&slot->serial, last_serial, __ATOMIC_RELAXED);
                        /* Release: who finds the context finds its serial. Partner: find(). */
                        __atomic_store_n(&slot->context, context, __ATOMIC_RELEASE);
                        context->slot = slot;
                        return;
                }
}

void app_contexts_add(struct tracectl_context *const *start, struct tracectl_context *const *stop) {
        for (struct tracectl_context *const *p = start; p < stop; p++)
                if (app_context_is_usable(*p) && !(*p)->slot)
                        add(*p);
}

void app_contexts_remove(struct tracectl_context *const *start, struct tracectl_context *const *stop) {
        for (struct tracectl_context *const *p = start; p < stop; p++)
                if (app_context_is_usable(*p) && (*p)->slot) {
                        struct app_slot *slot = (*p)->slot;

                        __atomic_store_n(&slot->context, NULL, __ATOMIC_RELAXED);
                        (*p)->slot = NULL;
                }
}

static bool is_called(const struct tracectl_context *c, const char *name, size_t length) {
        size_t provider = strlen(c->provider);

        return provider < length && memcmp(name, c->provider, provider) == 0 && name[provider] == ':' &&
               strlen(c->name) == length - provider - 1 &&
               memcmp(name + provider + 1, c->name, length - provider - 1) == 0;
}

static struct app_call find_call(const char *name, size_t length, uint32_t type) {
        for (uint32_t i = 0; i < APP_CONTEXT_SLOTS; i++) {
                const struct tracectl_context *c = slots[i].context;

                if (c && c->type == type && is_called(c, name, length))
                        return (struct app_call) { i, slots[i].serial, type };
        }
        return (struct app_call) { .type = type };
}

int app_calls_find(const char *app, const void *definitions, size_t size, struct app_calls *ret) {
        struct app_contexts contexts;
        const char *name;
        size_t length;
        int r;

        r = app_contexts_resolve(app, definitions, size, &contexts);
        if (r < 0)
                return r;
        for (ret->n = 0; ret->n < contexts.n; ret->n++) {
                name = app_contexts_next(&app, &length);
                ret->calls[ret->n] = find_call(name, length, contexts.types[ret->n]);
        }
        return 0;
}

/* NULL where it is not there any more. What is found stays until the tracepoint is left. */
static const struct tracectl_context *find(const struct app_call *call) {
        const struct app_slot *slot = &slots[call->slot];
        const struct tracectl_context *context;

        if (call->serial == 0)
                return NULL;
        /* Acquire: the serial is this context's, or a later one's. Partner: the release in add(). */
        context = __atomic_load_n(&slot->context, __ATOMIC_ACQUIRE);
        return __atomic_load_n(&slot->serial, __ATOMIC_RELAXED) == call->serial ? context : NULL;
}

/*
 * As deep inside as a thread can be: what the program traces meanwhile is
 * counted as lost, instead of asking for the value again.
 */
static void call(const struct tracectl_context *context, char *value) {
        uint32_t nest = thread_self->nest;

        thread_self->nest = NEST_MAX;
        __asm__ volatile("" ::: "memory");
        context->get(value);
        __asm__ volatile("" ::: "memory");
        thread_self->nest = nest;
}

bool app_call_fill(const struct app_call *c, char *buffer) {
        const struct tracectl_context *context = find(c);
        int saved = errno;

        memset(buffer, 0, 8);
        if (context)
                call(context, buffer);
        if (c->type == DEFINITION_STRING)
                buffer[APP_CONTEXT_VALUE_MAX - 1] = '\0';
        errno = saved;
        return context;
}

uint32_t app_calls_fill(const struct app_calls *calls, char *buffer) {
        char *p = buffer;

        for (uint32_t i = 0; i < calls->n; i++) {
                (void) app_call_fill(&calls->calls[i], p);
                p += calls->calls[i].type == DEFINITION_STRING ? strlen(p) + 1 : 8;
        }
        return (uint32_t) (p - buffer);
}
