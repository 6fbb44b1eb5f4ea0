/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Units that an earlier tracingd made and could not remove. Their consumers
 * have lost their connection, write what there is, and end by themselves; then
 * the units are stopped. Ends when there are none. Main loop only.
 */

#include "service/unit/pair.h"

struct leftovers;

int leftovers_new(struct unit_starter *u, struct leftovers **ret);
struct leftovers *leftovers_free(struct leftovers *l);
