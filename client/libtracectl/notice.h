/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a follower is told, on the stack of who tells it. */

#include "client/libtracectl/tracectl.h"

struct tracectl_notice {
        enum tracectl_change change;
        const char *kind, *path;
        const tracectl_value *values;
        char *session; /* found in the path when somebody asks; owned */
        uint32_t owner;
};

void notice_done(tracectl_notice *notice);

/* "session" of that interface of the service's; NULL where it is none of these. */
const char *notice_kind_of(const char *interface);
