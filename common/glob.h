/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

/*
 * Whether text matches pattern, in which `*` stands for any characters and
 * every other character for itself. Linear in pattern times text, no recursion.
 */
bool glob_match(const char *pattern, const char *text);
