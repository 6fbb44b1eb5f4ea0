/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/fd.h"
#include "consumer/kernel-description.h"
#include "consumer/kernel-metadata.h"
#include "consumer/kernel.h"

struct kernel_channel *kernel_channel_free(struct kernel_channel *channel) {
        if (!channel)
                return NULL;
        for (uint32_t i = 0; channel->streams && i < channel->n_cpus; i++)
                kernel_stream_done(&channel->streams[i]);
        free(channel->streams);
        for (uint32_t i = 0; i < channel->classes.n; i++)
                free(channel->classes.by_id[i]);
        free(channel->classes.by_id);
        free(channel->processes);
        if (channel->scratch)
                munmap(channel->scratch, channel->scratch_size);
        free(channel);
        return NULL;
}

DEFINE_CLEANUP(struct kernel_channel *, kernel_channel_free);

static int map_scratch(struct kernel_channel *channel, int fd) {
        uint64_t size, expected = CONSUMER_KERNEL_SCRATCH_SIZE(channel->n_cpus, channel->layout.subbuf_size);
        void *p;
        int r;

        r = memfd_check_shared(fd, &size);
        if (r < 0)
                return r;
        if (size != expected)
                return -EBADMSG;
        p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (p == MAP_FAILED)
                return -errno;
        channel->scratch = p;
        channel->scratch_size = size;
        return 0;
}

/* Sub-buffers have different numbers for the classes of different events; 0 has none. */
static int add_class(struct kernel_channel *channel, const char *system, const struct kernel_format *format) {
        struct kernel_classes *classes = &channel->classes;
        int r;

        if (format->id >= classes->n) {
                uint32_t n = (format->id / 1024 + 1) * 1024;
                struct kernel_class **by_id = realloc(classes->by_id, n * sizeof(by_id[0]));

                if (!by_id)
                        return -ENOMEM;
                memset(by_id + classes->n, 0, (n - classes->n) * sizeof(by_id[0]));
                classes->by_id = by_id;
                classes->n = n;
        }
        if (classes->by_id[format->id])
                return 0;
        if (channel->next_id == KERNEL_STATEDUMP_START)
                return -ENOSPC;
        r = kernel_class_new(system, format, channel->next_id, channel->stream_id, &channel->kernel->classes,
                             &classes->by_id[format->id]);
        if (r < 0)
                return r;
        channel->next_id += channel->next_id == KERNEL_ID_COMPACT_MAX ? 3 : 1;
        return 0;
}

static int add_described(struct kernel_channel *channel, struct kernel_description *d,
                         struct kernel_format *format) {
        int r;

        r = kernel_format_parse(d->text, d->size, format);
        return r < 0 ? r : add_class(channel, d->system, format);
}

/* One event that makes no sense costs itself alone. */
static int add_all(struct kernel_channel *channel, struct kernel_descriptions *descriptions) {
        _cleanup_free_ struct kernel_format *format = malloc(sizeof(*format));
        struct kernel_description d;
        int r = 0, q;

        if (!format)
                return -ENOMEM;
        while ((q = kernel_descriptions_next(descriptions, &d)) > 0) {
                q = add_described(channel, &d, format);
                r = r < 0 ? r : q;
        }
        return r < 0 ? r : q;
}

int kernel_channel_describe(struct kernel_channel *channel, int fd) {
        struct kernel_descriptions descriptions;
        const void *text;
        size_t size;
        int r;

        r = memfd_map_constant(fd, CONSUMER_KERNEL_EVENTS_MAX, &text, &size);
        if (r < 0)
                return r;
        kernel_descriptions_init(&descriptions, text, size);
        r = add_all(channel, &descriptions);
        munmap((void *) text, size);
        return r;
}

static int read_first(struct kernel_channel *channel, const void *text, size_t size, uint32_t subbuf_size) {
        struct kernel_descriptions descriptions;
        struct kernel_description page, event;
        int r;

        kernel_descriptions_init(&descriptions, text, size);
        if (kernel_descriptions_next(&descriptions, &page) <= 0 || strcmp(page.name, "header_page") != 0 ||
            kernel_descriptions_next(&descriptions, &event) <= 0 || strcmp(event.name, "header_event") != 0)
                return -EBADMSG;
        r = kernel_layout_parse(page.text, page.size, event.text, event.size, subbuf_size, &channel->layout);
        return r < 0 ? r : add_all(channel, &descriptions);
}

static int describe_first(struct kernel_channel *channel, int fd, uint32_t subbuf_size) {
        const void *text;
        size_t size;
        int r;

        r = memfd_map_constant(fd, CONSUMER_KERNEL_EVENTS_MAX, &text, &size);
        if (r < 0)
                return r;
        r = read_first(channel, text, size, subbuf_size);
        munmap((void *) text, size);
        return r;
}

static int init_streams(struct kernel_channel *channel) {
        channel->streams = calloc(channel->n_cpus, sizeof(channel->streams[0]));
        if (!channel->streams)
                return -ENOMEM;
        for (uint32_t i = 0; i < channel->n_cpus; i++)
                channel->streams[i].pipe = channel->streams[i].stats = -1;
        for (uint32_t i = 0; i < channel->n_cpus; i++) {
                int r = kernel_stream_init(&channel->streams[i], channel, i, &channel->folded);

                if (r < 0)
                        return r;
                channel->kernel->trace.reopen |= r > 0;
        }
        return 0;
}

/* What fails later takes its part of the metadata along. */
static int fill(struct kernel_channel *channel, const struct consumer_kernel *m, int scratch_fd, int descriptions_fd) {
        int r;

        r = kernel_metadata_stream(&channel->kernel->classes, channel->stream_id);
        if (r >= 0)
                r = describe_first(channel, descriptions_fd, m->subbuf_size);
        if (r >= 0)
                r = map_scratch(channel, scratch_fd);
        if (r >= 0)
                r = session_reserve_scratch(channel->kernel->session, kernel_walk_room(m->subbuf_size));
        return r < 0 ? r : init_streams(channel);
}

int kernel_channel_new(struct kernel *kernel, const struct consumer_kernel *m, int scratch_fd, int descriptions_fd,
                       struct kernel_channel **ret) {
        _cleanup_(kernel_channel_freep) struct kernel_channel *channel = NULL;
        size_t before = kernel->classes.size;
        int r;

        channel = calloc(1, sizeof(*channel));
        if (!channel)
                return -ENOMEM;
        channel->kernel = kernel;
        channel->stream_id = m->stream;
        channel->overwrite = m->flags & CONSUMER_KERNEL_OVERWRITE;
        channel->n_cpus = m->n_cpus;
        channel->buffer_size = m->buffer_size;
        memcpy(channel->name, m->channel, sizeof(channel->name));
        r = fill(channel, m, scratch_fd, descriptions_fd);
        if (r < 0) {
                kernel->classes.size = before;
                return r;
        }
        *ret = TAKE_PTR(channel);
        return 0;
}

int kernel_channel_set_cpus(struct kernel_channel *channel, const struct consumer_kernel_cpus *m, int *fds) {
        struct kernel *kernel = channel->kernel;
        struct pollfd *polls;

        if (m->first_cpu > channel->n_cpus || m->n_cpus > channel->n_cpus - m->first_cpu)
                return -EBADMSG;
        polls = realloc(kernel->polls, (kernel->n_polls + m->n_cpus + 1) * sizeof(polls[0]));
        if (!polls)
                return -ENOMEM;
        kernel->polls = polls;
        kernel->n_polls += m->n_cpus;
        for (uint32_t i = 0; i < m->n_cpus; i++)
                kernel_stream_set_pipe(&channel->streams[m->first_cpu + i], TAKE_FD(fds[2 * i]),
                                       TAKE_FD(fds[2 * i + 1]));
        return 0;
}
