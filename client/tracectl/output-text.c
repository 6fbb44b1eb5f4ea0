/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Events as lines for people. */

#include <errno.h>
#include <stdlib.h>

#include "client/tracectl/view-event.h"
#include "client/tracectl/view-output.h"

static int begin(const struct view_output_options *options, struct text *text, void **ret) {
        struct view_format *format = calloc(1, sizeof(*format));

        if (!format)
                return -ENOMEM;
        format->is_coloured = options->is_coloured;
        format->with_date = options->with_date;
        *ret = format;
        return 0;
}

static int add_event(void *state, struct text *text, tracectl_reader_event *event) {
        view_add_event(state, text, event);
        return 0;
}

static void free_format(void *state) {
        if (state)
                view_format_done(state);
        free(state);
}

const struct view_output view_output_text = {
        .name = "text",
        .is_text = true,
        .begin = begin,
        .event = add_event,
        .free = free_format,
};
