/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What one user may have at most, and how much of it is in use: the service's property Limits. */

#include <stdbool.h>

#include "client/libtracectl/tracectl.h"

/* A table of them. 0, or -ENOMEM. */
int limits_print(const tracectl_value *limits, const char *indent, bool with_legend);
