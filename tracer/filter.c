/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "common/cleanup.h"
#include "protocol/filter-code.h"
#include "tracer/contexts.h"
#include "tracer/filter.h"

struct filtered {
        struct filter_input input;
        const struct action *action;
        const struct write_event *event;
        const void *ip;
        char contexts[CONTEXTS_ALL_SIZE_MAX]; /* once it is asked for them */
};

static bool get_piece(const struct filter_input *input, unsigned number, struct filter_piece *ret) {
        const struct write_event *event = CONTAINER_OF(input, struct filtered, input)->event;

        if (number >= event->n_spans)
                return false;
        *ret = (struct filter_piece) {
                .data = event->spans[number].data,
                .size = event->spans[number].length,
                .terminated = event->spans[number].kind == TRACECTL_SPAN_STRING,
        };
        return true;
}

/* Those of the filter; what the channel's records carry may be others. */
static const char *get_contexts(struct filter_input *input, uint32_t contexts) {
        struct filtered *f = CONTAINER_OF(input, struct filtered, input);
        struct write_event event = *f->event;

        contexts_fill(contexts, f->action->process, f->ip, f->contexts, &event);
        return f->contexts;
}

bool filter_passes(const struct action *action, const struct write_event *event, const void *ip) {
        struct filtered f; /* no initializer: the room for contexts is mostly not used */

        f.input.piece = get_piece;
        f.input.contexts = get_contexts;
        f.action = action;
        f.event = event;
        f.ip = ip;
        return filter_run(action->filter, &f.input);
}
