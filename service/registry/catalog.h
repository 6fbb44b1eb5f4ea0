/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * All events that are known of some uids, each once, in the order of their names.
 * Main loop only.
 */

#include <stdint.h>
#include <sys/types.h>

#include "protocol/definitions.h"
#include "service/registry/registry.h"

/* Calls each for every event that matches glob, until it returns -errno. name is provider:name. */
int catalog_walk(struct registry *r, const uid_t *uids, size_t n_uids, const char *glob,
                 int (*each)(const struct definition *event, const char *name, void *userdata), void *userdata);

/* What people call a field's type. */
const char *catalog_type_name(enum definition_type type);
