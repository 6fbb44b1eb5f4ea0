/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "consumer/channel.h"
#include "consumer/packet.h"
#include "consumer/stream.h"

/* A counter that jumps further between two looks was not moved by discarding. */
#define DISCARDED_STEP_MAX (UINT64_C(1) << 32)

/* Positions stay far below this in any real ring. */
#define POSITION_MAX (UINT64_C(1) << 62)

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
        uint64_t k = stream->state.next.position / g->subbuf_size;

        stream->looked = !stream->channel->folded && !stream->has_ended &&
                         (partial || (channel_discards(stream->channel) && look_may_be_closed(words, g->n_subbufs, k)));
        if (stream->looked)
                look_take(words, &stream->look);
}

/*
 * A word has a value that no writer stores, and what it spoke of cannot be
 * known: n bytes are lost, among them perhaps events of those who kept to the
 * rules.
 */
static void give_up(struct stream *stream, uint64_t n) {
        stream->file.state.counters.lost_garbage += n;
}

void stream_count_discarded(struct stream *stream, uint64_t ring_discarded, bool now) {
        uint64_t step = ring_discarded - stream->state.ring_discarded;

        if (ring_discarded < stream->state.ring_discarded) {
                if (now) {
                        stream->state.ring_discarded = ring_discarded;
                        give_up(stream, sizeof(ring_discarded));
                }
                return;
        }
        stream->state.ring_discarded = ring_discarded;
        if (step >= DISCARDED_STEP_MAX) {
                give_up(stream, sizeof(ring_discarded));
                return;
        }
        stream->state.discarded += step;
        stream->file.state.counters.lost_ring += step;
}

/* Everything below position is done with: writers may have the place. */
static void consume(struct stream *stream, uint64_t position) {
        stream->state.next.position = position;
        stream_save(stream);
}

static void write_span(struct stream *stream, uint64_t to, uint64_t end_time, uint64_t latest) {
        struct packet_source source = {
                .size = to - stream->state.next.position,
                .begin = stream->state.next.time,
                .end = end_time,
                .latest = latest,
                .sequence = stream->state.sequence,
                .discarded = stream->state.discarded,
                .before = stream->state.next.thread,
        };
        struct packet_outcome outcome;

        stream_copy(stream, stream->state.next.position, to);
        (void) packet_write(stream->channel, &stream->file, &source, &outcome);
        if (outcome.written)
                stream->state.sequence++;
        stream->state.next.time = outcome.end;
        stream->state.next.thread = outcome.after;
}

static void drain_closed(struct stream *stream, uint64_t k, uint64_t latest) {
        const struct ring_geometry *g = &stream->channel->geometry;
        uint64_t next = (k + 1) * g->subbuf_size;
        struct ring_subbuf subbuf;

        look_subbuf(stream_words(stream), g->n_subbufs, k, &subbuf);
        stream_count_discarded(stream, subbuf.discarded, false);
        if (subbuf.end < stream->state.next.position)
                give_up(stream, next - stream->state.next.position);
        if (subbuf.end > next)
                subbuf.end = next;
        if (subbuf.end > stream->state.next.position)
                write_span(stream, subbuf.end, subbuf.end_time, latest);
        consume(stream, next);
}

/* What the ring held and nobody has read, at most: all of it where its words do not say so themselves. */
static uint64_t unread(const struct stream *stream) {
        const struct ring_geometry *g = &stream->channel->geometry;
        uint64_t position = stream->look.position, size = g->n_subbufs * g->subbuf_size;

        if (position > stream->state.next.position && position - stream->state.next.position < size)
                return position - stream->state.next.position;
        return size;
}

/* Where the ring really is, as far as anybody can know after somebody stored nonsense into its words. */
static bool resynchronize(struct stream *stream) {
        const struct ring_geometry *g = &stream->channel->geometry;
        uint64_t limit = stream->look.limit;

        if (!stream->is_spoiled)
                give_up(stream, unread(stream));
        stream->is_spoiled = limit < g->subbuf_size || limit % g->subbuf_size || limit > POSITION_MAX;
        stream->state.next.thread = (struct walk_thread) {};
        if (stream->is_spoiled) {
                stream_save(stream);
                return false;
        }
        consume(stream, limit - g->subbuf_size);
        return true;
}

/* Whether a writer that keeps to the rules can have stored this limit. */
static bool limit_is_sane(const struct stream *stream, uint64_t limit) {
        const struct ring_geometry *g = &stream->channel->geometry;
        uint64_t first = stream->state.next.position / g->subbuf_size;

        return limit % g->subbuf_size == 0 && limit >= g->subbuf_size && limit >= stream->state.next.position &&
               limit <= (first + g->n_subbufs) * g->subbuf_size;
}

bool stream_drain(struct stream *stream, bool partial, uint64_t latest) {
        const struct ring_geometry *g = &stream->channel->geometry;
        uint64_t first = stream->state.next.position / g->subbuf_size, open, before = stream->state.next.position;
        struct look look = stream->look;

        if (!stream->looked)
                return false;
        if (!limit_is_sane(stream, look.limit))
                return resynchronize(stream);
        stream->is_spoiled = false;
        open = look.limit / g->subbuf_size - 1;
        for (uint64_t k = first; k < open; k++)
                drain_closed(stream, k, latest);
        stream_count_discarded(stream, look.discarded, true);
        if (partial && look.position > stream->state.next.position && look.position <= look.limit) {
                /* Without a time of its own the packet ends with its last record. */
                write_span(stream, look.position, look.timed ? look.last_time : 0, latest);
                consume(stream, look.position);
        } else if (stream->file.state.counters.lost_ring != stream->shown.lost_ring ||
                   stream->file.state.counters.lost_garbage != stream->shown.lost_garbage)
                stream_save(stream);
        return stream->state.next.position != before;
}

void stream_settle(struct stream *stream, uint64_t latest) {
        uint64_t time = stream->look.last_time < latest ? stream->look.last_time : latest;
        struct stream_state *state = &stream->state;

        if (!stream_file_owes(&stream->file, state->discarded))
                return;
        if (time > state->next.time)
                state->next.time = time;
        if (packet_write_empty(&stream->file, state->next.time, state->sequence, state->discarded) >= 0)
                state->sequence++;
        stream_save(stream);
}

bool stream_has_closed(const struct stream *stream) {
        const struct ring_geometry *g = &stream->channel->geometry;
        uint64_t k = stream->state.next.position / g->subbuf_size, limit;

        if (!channel_discards(stream->channel) || !look_may_be_closed(stream_words(stream), g->n_subbufs, k))
                return false;
        limit = look_limit(stream_words(stream));
        return limit_is_sane(stream, limit) && limit > (k + 1) * g->subbuf_size;
}
