/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Descriptions of kernel events for the reader of an owner's own: three that tell
 * of threads, two more that it knows, and one that it does not.
 */

#include <glib.h>
#include <stdbool.h>

/* As the events are numbered in records, one more than here. */
enum { FORK = 1, EXEC, EXIT, SWITCH, CALL };

/* Those from first up to end; with head, what sub-buffers look like comes first. The caller frees it. */
char *own_formats(unsigned first, unsigned end, bool head);
