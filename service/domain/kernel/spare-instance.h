/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * An instance of tracefs that is there before anybody wants it, since the kernel takes some 40 ms to make one: whoever
 * has recorded one command mostly records another. It records nothing, has no event that anything makes by itself, and
 * costs its memory alone; it goes when nobody has wanted it for half a minute. Its name is the one that the next session's would get, so that what
 * is known of a recording is the same whether it has been made before or not.
 */

#include <systemd/sd-event.h>

#include "service/domain/kernel/instance.h"
#include "service/domain/kernel/worker.h"

struct spare_instance;

#define SPARE_INSTANCE_USEC (30 * 1000 * 1000)

/* usec: that one waits to be wanted; another in tests alone. */
int spare_instance_new(sd_event *event, struct worker *worker, int tracefs, uint64_t usec,
                       struct spare_instance **ret);

/* What will probably be wanted of it: all system calls, and what BPF programs print. */
struct spare_events {
        bool calls, prints;
};

/* Main loop. Makes one in place of the one that there is. */
void spare_instance_order(struct spare_instance *s, const struct instance_config *config, struct spare_events events);

/* The worker's thread. -ENOENT: there is none of that name, or it has another form and is gone now. */
int spare_instance_take(struct spare_instance *s, const struct instance_config *config, struct instance **ret);

/* Main loop: no more are ordered, and nothing comes back from the worker. */
void spare_instance_end(struct spare_instance *s);

/* When the worker is gone. */
struct spare_instance *spare_instance_free(struct spare_instance *s);
