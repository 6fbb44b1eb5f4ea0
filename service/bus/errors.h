/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Failures of the model as D-Bus errors. Main loop only. */

#include <systemd/sd-bus.h>

#include "service/model/failure.h"

/* Makes sd-bus know our errors' numbers. Once, at the start. */
int errors_register(void);

/* Sets error to what failure says and returns its -errno, for a method to return. */
int error_set(sd_bus_error *error, const struct failure *failure);

const char *error_name(enum failure_kind kind);
