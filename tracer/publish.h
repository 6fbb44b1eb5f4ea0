/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The pointers of all events, made from what each daemon wants: an event that
 * both want gets a list with the actions of both. Every change by one daemon
 * makes these lists anew; what the other one has is only copied.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tracer/action.h"
#include "tracer/objects.h"
#include "tracer/pending.h"

#define SOURCES_MAX 2

/* Memory that threads may still use when it is handed out: munmap() it after a grace period. */
struct retired {
        void *memory; /* NULL: none */
        size_t size;
        struct pending *pending; /* to be settled then; or NULL */
};

/*
 * From now on, source number wants lists (of each definition of snapshot its
 * own or NULL; n_actions in all), or with lists NULL nothing, and with snapshot
 * NULL it has not said what. The lists stay the caller's, and must not be freed before a grace period after the
 * next call for this source. Takes the lock of the objects. -ENOMEM, only with
 * lists, or -ESTALE, where publish_pending() was asked for newer events, of which
 * this source will say more: nothing has changed.
 */
int publish(unsigned source, struct snapshot *snapshot, struct action_list *const *lists, uint32_t n_actions,
            struct retired *ret);

/*
 * The events of the process that this source has said nothing of count from now
 * on (pending.h), until the next publish() for it.
 */
int publish_pending(unsigned source, struct retired *ret);

/*
 * What this source has said holds no more: all events of the process count from
 * now on, without a moment at which they are off; without memory for that, they are off.
 */
void publish_renounced(unsigned source, struct retired *ret);

/* What was handed out as pending has been told, or never will be; before it is freed. Under the lock of the objects. */
void publish_settled(unsigned source);

/* Whether there are such events, and whether any was counted that has not been told yet. */
bool publish_is_pending(unsigned source);
bool publish_has_counted(unsigned source);

/* In a child of fork(), with the objects reset. */
void publish_reset(void);
