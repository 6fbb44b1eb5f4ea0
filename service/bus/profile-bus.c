/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>

#include "service/bus/bus.h"

int manager_method_apply_profile(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return -EOPNOTSUPP;
}

int session_method_dump(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return -EOPNOTSUPP;
}

int manager_get_limits(sd_bus *bus, const char *path, const char *interface, const char *property,
                       sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        return sd_bus_message_append(reply, "a{st}", 0);
}
