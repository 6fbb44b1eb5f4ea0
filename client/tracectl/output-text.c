/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Events as lines for people; with durations, the line of an end says how long it took since the begin. */

#include <errno.h>
#include <stdlib.h>

#include "client/tracectl/pairs.h"
#include "client/tracectl/uncertain.h"
#include "client/tracectl/view-event.h"
#include "client/tracectl/view-output.h"

struct output_text {
        struct view_format format;
        bool with_durations, with_uncertain;
        struct pairs pairs;
        struct uncertain uncertain;
};

static int begin(const struct view_output_options *options, struct text *text, void **ret) {
        struct output_text *output = calloc(1, sizeof(*output));

        if (!output)
                return -ENOMEM;
        output->format.is_coloured = options->is_coloured;
        output->format.with_date = options->with_date;
        output->with_durations = options->with_durations;
        output->with_uncertain = options->with_uncertain;
        *ret = output;
        return 0;
}

static int add_event(void *state, struct text *text, tracectl_reader_event *event) {
        struct output_text *output = state;
        struct pair_event pair = {};
        int r;

        if (output->with_durations) {
                r = pairs_add(&output->pairs, event, &pair);
                if (r < 0)
                        return r;
        }
        if (output->with_uncertain)
                output->format.is_uncertain = uncertain_add(&output->uncertain, event);
        view_add_event(&output->format, text, event);
        if (pair.kind == PAIR_END) {
                text->size--; /* the line's end, which is written last and thus still here */
                text_add_literal(text, "  (");
                view_add_duration(text, (uint64_t) pair.duration);
                text_add_literal(text, ")\n");
        }
        return 0;
}

static void output_free(void *state) {
        struct output_text *output = state;

        if (output) {
                view_format_done(&output->format);
                pairs_done(&output->pairs);
        }
        free(output);
}

const struct view_output view_output_text = {
        .name = "text",
        .is_text = true,
        .is_each_alone = true,
        .begin = begin,
        .event = add_event,
        .free = output_free,
};
