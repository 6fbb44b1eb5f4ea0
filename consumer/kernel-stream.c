/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <unistd.h>

#include "common/clock.h"
#include "consumer/kernel-state.h"
#include "consumer/kernel-stats.h"
#include "consumer/kernel.h"
#include "consumer/packet.h"

/* How long a pipe is left alone of which poll() says nothing: some kernels' poll() misses what there is. */
#define BUSY_NSEC UINT64_C(20000000)
#define IDLE_NSEC UINT64_C(1000000000)

static uint64_t max(uint64_t a, uint64_t b) {
        return a > b ? a : b;
}

static struct session *session_of(const struct kernel_stream *stream) {
        return stream->channel->kernel->session;
}

/* Always in the stream's own counters, also where the events go elsewhere: these are saved with its state. */
static void count_discarded(struct kernel_stream *stream, uint64_t n) {
        stream->state.discarded += n;
        stream->file.state.counters.lost_ring += n;
}

/* The kernel's count only grows, but where somebody has emptied its ring. */
static void count_lost(struct kernel_stream *stream) {
        uint64_t lost;

        if (stream->stats < 0 || kernel_stats_read(stream->stats, &lost) < 0)
                return;
        if (lost > stream->state.lost_seen)
                count_discarded(stream, lost - stream->state.lost_seen);
        stream->state.lost_seen = lost;
}

/* Whether the scratch file has a sub-buffer now. */
static bool read_page(struct kernel_stream *stream) {
        const struct kernel_layout *layout = &stream->channel->layout;
        char *page = kernel_channel_page(stream->channel, stream->cpu);
        struct kernel_own *own = kernel_channel_own(stream->channel, stream->cpu);
        ssize_t n;

        if (stream->pipe < 0)
                return false;
        memset(page, 0, layout->data_at);
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        own->reading = stream->state.pages;
        do
                n = read(stream->pipe, page, layout->subbuf_size);
        while (n < 0 && errno == EINTR);
        /* Empty, or a processor that is away: no error. Nor is any other here, it is tried again. */
        if (n < (ssize_t) layout->data_at)
                return false;
        memset(page + n, 0, layout->subbuf_size - (size_t) n);
        stream->pending = true;
        return true;
}

static uint64_t min(uint64_t a, uint64_t b) {
        return a < b ? a : b;
}

/*
 * A sub-buffer that is read while it fills goes on at its last event, and one
 * with a single event ends where it begins. So what begins at the end of the one
 * before may begin together with it, which readers of several chunks take the
 * wrong way round: it begins later, as late as its first event lets it, with room
 * for an empty one between both.
 */
static uint64_t begin_apart(const struct stream_file *file, const struct kernel_walk *walk,
                            const struct kernel_walked *walked) {
        if (walk->begin > file->state.end)
                return walk->begin;
        return walk->begin + min(walked->first - walk->begin, 2 * NANOSECOND_MAX);
}

static void write_packet(struct kernel_stream *stream, struct stream_file *file, const struct kernel_walk *walk,
                         const struct kernel_walked *walked) {
        struct packet packet = {
                .begin = begin_apart(file, walk, walked),
                .end = walked->end,
                .first = walked->first,
                .sequence = file->state.counters.packets - file->state.extra,
                .discarded = stream->state.discarded,
                .events = walked->events,
                .records = walk->to,
                .size = walked->size,
        };

        (void) stream_file_write(file, &packet);
}

/* The page is done with; what was made of it is saved with that. */
static void finish_page(struct kernel_stream *stream, const struct stream_file *file, uint64_t events) {
        stream->pending = stream->puzzled = false;
        stream->state.pages++;
        if (file != &stream->file)
                stream->state.unsettled += events;
        kernel_stream_save(stream);
}

/* false: there are events in it that nobody has described, and skip does not allow to do without. */
static bool write_page(struct kernel_stream *stream, struct stream_file *file, bool skip) {
        struct kernel_channel *channel = stream->channel;
        const char *page = kernel_channel_page(channel, stream->cpu);
        struct session *session = session_of(stream);
        uint64_t latest = session_latest(session), begin = max(kernel_page_time(page), file->state.end);
        struct kernel_walk walk = {
                .begin = begin <= latest ? begin : file->state.end,
                .latest = latest,
                .skip = skip,
                .to = session->scratch,
                .room = kernel_walk_room(channel->layout.subbuf_size),
        };
        struct kernel_walked walked;

        kernel_walk(&channel->layout, &channel->classes, page, &walk, &walked);
        if (walked.unknown > 0 && !skip)
                return false;
        count_discarded(stream, walked.unknown);
        stream->file.state.counters.lost_garbage += walked.garbage;
        if (walked.events > 0) {
                kernel_state_write(channel, stream, file, walk.begin);
                write_packet(stream, file, &walk, &walked);
        }
        finish_page(stream, file, walked.events);
        return true;
}

static bool is_short(const struct kernel_stream *stream) {
        const struct kernel_layout *layout = &stream->channel->layout;

        return kernel_page_size(layout, kernel_channel_page(stream->channel, stream->cpu)) < layout->subbuf_size / 2;
}

bool kernel_stream_drain(struct kernel_stream *stream, struct stream_file *file, enum kernel_drain how) {
        uint64_t limit = 2 * stream->channel->buffer_size / stream->channel->layout.subbuf_size + 2, n = 0;
        bool was_ready = stream->ready, more = true;

        stream->ready = false;
        count_lost(stream);
        for (; n < limit && (stream->pending || read_page(stream)); n++) {
                bool last = how == KERNEL_DRAIN_SOME && is_short(stream);

                if (!write_page(stream, file, stream->puzzled || how == KERNEL_DRAIN_END)) {
                        stream->puzzled = true;
                        return true;
                }
                if (last) {
                        more = false;
                        n++;
                        break;
                }
        }
        stream->quiet = was_ready && n == 0;
        stream->busy = n > 1;
        stream->due = trace_clock_read_monotonic(0) + (stream->busy ? BUSY_NSEC : IDLE_NSEC);
        return more && n == limit;
}

void kernel_stream_settle(struct kernel_stream *stream, struct stream_file *file) {
        uint64_t before = stream->state.lost_seen;

        count_lost(stream);
        if (stream_file_owes(file, stream->state.discarded)) {
                uint64_t time = file->state.end > 0 ? file->state.end : session_now(session_of(stream));

                (void) packet_write_empty(file, time, file->state.counters.packets - file->state.extra,
                                          stream->state.discarded);
        } else if (stream->state.lost_seen == before)
                return;
        kernel_stream_save(stream);
}

void kernel_stream_clear(struct kernel_stream *stream) {
        uint64_t limit = 2 * stream->channel->buffer_size / stream->channel->layout.subbuf_size + 2;

        for (uint64_t n = 0; n < limit && (stream->pending || read_page(stream)); n++) {
                stream->pending = stream->puzzled = false;
                stream->state.pages++;
                kernel_stream_save(stream);
        }
        count_lost(stream);
        stream->state.discarded = stream->state.unsettled = stream->state.described = 0;
        stream->file.state = (struct stream_file_state) {};
        stream->shown = (struct counters) {};
        stream_file_begin_anew(&stream->file);
}
