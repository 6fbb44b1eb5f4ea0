/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

#include "client/libtracectl/tracectl.h"

/*
 * What a profile has changed (changed, before, after), as text on stdout: a
 * line with "-" for what was, one with "+" for what is, by key; then a sentence.
 * is_dry_run: it only would. 0, or -ENOMEM.
 */
int apply_difference_print(const tracectl_value *result, bool is_dry_run);
