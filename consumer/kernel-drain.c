/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "common/clock.h"
#include "consumer/kernel.h"

#define WAIT_MSEC 100

/* Rings in shared memory have no descriptor to wait for, nor has one who reads along and is behind. */
#define WAIT_SHORT_MSEC 10

static bool is_due(const struct kernel_stream *stream, bool partial, uint64_t now) {
        return stream->ready || stream->pending || partial || now >= stream->due;
}

static bool drain_channel(struct kernel_channel *channel, bool partial, enum kernel_drain how) {
        uint64_t now = trace_clock_read_monotonic(0);
        bool more = false;

        for (uint32_t i = 0; i < channel->n_cpus; i++) {
                struct kernel_stream *stream = &channel->streams[i];

                if (is_due(stream, partial, now))
                        more |= kernel_stream_drain(stream, &stream->file, how);
        }
        return more;
}

static bool is_drained(const struct kernel_channel *channel) {
        return !channel->folded && !channel->overwrite;
}

bool kernel_drain(struct kernel *kernel, bool partial, bool all, bool ending) {
        enum kernel_drain how = ending ? KERNEL_DRAIN_END : all ? KERNEL_DRAIN_ALL : KERNEL_DRAIN_SOME;
        struct kernel_channel *channel;
        bool more = false;

        if (!kernel)
                return false;
        LIST_FOREACH(channel, &kernel->channels, entries)
                if (is_drained(channel))
                        more |= drain_channel(channel, partial, how);
        return more;
}

bool kernel_is_puzzled(const struct kernel *kernel) {
        struct kernel_channel *channel;

        if (!kernel)
                return false;
        LIST_FOREACH(channel, &kernel->channels, entries)
                for (uint32_t i = 0; i < channel->n_cpus; i++)
                        if (channel->streams[i].puzzled)
                                return true;
        return false;
}

bool kernel_is_read(const struct kernel *kernel) {
        struct kernel_channel *channel;

        if (!kernel)
                return false;
        LIST_FOREACH(channel, &kernel->channels, entries)
                if (is_drained(channel))
                        return true;
        return false;
}

/* A pipe that has said that it is ready, and had nothing, is not asked this time. */
static size_t collect(struct kernel *kernel) {
        struct kernel_channel *channel;
        size_t n = 0;

        LIST_FOREACH(channel, &kernel->channels, entries)
                for (uint32_t i = 0; is_drained(channel) && i < channel->n_cpus; i++) {
                        struct kernel_stream *stream = &channel->streams[i];

                        if (stream->pipe < 0)
                                continue;
                        kernel->polls[n++] = (struct pollfd) { stream->quiet ? -1 : stream->pipe, POLLIN, 0 };
                        stream->quiet = false;
                }
        return n;
}

static void distribute(struct kernel *kernel) {
        const struct pollfd *p = kernel->polls;
        struct kernel_channel *channel;

        LIST_FOREACH(channel, &kernel->channels, entries)
                for (uint32_t i = 0; is_drained(channel) && i < channel->n_cpus; i++)
                        if (channel->streams[i].pipe >= 0)
                                channel->streams[i].ready = p++->revents != 0;
}

void kernel_sleep(struct kernel *kernel, int socket, bool shortly) {
        struct pollfd first = { socket, POLLIN, 0 };
        size_t n = kernel->polls ? collect(kernel) : 0;
        int timeout = shortly ? WAIT_SHORT_MSEC : WAIT_MSEC;

        if (n == 0) {
                (void) poll(&first, 1, timeout);
                return;
        }
        kernel->polls[n] = first;
        if (poll(kernel->polls, n + 1, timeout) > 0)
                distribute(kernel);
}
