/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a consumer's transient pair of units is made of, as the arguments of
 * StartTransientUnit(). Unit lists are public: nothing in names and descriptions
 * tells more than the owner.
 */

#include <stdbool.h>
#include <systemd/sd-bus.h>

#include "service/unit/start.h"

struct pair_description {
        bool user;            /* of the user's service manager */
        const char *stem;     /* the units' name without suffix */
        const char *path;     /* of the socket */
        const char *program;  /* absolute */
        struct consumer_spec spec;
};

/* Appends name, mode, properties of the socket, and the service as auxiliary unit. */
int pair_append_units(sd_bus_message *m, const struct pair_description *d);
