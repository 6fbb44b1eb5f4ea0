/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <inttypes.h>
#include <string.h>

#include "common/parse.h"
#include "protocol/ring.h"
#include "service/model/channel.h"
#include "service/model/manager.h"
#include "service/model/session-kernel.h"
#include "service/state/ledger.h"

static uint64_t power_of_two(uint64_t n) {
        uint64_t p = 1;

        while (p < n && p < UINT64_C(1) << 63)
                p <<= 1;
        return p;
}

const char *channel_mode_to_string(bool overwrite) {
        return overwrite ? "overwrite" : "discard";
}

const char *channel_domain_to_string(bool kernel) {
        return kernel ? "kernel" : "user";
}

/* overwrite: where the options say nothing. */
static int read_mode(const char *mode, bool overwrite, bool *ret, struct failure *failure) {
        if (!mode)
                *ret = overwrite;
        else if (strcmp(mode, "discard") == 0)
                *ret = false;
        else if (strcmp(mode, "overwrite") == 0)
                *ret = true;
        else
                return fail(failure, FAILURE_INVALID_OPTION,
                            "Unknown channel mode '%.100s'; known are: discard, overwrite.", mode);
        return 0;
}

static int check_sizes(const struct user_domain *domain, const struct channel_options *options,
                       const struct model_channel *c, struct failure *failure) {
        const uint64_t subbuf_max = c->kernel ? CHANNEL_KERNEL_SUBBUF_SIZE_MAX : RING_SUBBUF_SIZE_MAX;
        uint64_t total;

        if (options->subbuf_size > subbuf_max || c->subbuf_size < RING_SUBBUF_SIZE_MIN)
                return fail(failure, FAILURE_INVALID_OPTION,
                            "A sub-buffer of %" PRIu64 " bytes is out of bounds; subbuf-size can be %" PRIu64
                            " to %" PRIu64 ".",
                            options->subbuf_size, RING_SUBBUF_SIZE_MIN, subbuf_max);
        if (options->n_subbufs > RING_SUBBUFS_MAX || c->n_subbufs < RING_SUBBUFS_MIN)
                return fail(failure, FAILURE_INVALID_OPTION,
                            "%" PRIu32 " sub-buffers are out of bounds; subbuf-count can be %i to %i.",
                            options->n_subbufs, RING_SUBBUFS_MIN, RING_SUBBUFS_MAX);
        total = c->subbuf_size * c->n_subbufs * domain->n_cpus;
        if (total > domain->ring_size_max)
                return fail(failure, FAILURE_LIMIT,
                            "Channel '%s' would need %" PRIu64 " MiB for %" PRIu32 " CPUs, and this machine's memory "
                            "allows %" PRIu64 " MiB; choose a smaller subbuf-size or subbuf-count.",
                            c->name, total >> 20, domain->n_cpus, domain->ring_size_max >> 20);
        return 0;
}

static uint64_t default_subbuf_size(bool kernel) {
        return kernel ? CHANNEL_KERNEL_SUBBUF_SIZE : CHANNEL_DEFAULT_SUBBUF_SIZE;
}

static uint32_t default_subbufs(bool kernel) {
        return kernel ? CHANNEL_KERNEL_SUBBUFS : CHANNEL_DEFAULT_SUBBUFS;
}

bool channel_has_ordered_clock(const struct channel *c) {
        return c->config.ordered_clock || session_has_kernel(c->session) ||
               c->session->manager->domain->clock != TRACE_CLOCK_TSC;
}

int channel_configure(const struct user_domain *domain, bool overwrite, const char *name,
                      const struct channel_options *options, struct model_channel *ret, struct failure *failure) {
        struct model_channel c = {
                .kernel = options->kernel,
                .ordered_clock = options->ordered_clock && !options->kernel,
        };
        int r;

        if (!name_is_valid(name))
                return fail(failure, FAILURE_INVALID_NAME,
                            "'%.100s' is no name for a channel: use 1 to 64 letters, digits, '_', '.' and '-', the "
                            "first no '.' and no '-'.", name);
        r = read_mode(options->mode, overwrite, &c.overwrite, failure);
        if (r < 0)
                return r;
        strcpy(c.name, name);
        c.subbuf_size = options->subbuf_size ? power_of_two(options->subbuf_size) : default_subbuf_size(c.kernel);
        c.n_subbufs = options->n_subbufs ? (uint32_t) power_of_two(options->n_subbufs) : default_subbufs(c.kernel);
        if (!options->subbuf_size && !options->n_subbufs)
                user_domain_fit(domain, &c.subbuf_size, &c.n_subbufs);
        r = check_sizes(domain, options, &c, failure);
        if (r < 0)
                return r;
        *ret = c;
        return 0;
}

int channel_new(struct session *session, const struct model_channel *config, struct channel **ret,
                struct failure *failure) {
        struct quota *quota = &session->manager->domain->quota;
        struct channel *channel;
        int r;

        channel = malloc(sizeof(*channel));
        if (!channel)
                return fail_memory(failure);
        *channel = (struct channel) { .session = session, .config = *config, .enabled = true };
        r = quota_charge_or_fail(quota, session->owner, QUOTA_CHANNELS, 1, &channel->charge, failure);
        /* The kernel gives each CPU that there may be its own ring. */
        if (r >= 0 && config->kernel)
                r = quota_charge_or_fail(quota, session->owner, QUOTA_RING_MEMORY,
                                         config->subbuf_size * config->n_subbufs * session->manager->domain->n_cpus,
                                         &channel->memory_charge, failure);
        if (r < 0) {
                charge_done(&channel->charge);
                free(channel);
                return r;
        }
        *ret = channel;
        return 0;
}

struct channel *channel_free(struct channel *c) {
        if (c) {
                ledger_drop(c->session->manager->domain->ledger, &c->entry);
                charge_done(&c->charge);
                charge_done(&c->memory_charge);
        }
        free(c);
        return NULL;
}
