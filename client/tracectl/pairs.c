/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/tracectl/pairs.h"
#include "common/cleanup.h"

#define DURATION "duration"

struct pair_class {
        uint32_t kind; /* enum pair_kind, or 0: nobody has looked at the name yet */
        uint32_t span;
};

struct pair_stack {
        struct pair_open *items;
        uint32_t n, n_allocated;
};

static bool ends_with(const struct name *name, const char *suffix) {
        size_t n = strlen(suffix);

        return name->size > n && memcmp(name->data + name->size - n, suffix, n) == 0;
}

/* 0 where the name is of no pair; ret gets the span's name, with room for the event's. */
static enum pair_kind split_name(const struct name *name, char *ret) {
        static const struct {
                const char *suffix;
                enum pair_kind kind;
        } suffixes[] = {
                { "_entry", PAIR_BEGIN }, { "_begin", PAIR_BEGIN }, { "_start", PAIR_BEGIN }, { "_exit", PAIR_END },
                { "_end", PAIR_END },     { "_done", PAIR_END },    { "_stop", PAIR_END },
        };
        static const struct {
                const char *prefix;
                enum pair_kind kind;
        } prefixes[] = { { "syscall_entry_", PAIR_BEGIN }, { "syscall_exit_", PAIR_END } };

        for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
                if (strncmp(name->data, prefixes[i].prefix, strlen(prefixes[i].prefix)) == 0) {
                        strcpy(ret, name->data + strlen(prefixes[i].prefix));
                        return prefixes[i].kind;
                }
        for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++)
                if (ends_with(name, suffixes[i].suffix)) {
                        size_t n = name->size - strlen(suffixes[i].suffix);

                        memcpy(ret, name->data, n);
                        ret[n] = '\0';
                        return suffixes[i].kind;
                }
        return PAIR_NONE;
}

static int make_class(struct pairs *pairs, uint32_t event) {
        const struct name *name = &pairs->names.items[event];
        struct pair_class class = { .kind = PAIR_NONE, .span = event };
        _cleanup_free_ char *span = malloc(name->size + 1);

        if (!span)
                return -ENOMEM;
        if (strncmp(name->data, "libc:", 5) == 0)
                class.kind = PAIR_WHOLE;
        else
                class.kind = split_name(name, span);
        if (class.kind == PAIR_BEGIN || class.kind == PAIR_END) {
                int64_t number = names_add(&pairs->names, span, strlen(span));

                if (number < 0)
                        return (int) number;
                class.span = (uint32_t) number;
        }
        pairs->classes[event] = class;
        return 0;
}

static int find_class(struct pairs *pairs, uint32_t event, struct pair_class *ret) {
        int r;

        if (event >= pairs->n_classes) {
                uint32_t n = pairs->n_classes ? pairs->n_classes * 2 : 64;
                struct pair_class *classes;

                while (n <= event)
                        n *= 2;
                classes = reallocarray(pairs->classes, n, sizeof(*classes));
                if (!classes)
                        return -ENOMEM;
                memset(classes + pairs->n_classes, 0, (n - pairs->n_classes) * sizeof(*classes));
                pairs->classes = classes;
                pairs->n_classes = n;
        }
        if (pairs->classes[event].kind == 0) {
                r = make_class(pairs, event);
                if (r < 0)
                        return r;
        }
        *ret = pairs->classes[event];
        return 0;
}

static int find_stack(struct pairs *pairs, uint32_t track, struct pair_stack **ret) {
        if (track >= pairs->n_stacks) {
                uint32_t n = pairs->n_stacks ? pairs->n_stacks * 2 : 16;
                struct pair_stack *stacks;

                while (n <= track)
                        n *= 2;
                stacks = reallocarray(pairs->stacks, n, sizeof(*stacks));
                if (!stacks)
                        return -ENOMEM;
                memset(stacks + pairs->n_stacks, 0, (n - pairs->n_stacks) * sizeof(*stacks));
                pairs->stacks = stacks;
                pairs->n_stacks = n;
        }
        *ret = &pairs->stacks[track];
        return 0;
}

static int64_t span_length(int64_t begin, int64_t end) {
        int64_t length;

        return __builtin_sub_overflow(end, begin, &length) || length < 0 ? 0 : length;
}

static int begin_span(struct pairs *pairs, struct pair_stack *stack, struct pair_event *event) {
        if (stack->n == PAIRS_DEPTH_MAX || pairs->n_open == PAIRS_OPEN_MAX) {
                event->kind = PAIR_NONE;
                return 0;
        }
        if (stack->n == stack->n_allocated) {
                uint32_t n = stack->n_allocated ? stack->n_allocated * 2 : 4;
                struct pair_open *items = reallocarray(stack->items, n, sizeof(*items));

                if (!items)
                        return -ENOMEM;
                stack->items = items;
                stack->n_allocated = n;
        }
        stack->items[stack->n++] = (struct pair_open) { .time = event->time, .span = event->span };
        pairs->n_open++;
        return 0;
}

static void end_span(struct pairs *pairs, struct pair_stack *stack, struct pair_event *event) {
        uint32_t i = stack->n;

        while (i > 0 && stack->items[i - 1].span != event->span)
                i--;
        if (i == 0) {
                event->kind = PAIR_NONE;
                return;
        }
        event->duration = span_length(stack->items[i - 1].time, event->time);
        event->abandoned = stack->items + i;
        event->n_abandoned = stack->n - i;
        event->depth = i - 1;
        pairs->n_open -= stack->n - (i - 1);
        stack->n = i - 1;
}

/* An event of libc without a duration is one like any other. */
static void find_duration(tracectl_reader_event *event, struct pair_event *ret) {
        const tracectl_field *field;

        ret->kind = PAIR_NONE;
        while ((field = tracectl_reader_event_next_field(event)))
                if (field->type == TRACECTL_FIELD_UNSIGNED && field->name &&
                    field->name_size == strlen(DURATION) && memcmp(field->name, DURATION, strlen(DURATION)) == 0) {
                        ret->duration = field->u > INT64_MAX / 2 ? 0 : (int64_t) field->u;
                        ret->kind = PAIR_WHOLE;
                        break;
                }
        tracectl_reader_event_rewind(event, TRACECTL_SCOPE_FIELDS);
}

static int grow_memory(struct pairs *pairs, unsigned kind) {
        uint32_t n = 2 * kind + 64;
        struct pair_memory *memory = reallocarray(pairs->memory, n, sizeof(*memory));

        if (!memory)
                return -ENOMEM;
        memset(memory + pairs->n_memory, 0, (n - pairs->n_memory) * sizeof(*memory));
        pairs->memory = memory;
        pairs->n_memory = n;
        return 0;
}

/* A kind has one name, which is compared once. */
static int64_t find_event(struct pairs *pairs, const tracectl_reader_event *event) {
        unsigned kind = tracectl_reader_event_get_kind(event);
        const char *name = tracectl_reader_event_get_name(event);
        int64_t number;

        if (kind >= pairs->n_memory && grow_memory(pairs, kind) < 0)
                return -ENOMEM;
        if (pairs->memory[kind].name == name)
                return pairs->memory[kind].event;
        number = names_add(&pairs->names, name, strlen(name));
        if (number >= 0)
                pairs->memory[kind] = (struct pair_memory) { .name = name, .event = (uint32_t) number };
        return number;
}

int pairs_add(struct pairs *pairs, tracectl_reader_event *event, struct pair_event *ret) {
        struct pair_class class;
        struct pair_stack *stack;
        int64_t number, track;
        int r;

        number = find_event(pairs, event);
        track = tracks_add(&pairs->tracks, event);
        if (number < 0 || track < 0)
                return (int) (number < 0 ? number : track);
        r = find_class(pairs, (uint32_t) number, &class);
        if (r >= 0)
                r = find_stack(pairs, (uint32_t) track, &stack);
        if (r < 0)
                return r;
        *ret = (struct pair_event) {
                .kind = class.kind,
                .event = (uint32_t) number,
                .track = (uint32_t) track,
                .span = class.span,
                .depth = stack->n,
                .time = tracectl_reader_event_get_time(event),
        };
        tracectl_reader_event_rewind(event, TRACECTL_SCOPE_FIELDS);
        if (class.kind == PAIR_BEGIN)
                return begin_span(pairs, stack, ret);
        if (class.kind == PAIR_END)
                end_span(pairs, stack, ret);
        else if (class.kind == PAIR_WHOLE)
                find_duration(event, ret);
        return 0;
}

void pairs_forget_reader(struct pairs *pairs) {
        if (pairs->memory)
                memset(pairs->memory, 0, pairs->n_memory * sizeof(*pairs->memory));
}

int pairs_take_open(struct pairs *pairs, uint32_t *ret_track, struct pair_open *ret) {
        for (; pairs->n_stacks > 0; pairs->n_stacks--) {
                struct pair_stack *stack = &pairs->stacks[pairs->n_stacks - 1];

                if (stack->n > 0) {
                        *ret_track = pairs->n_stacks - 1;
                        *ret = stack->items[--stack->n];
                        return 1;
                }
                free(stack->items);
        }
        return 0;
}

void pairs_done(struct pairs *pairs) {
        for (uint32_t i = 0; i < pairs->n_stacks; i++)
                free(pairs->stacks[i].items);
        free(pairs->stacks);
        free(pairs->classes);
        free(pairs->memory);
        tracks_done(&pairs->tracks);
        names_done(&pairs->names);
        *pairs = (struct pairs) {};
}
