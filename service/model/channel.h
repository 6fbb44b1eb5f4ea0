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
#define CHANNELS_PER_SESSION_MAX 30

/* What a client asks for. 0 and NULL stand for the default. */
struct channel_options {
        uint64_t subbuf_size;
        uint32_t n_subbufs;
        const char *mode;
};

struct session;

struct channel {
        struct channel *next;
        struct session *session;
        struct model_channel config;
        bool enabled; /* otherwise its rules are not in force */
};

/*
 * Sizes are rounded up to powers of two. A default that this machine's memory
 * is too small for is made smaller; a size that was asked for is refused.
 */
int channel_new(const struct user_domain *domain, struct session *session, const char *name, uint32_t id,
                const struct channel_options *options, struct channel **ret, struct failure *failure);
struct channel *channel_free(struct channel *c);
