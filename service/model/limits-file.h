/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Users' limits from tracingd.conf and its drop-ins (config-files.h), as
 * tracingd.conf(5) describes them. A line that cannot be used is told of and
 * left out; the others count. Main loop only.
 */

#include "service/model/quota.h"

struct limits_places {
        const char *root; /* what the paths are under; "" but for tests */
        /* A sentence that names the file and the line. */
        void (*warn)(const char *sentence, void *userdata);
        void *userdata;
};

/* Reads everything anew. -ENOMEM: nothing has changed. */
int limits_load(struct quota *q, const struct limits_places *places);
