/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "common/cleanup.h"
#include "protocol/filter-code.h"
#include "tracer/app-contexts.h"
#include "tracer/contexts.h"
#include "tracer/filter.h"

struct filtered {
        struct filter_input input;
        const struct action *action;
        const struct write_event *event;
        const void *ip;
        uint32_t asked, given; /* bits: of the application's contexts */
        char contexts[CONTEXTS_ALL_SIZE_MAX]; /* once it is asked for them */
        char application[APP_CONTEXTS_MAX][APP_CONTEXT_VALUE_MAX] __attribute__((aligned(8))); /* likewise */
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

/* Once an event, so that an expression that names it twice sees one value. */
static const char *get_application(struct filter_input *input, unsigned number, unsigned type) {
        struct filtered *f = CONTAINER_OF(input, struct filtered, input);
        const struct app_call *call = &f->action->filter_app->calls[number];
        uint32_t bit = UINT32_C(1) << number;

        if (call->type != type)
                return NULL;
        if (!(f->asked & bit) && app_call_fill(call, f->application[number]))
                f->given |= bit;
        f->asked |= bit;
        return f->given & bit ? f->application[number] : NULL;
}

bool filter_passes(const struct action *action, const struct write_event *event, const void *ip) {
        struct filtered f; /* no initializer: the room for contexts is mostly not used */

        f.input.piece = get_piece;
        f.input.contexts = get_contexts;
        f.input.application = get_application;
        f.asked = f.given = 0;
        f.action = action;
        f.event = event;
        f.ip = ip;
        return filter_run(action->filter, &f.input);
}
