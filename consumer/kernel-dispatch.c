/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>

#include "consumer/kernel-state.h"
#include "consumer/kernel.h"
#include "consumer/message.h"

struct kernel *kernel_free(struct kernel *kernel) {
        struct kernel_channel *channel;

        if (!kernel)
                return NULL;
        while ((channel = LIST_FIRST(&kernel->channels))) {
                LIST_REMOVE(channel, entries);
                kernel_channel_free(channel);
        }
        trace_done(&kernel->trace);
        text_done(&kernel->classes);
        free(kernel->polls);
        free(kernel);
        return NULL;
}

struct kernel_channel *kernel_find_channel(const struct kernel *kernel, uint64_t set, uint32_t stream) {
        struct kernel_channel *channel;

        if (!kernel || kernel->id != set)
                return NULL;
        LIST_FOREACH(channel, &kernel->channels, entries)
                if (channel->stream_id == stream)
                        return channel;
        return NULL;
}

static int new(struct session *session, const struct consumer_kernel *m, struct kernel **ret) {
        struct kernel *kernel = calloc(1, sizeof(*kernel));
        int r;

        if (!kernel)
                return -ENOMEM;
        kernel->id = m->set;
        kernel->session = session;
        kernel->identity.kernel = true;
        LIST_INIT(&kernel->channels);
        r = trace_init(&kernel->trace, session, &kernel->identity, &kernel->classes, m->uuid, "");
        if (r < 0) {
                free(kernel);
                return r;
        }
        *ret = kernel;
        return 0;
}

/* Whether the channel can be one of the trace that there is. */
static int check_channel(const struct kernel *kernel, const struct consumer_kernel *m) {
        struct kernel_channel *channel;

        if (kernel->id != m->set || memcmp(kernel->trace.uuid, m->uuid, sizeof(m->uuid)) != 0)
                return -EBADMSG;
        LIST_FOREACH(channel, &kernel->channels, entries)
                if (channel->stream_id == m->stream || strcmp(channel->name, m->channel) == 0)
                        return -EEXIST;
        return 0;
}

static int on_kernel(struct session *session, const struct message *m) {
        struct kernel *kernel = session->kernel;
        struct kernel_channel *channel;
        int r;

        r = kernel ? check_channel(kernel, &m->kernel) : new(session, &m->kernel, &kernel);
        if (r < 0)
                return r;
        r = kernel_channel_new(kernel, &m->kernel, m->fds[0], m->fds[1], &channel);
        if (r < 0) {
                if (!session->kernel)
                        kernel_free(kernel);
                return r;
        }
        session->kernel = kernel;
        LIST_INSERT_HEAD(&kernel->channels, channel, entries);
        /* A full disk is no reason to refuse; every packet tries again. */
        (void) trace_sync(&kernel->trace);
        return 0;
}

int kernel_dispatch(struct session *session, const struct message *m) {
        struct kernel_channel *channel;
        int r;

        if (m->header.type == CONSUMER_KERNEL)
                return on_kernel(session, m);
        /* All others begin in the same way. */
        channel = kernel_find_channel(session->kernel, m->kernel_events.set, m->kernel_events.stream);
        if (!channel)
                return -ENOENT;
        switch (m->header.type) {
        case CONSUMER_KERNEL_CPUS:
                return kernel_channel_set_cpus(channel, &m->kernel_cpus, (int *) m->fds);
        case CONSUMER_KERNEL_EVENTS:
                r = kernel_channel_describe(channel, m->fds[0]);
                (void) trace_sync(&session->kernel->trace);
                return r;
        default:
                return kernel_state_take(channel, m->fds[0]);
        }
}

void kernel_resumed(struct kernel *kernel) {
        if (kernel)
                trace_cut(&kernel->trace);
}
