/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What happens in the service, as tracectl monitor prints it: a line, or a JSON object. */

#include "client/libtracectl/tracectl.h"
#include "client/tracectl/json.h"

/* To stdout, at once. Negative errno: that of writing, or -ENOMEM. */
int monitor_print(const tracectl_notice *notice, enum json_mode mode);
