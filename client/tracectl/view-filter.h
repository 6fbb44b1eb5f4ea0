/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A filter of protocol/filter.h on events of a trace, any tracer's. The fields
 * that the expression names are looked up in each event; what was found makes
 * a definition, to which the expression is bound as tracingd does it, once for
 * each kind of event. Contexts are those of that name, and without them vpid and
 * vtid are who the trace says recorded the event. One thread at a time.
 */

#include <stdbool.h>

#include "client/libtracectl-read/tracectl-read.h"
#include "protocol/filter.h"

#define VIEW_FILTER_FIELDS_MAX (DEFINITION_FIELDS_MAX - 1)

struct view_filter;

/* program stays its owner's. -ENOMEM, -E2BIG where it names more than VIEW_FILTER_FIELDS_MAX fields. */
int view_filter_new(struct filter_program *program, struct view_filter **ret);

/* Accepts NULL. */
void view_filter_free(struct view_filter *filter);

/* 1 where the event passes, 0, -ENOMEM. Moves the cursor over the event's fields. */
int view_filter_run(struct view_filter *filter, tracectl_reader_event *event);
