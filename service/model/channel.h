/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A channel: a named ring configuration of a session. Owned by its session and
 * never changed after it was made, but for being enabled and for contexts, which it
 * can get before its session's first start; main loop only.
 */

#include <stdbool.h>
#include <stdint.h>

#include "service/domain/user.h"
#include "service/model/failure.h"
#include "service/model/view.h"

#define CHANNEL_DEFAULT_NAME "channel0"
#define CHANNEL_DEFAULT_SUBBUF_SIZE (UINT64_C(512) << 10)
#define CHANNEL_DEFAULT_SUBBUFS 8
#define CHANNEL_KERNEL_SUBBUF_SIZE (UINT64_C(64) << 10)
#define CHANNEL_KERNEL_SUBBUF_SIZE_MAX (UINT64_C(256) << 10)
#define CHANNEL_KERNEL_SUBBUFS 64
#define CHANNELS_PER_SESSION_MAX 30

/* What a client asks for. 0 and NULL stand for the default. */
struct channel_options {
        uint64_t subbuf_size;
        uint32_t n_subbufs;
        const char *mode;
        bool kernel; /* the domain */
        int ordered_clock; /* a boolean; those of the kernel have it anyway */
};

struct session;

struct channel {
        struct channel *next;
        struct session *session;
        struct model_channel config;
        struct charge charge, memory_charge; /* memory: of the kernel's rings; others are charged when they are made */
        struct ledger_entry *entry; /* in the state */
        bool enabled; /* otherwise its rules are not in force */
};

/*
 * What a channel of such a session would be, checked; its id is 0. A size is rounded up 
 * to a power of two. A default that this machine's memory is too small for is
 * made smaller; a size that was asked for is refused.
 */
int channel_configure(const struct user_domain *domain, bool overwrite, const char *name,
                      const struct channel_options *options, struct model_channel *ret, struct failure *failure);

/*
 * Whether what it records on one processor is never of an earlier time than what it was caused by on another one: as
 * asked for, and wherever the session records the kernel, whose clock is so.
 */
bool channel_has_ordered_clock(const struct channel *c);

/* "user" or "kernel" */
const char *channel_domain_to_string(bool kernel);
const char *channel_mode_to_string(bool overwrite);

/* config has been checked, and has an id. */
int channel_new(struct session *session, const struct model_channel *config, struct channel **ret,
                struct failure *failure);
struct channel *channel_free(struct channel *c);
