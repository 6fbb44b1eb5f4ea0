/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Notices that nobody has used tracingd for a while. Whatever may end a time of
 * being busy calls idle_touch(); busy() is asked only when the time would be
 * over. Main loop only.
 */

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "common/cleanup.h"

struct idle;

struct idle_config {
        uint64_t usec; /* without use */
        bool (*busy)(void *userdata);
        void (*expired)(void *userdata); /* called once */
        void *userdata;
};

int idle_new(sd_event *event, const struct idle_config *config, struct idle **ret);
struct idle *idle_free(struct idle *i);
DEFINE_CLEANUP(struct idle *, idle_free)

/* It is being used, or has been until now. */
void idle_touch(struct idle *i);
