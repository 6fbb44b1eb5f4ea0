/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Expressions of protocol/filter.h in the kernel's words: patterns of strings
 * are compared with `~` there, and of contexts it has these: procname (COMM),
 * cpu_id (CPU), vtid (common_pid). What else the kernel lacks it refuses itself.
 */

#include <stddef.h>

#include "service/model/failure.h"

/* text has been checked (filter_compile()). The caller frees *ret. */
int kernel_filter_translate(const char *text, char **ret, struct failure *failure);

/*
 * What the kernel says last in error_log, as a clause: "at character 5: Field not
 * found". "" where it says nothing.
 */
void kernel_filter_error(const char *error_log, char *ret, size_t size);
