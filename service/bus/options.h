/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The a{sv} that ends every method's arguments. Unknown keys, keys given twice
 * and values of another type are refused by name.
 */

#include <stddef.h>
#include <systemd/sd-bus.h>

#include "common/cleanup.h"
#include "service/model/failure.h"

struct option {
        const char *name;
        char type;   /* s (const char *), t (uint64_t), u (uint32_t), b (int), h (int; stays the message's),
                      * a (as: char **, which the caller frees with strings_free()) */
        void *value; /* untouched where the option is not given */
};

void strings_free(char **list);
DEFINE_CLEANUP(char **, strings_free)

int options_read(sd_bus_message *m, const struct option *options, size_t n, struct failure *failure);
