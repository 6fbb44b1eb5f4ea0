/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "common/fd.h"
#include "service/domain/kernel/internal.h"
#include "service/state/fd-store.h"

/* Descriptions of events as one constant memory file. head: with what precedes them for a channel. */
static int describe(struct kernel_recording *recording, const struct instance *i, const struct instance_list *events,
                    bool head, int *ret_fd) {
        struct formats *formats = recording->domain->formats;
        const struct instance_event page = { .event = { "events", "header_page" } };
        const struct instance_event record = { .event = { "events", "header_event" } };
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *f;
        int r = 0;

        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;
        if (head) {
                r = instance_describe(i, formats, &page, f);
                if (r >= 0)
                        r = instance_describe(i, formats, &record, f);
        }
        for (size_t k = 0; events && k < events->n && r >= 0; k++)
                r = instance_describe(i, formats, &events->items[k], f);
        if (fclose(f) != 0)
                return -ENOMEM;
        if (r < 0)
                return r;
        return size > CONSUMER_KERNEL_EVENTS_MAX ? -E2BIG : memfd_new_constant("tracectl-formats", text, size, ret_fd);
}

/* The next tracingd needs the same files. */
static int send_stored(struct kernel_recording *r, struct consumer_header *header, const int *fds, size_t n) {
        uint64_t serial;
        int k = 0;

        for (size_t i = 0; i < n && k >= 0; i++)
                k = kernel_recording_note_stored(r, fd_store_add(r->domain->user->store, fds[i], FD_STORE_RINGS));
        return k < 0 ? k : sender_send(r->sender, header, fds, n, &serial);
}

static int open_cpu(const struct instance *i, uint32_t cpu, int *ret_pipe, int *ret_stats) {
        _cleanup_close_ int pipe = -1;
        char path[64];

        snprintf(path, sizeof(path), "per_cpu/cpu%u/trace_pipe_raw", cpu);
        pipe = openat(i->dir, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        if (pipe < 0)
                return -errno;
        snprintf(path, sizeof(path), "per_cpu/cpu%u/stats", cpu);
        *ret_stats = openat(i->dir, path, O_RDONLY | O_CLOEXEC);
        if (*ret_stats < 0)
                return -errno;
        *ret_pipe = TAKE_FD(pipe);
        return 0;
}

static int announce_cpu(struct kernel_recording *r, const struct instance *i, uint32_t cpu) {
        struct consumer_kernel_cpus message = {
                .header = { .type = CONSUMER_KERNEL_CPUS, .size = sizeof(message) },
                .set = KERNEL_SET,
                .stream = i->channel,
                .first_cpu = cpu,
                .n_cpus = 1,
        };
        _cleanup_close_ int pipe = -1, stats = -1, kept_pipe = -1, kept_stats = -1;
        int k;

        k = open_cpu(i, cpu, &pipe, &stats);
        if (k >= 0 && r->own) {
                kept_pipe = TAKE_FD(pipe);
                kept_stats = TAKE_FD(stats);
                k = kernel_own_announce_cpu(r->own, i, cpu, kept_pipe, kept_stats, &pipe, &stats);
        }
        return k < 0 ? k : send_stored(r, &message.header, (const int[]) { pipe, stats }, 2);
}

static int announce_to_reader(struct kernel_recording *r, const struct instance *i) {
        _cleanup_close_ int descriptions = -1;
        int k = describe(r, i, &kernel_own_news, true, &descriptions);

        return k < 0 ? k : kernel_own_announce_channel(r->own, i, r->domain->user->n_cpus, descriptions);
}

int kernel_announce_channel(struct kernel_recording *r, const struct instance *i, const struct model_channel *channel) {
        const uint32_t n_cpus = r->domain->user->n_cpus;
        struct consumer_kernel message = {
                .header = { .type = CONSUMER_KERNEL, .size = sizeof(message) },
                .set = KERNEL_SET,
                .stream = i->channel,
                .flags = channel->overwrite ? CONSUMER_KERNEL_OVERWRITE : 0,
                .subbuf_size = i->subbuf_size,
                .n_cpus = n_cpus,
                .buffer_size = channel->subbuf_size * channel->n_subbufs,
        };
        _cleanup_close_ int scratch = -1, descriptions = -1;
        int k;

        memcpy(message.uuid, r->uuid, sizeof(message.uuid));
        strcpy(message.channel, channel->name);
        k = memfd_new_shared("tracectl-kernel", CONSUMER_KERNEL_SCRATCH_SIZE(n_cpus, i->subbuf_size), &scratch);
        if (k >= 0)
                k = describe(r, i, NULL, true, &descriptions);
        if (k >= 0)
                k = send_stored(r, &message.header, (const int[]) { scratch, descriptions }, 2);
        if (k >= 0 && r->own)
                k = announce_to_reader(r, i);
        for (uint32_t cpu = 0; cpu < n_cpus && k >= 0; cpu++)
                k = announce_cpu(r, i, cpu);
        return k;
}

int kernel_announce_events(struct kernel_recording *r, const struct instance *i, const struct instance_list *events) {
        struct consumer_kernel_events message = {
                .header = { .type = CONSUMER_KERNEL_EVENTS, .size = sizeof(message) },
                .set = KERNEL_SET,
                .stream = i->channel,
        };
        _cleanup_close_ int descriptions = -1;
        int k;

        if (events->n == 0)
                return 0;
        k = describe(r, i, events, false, &descriptions);
        if (k >= 0 && r->own)
                k = kernel_own_announce_events(r->own, i, descriptions);
        return k < 0 ? k : send_stored(r, &message.header, &descriptions, 1);
}

int kernel_send_state(struct kernel_recording *r, const struct instance *i, int fd) {
        struct consumer_kernel_state message = {
                .header = { .type = CONSUMER_KERNEL_STATE, .size = sizeof(message) },
                .set = KERNEL_SET,
                .stream = i->channel,
        };

        return send_stored(r, &message.header, &fd, 1);
}
