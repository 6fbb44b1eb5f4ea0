/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Before a message reaches an object: whether its sender may know that there is
 * such an object. Paths below session/<uid> of another uid are asked about first,
 * whether anything is there or not, so that a refusal says nothing. Main loop only.
 */

#include "service/bus/bus.h"

/*
 * On the system bus or a user's; peers have no gate. After authorizer and registry
 * are set in b, and before the first message is dispatched. Lives as long as b->bus.
 */
int gate_install(struct bus *b);

/* What is asked before a method of another user's session is dispatched. docs/security.md has the same table. */
enum action gate_action(const char *member);
