/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "consumer/channel.h"
#include "consumer/packet.h"
#include "consumer/stream.h"

/* A counter that jumps further between two looks was not moved by discarding. */
#define DISCARDED_STEP_MAX (UINT64_C(1) << 32)

/* Positions stay far below this in any real ring. */
#define POSITION_MAX (UINT64_C(1) << 62)

void stream_init(struct stream *stream, struct channel *channel, uint32_t cpu) {
        *stream = (struct stream) {
                .channel = channel,
                .cpu = cpu,
                .end_time = channel->geometry.created,
        };
        stream_file_init(&stream->file, &channel->set->trace, channel->name, channel->stream_id, cpu);
}

void stream_done(struct stream *stream) {
        stream_file_done(&stream->file);
}

const struct ring_cpu *stream_words(const struct stream *stream) {
        return ring_cpu_at(&stream->channel->geometry, (void *) stream->channel->ring, stream->cpu);
}

void stream_copy(const struct stream *stream, uint64_t from, uint64_t to) {
        const struct ring_geometry *g = &stream->channel->geometry;
        const char *data = ring_data_at(g, (void *) stream->channel->ring, stream->cpu);

        memcpy(stream->channel->set->session->scratch, data + (from & (g->n_subbufs * g->subbuf_size - 1)), to - from);
}

void stream_look(struct stream *stream, bool partial) {
        const struct ring_geometry *g = &stream->channel->geometry;
        const struct ring_cpu *words = stream_words(stream);

        stream->looked = partial || (!channel_overwrites(stream->channel) &&
                                     look_may_be_closed(words, g->n_subbufs, stream->consumed / g->subbuf_size));
        if (stream->looked)
                look_take(words, &stream->look);
}

void stream_count_discarded(struct stream *stream, uint64_t ring_discarded, bool now) {
        uint64_t step = ring_discarded - stream->ring_discarded;

        if (ring_discarded < stream->ring_discarded) {
                if (now)
                        stream->ring_discarded = ring_discarded;
                return;
        }
        stream->ring_discarded = ring_discarded;
        if (step >= DISCARDED_STEP_MAX)
                return;
        stream->discarded += step;
        status_add(&stream->channel->set->session->output.status->lost_ring, step);
}

/* Everything below position is done with: writers may have the place. */
static void consume(struct stream *stream, uint64_t position) {
        stream->consumed = position;
        __atomic_store_n(&stream->channel->positions->cpu[stream->cpu].consumed, position, __ATOMIC_RELEASE);
}

static void write_span(struct stream *stream, uint64_t to, uint64_t end_time, uint64_t latest) {
        struct packet_source source = {
                .size = to - stream->consumed,
                .begin = stream->end_time,
                .end = end_time,
                .latest = latest,
                .sequence = stream->sequence,
                .discarded = stream->discarded,
                .before = stream->thread,
        };
        struct packet_outcome outcome;

        stream_copy(stream, stream->consumed, to);
        (void) packet_write(stream->channel, &stream->file, &source, &outcome);
        if (outcome.written)
                stream->sequence++;
        stream->end_time = outcome.end;
        stream->thread = outcome.after;
}

static void drain_closed(struct stream *stream, uint64_t k, uint64_t latest) {
        const struct ring_geometry *g = &stream->channel->geometry;
        uint64_t next = (k + 1) * g->subbuf_size;
        struct ring_subbuf subbuf;

        look_subbuf(stream_words(stream), g->n_subbufs, k, &subbuf);
        stream_count_discarded(stream, subbuf.discarded, false);
        if (subbuf.end > next)
                subbuf.end = next;
        if (subbuf.end > stream->consumed)
                write_span(stream, subbuf.end, subbuf.end_time, latest);
        consume(stream, next);
}

/* Where the ring really is, as far as anybody can know after somebody stored nonsense into its words. */
static bool resynchronize(struct stream *stream) {
        const struct ring_geometry *g = &stream->channel->geometry;
        uint64_t limit = stream->look.limit, position = stream->look.position;

        if (limit < g->subbuf_size || limit % g->subbuf_size || limit > POSITION_MAX)
                return false;
        if (position > stream->consumed) {
                uint64_t lost = position - stream->consumed, size = g->n_subbufs * g->subbuf_size;

                status_add(&stream->channel->set->session->output.status->lost_garbage, lost < size ? lost : size);
        }
        stream->thread = (struct walk_thread) {};
        consume(stream, limit - g->subbuf_size);
        return true;
}

/* Whether a writer that keeps to the rules can have stored this limit. */
static bool limit_is_sane(const struct stream *stream, uint64_t limit) {
        const struct ring_geometry *g = &stream->channel->geometry;
        uint64_t first = stream->consumed / g->subbuf_size;

        return limit % g->subbuf_size == 0 && limit >= g->subbuf_size && limit >= stream->consumed &&
               limit <= (first + g->n_subbufs) * g->subbuf_size;
}

bool stream_drain(struct stream *stream, bool partial, uint64_t latest) {
        const struct ring_geometry *g = &stream->channel->geometry;
        uint64_t first = stream->consumed / g->subbuf_size, open, before = stream->consumed;
        struct look look = stream->look;

        if (!stream->looked)
                return false;
        if (!limit_is_sane(stream, look.limit))
                return resynchronize(stream);
        open = look.limit / g->subbuf_size - 1;
        for (uint64_t k = first; k < open; k++)
                drain_closed(stream, k, latest);
        stream_count_discarded(stream, look.discarded, true);
        if (partial && look.position > stream->consumed && look.position <= look.limit) {
                /* Without a time of its own the packet ends with its last record. */
                write_span(stream, look.position, look.timed ? look.last_time : 0, latest);
                consume(stream, look.position);
        }
        return stream->consumed != before;
}

void stream_settle(struct stream *stream, uint64_t latest) {
        uint64_t time = stream->look.last_time < latest ? stream->look.last_time : latest;

        if (!stream_file_owes(&stream->file, stream->discarded))
                return;
        if (time > stream->end_time)
                stream->end_time = time;
        if (packet_write_empty(&stream->file, stream->end_time, stream->sequence, stream->discarded) >= 0)
                stream->sequence++;
}

bool stream_has_closed(const struct stream *stream) {
        const struct ring_geometry *g = &stream->channel->geometry;
        uint64_t k = stream->consumed / g->subbuf_size, limit;

        if (channel_overwrites(stream->channel) || !look_may_be_closed(stream_words(stream), g->n_subbufs, k))
                return false;
        limit = look_limit(stream_words(stream));
        return limit_is_sane(stream, limit) && limit > (k + 1) * g->subbuf_size;
}
