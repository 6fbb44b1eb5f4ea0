/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the fake service answers: appends it to the reply. about is the interface
 * that GetAll asks for. 0 or more, or -errno.
 */

#include "tests/unit/client/libtracectl/fake-service.h"

int fake_answer(const struct fake_script *script, const char *member, const char *about,
                sd_bus_message *reply);
