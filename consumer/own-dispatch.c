/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/fd.h"
#include "consumer/kernel-description.h"
#include "consumer/own-state.h"

static int add_class(struct own_channel *channel, const struct kernel_description *d, struct kernel_format *format,
                     bool passed) {
        struct own_classes *classes = &channel->classes;
        struct own_class **at;
        int r;

        r = kernel_format_parse(d->text, d->size, format);
        if (r < 0)
                return r;
        if (format->id >= classes->n) {
                uint32_t n = (format->id / 1024 + 1) * 1024;
                struct own_class **by_id = realloc(classes->by_id, n * sizeof(*by_id));

                if (!by_id)
                        return -ENOMEM;
                memset(by_id + classes->n, 0, (n - classes->n) * sizeof(*by_id));
                classes->by_id = by_id;
                classes->n = n;
        }
        at = &classes->by_id[format->id];
        if (!*at)
                r = own_class_new(d->system, format, at);
        if (r >= 0)
                (*at)->passed |= passed;
        return r;
}

/* first: they begin with what sub-buffers look like, and none of the rest is passed on yet. */
static int describe(struct own_channel *channel, const void *text, size_t size, uint32_t subbuf_size, bool first) {
        _cleanup_free_ struct kernel_format *format = malloc(sizeof(*format));
        struct kernel_descriptions descriptions;
        struct kernel_description page, d;
        int r = 0;

        if (!format)
                return -ENOMEM;
        kernel_descriptions_init(&descriptions, text, size);
        if (first) {
                if (kernel_descriptions_next(&descriptions, &page) <= 0 ||
                    kernel_descriptions_next(&descriptions, &d) <= 0 || strcmp(page.name, "header_page") != 0 ||
                    strcmp(d.name, "header_event") != 0)
                        return -EBADMSG;
                r = kernel_layout_parse(page.text, page.size, d.text, d.size, subbuf_size, &channel->layout);
        }
        while (r >= 0 && (r = kernel_descriptions_next(&descriptions, &d)) > 0)
                r = add_class(channel, &d, format, !first);
        return r;
}

static int map_and_describe(struct own_channel *channel, int fd, uint32_t subbuf_size, bool first) {
        const void *text;
        size_t size;
        int r;

        r = memfd_map_constant(fd, CONSUMER_KERNEL_EVENTS_MAX, &text, &size);
        if (r < 0)
                return r;
        r = describe(channel, text, size, subbuf_size, first);
        munmap((void *) text, size);
        return r;
}

static int on_channel(struct own_state *state, const struct own_message *m, int fd) {
        struct own_channel *channel;
        struct pollfd *polls;
        int r;

        if (m->n_cpus == 0 || m->n_cpus > OWN_CPUS_MAX || m->subbuf_size < 4096 || m->subbuf_size > (1 << 20))
                return -EBADMSG;
        polls = realloc(state->polls, (state->n_cpus + m->n_cpus + 1) * sizeof(*polls));
        if (!polls)
                return -ENOMEM;
        state->polls = polls;
        channel = calloc(1, sizeof(*channel));
        if (!channel)
                return -ENOMEM;
        channel->stream = m->stream;
        channel->cpus = calloc(m->n_cpus, sizeof(*channel->cpus));
        r = channel->cpus ? 0 : -ENOMEM;
        for (; r >= 0 && channel->n_cpus < m->n_cpus; channel->n_cpus++)
                own_cpu_init(&channel->cpus[channel->n_cpus], channel);
        LIST_INSERT_HEAD(&state->channels, channel, entries);
        state->n_cpus += channel->n_cpus;
        return r < 0 ? r : map_and_describe(channel, fd, m->subbuf_size, true);
}

static int on_threads(struct own_state *state, int fd) {
        const void *data = NULL;
        size_t size = 0;
        int r = 0;

        if (fd >= 0)
                r = memfd_map_constant(fd, OWN_THREADS_MAX * sizeof(*state->vouched), &data, &size);
        if (r < 0)
                return r;
        if (state->hold > 0 && !state->vouched) {
                state->vouched = malloc(size + 1);
                if (state->vouched && size > 0)
                        memcpy(state->vouched, data, size);
                state->n_vouched = size / sizeof(*state->vouched);
                r = state->vouched ? 0 : -ENOMEM;
        }
        if (data)
                munmap((void *) data, size);
        return r;
}

/* What was vouched for before is so no more, whether it was begun with or not. */
static int on_hold(struct own_state *state) {
        free(state->vouched);
        state->vouched = NULL;
        state->hold = trace_clock_read((enum trace_clock) state->clock, 0);
        return 0;
}

static int on_begin(struct own_state *state, const struct own_message *m, int *fds) {
        if (!trace_clock_is_known(m->clock))
                return -EBADMSG;
        state->clock = (int) m->clock;
        state->ask = TAKE_FD(fds[0]);
        state->begun = true;
        return 0;
}

static int on_cpu(struct own_channel *channel, const struct own_message *m, int *fds) {
        struct own_cpu *cpu;

        /* Of a channel whose description was refused nothing can be read. */
        if (channel->layout.subbuf_size == 0 || m->cpu >= channel->n_cpus || channel->cpus[m->cpu].pipe >= 0)
                return -EBADMSG;
        cpu = &channel->cpus[m->cpu];
        cpu->pipe = TAKE_FD(fds[0]);
        cpu->stats = TAKE_FD(fds[1]);
        cpu->to = TAKE_FD(fds[2]);
        cpu->counts = TAKE_FD(fds[3]);
        return 0;
}

static struct own_channel *find_channel(struct own_state *state, uint32_t stream) {
        struct own_channel *channel;

        LIST_FOREACH(channel, &state->channels, entries)
                if (channel->stream == stream)
                        return channel;
        return NULL;
}

int own_state_dispatch(struct own_state *state, const struct own_message *m, int *fds, size_t n_fds) {
        struct own_channel *channel = find_channel(state, m->stream);
        const bool none = m->header.type == OWN_HOLD || (m->header.type == OWN_THREADS && n_fds == 0);
        const size_t expected = none ? 0 : m->header.type == OWN_CPU ? 4 : 1;

        if (n_fds != expected || (m->header.type != OWN) != state->begun)
                return -EBADMSG;
        switch (m->header.type) {
        case OWN:
                return on_begin(state, m, fds);
        case OWN_CHANNEL:
                return channel ? -EEXIST : on_channel(state, m, fds[0]);
        case OWN_CPU:
                return channel ? on_cpu(channel, m, fds) : -ENOENT;
        case OWN_EVENTS:
                return channel ? map_and_describe(channel, fds[0], 0, false) : -ENOENT;
        case OWN_HOLD:
                return on_hold(state);
        case OWN_THREADS:
                return on_threads(state, none ? -1 : fds[0]);
        default:
                return -EBADMSG;
        }
}
