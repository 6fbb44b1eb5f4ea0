/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How the events of one kind are written whose values lie one behind the other
 * (tracectl_layout): the same bytes before each value, prepared once, and the
 * values straight from memory. Constant once it is made.
 */

#include "client/libtracectl-read/tracectl-read.h"
#include "client/tracectl/text.h"
#include "client/tracectl/view-event.h"

/* layout stays its owner's. NULL without memory, or where names are absurdly long. */
struct view_plain *view_plain_new(const struct view_format *format, const tracectl_layout *layout, const char *name);

/* Accepts NULL. */
void view_plain_free(struct view_plain *plain);

/* What of a line comes behind the thread: the name and all values. */
void view_plain_add(const struct view_plain *plain, struct text *text, const void *bytes);

/* Whether a field is what a system call has returned, and what its errors are called; NULL: it is none. */
bool view_is_result(const char *event, const char *field, size_t field_size);
const char *view_error_name(int64_t result);

/* For view-plain.c: the name's column. */
void view_add_name(const struct view_format *format, struct text *text, const char *name);
