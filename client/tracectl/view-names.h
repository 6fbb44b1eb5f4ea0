/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whether what a selection names is in a recording at all: a typing error shows nothing, and should say so. */

#include "client/tracectl/view-select.h"

/* Says of each name of an event, and of each field in the filter, that the reader's traces have none such, and which
 * was probably meant. */
void view_names_check(const struct view_select *select, tracectl_reader *reader);

/* The same of one field. others, up to NULL or NULL itself: words that could have been meant as well. */
void view_names_check_field(const char *field, const tracectl_reader *reader, const char *const others[]);
