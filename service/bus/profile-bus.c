/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>

#include "service/bus/bus.h"

int manager_method_apply_profile(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return -EOPNOTSUPP;
}

int session_method_dump(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return -EOPNOTSUPP;
}
