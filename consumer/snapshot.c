/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "consumer/packet.h"
#include "consumer/snapshot.h"

/* A sub-buffer's piece that goes into a snapshot. */
struct piece {
        uint64_t from, to; /* positions */
        uint64_t begin, end; /* times */
        uint64_t discarded;
};

static uint64_t max(uint64_t a, uint64_t b) {
        return a > b ? a : b;
}

static uint64_t min(uint64_t a, uint64_t b) {
        return a < b ? a : b;
}

/* What the words say about sub-buffer k, of which [from, ...) is wanted. The newest is the open one. */
static void find_piece(const struct stream *stream, uint64_t k, uint64_t newest, const struct stream_mark *from,
                       struct piece *ret) {
        const struct ring_geometry *g = &stream->channel->geometry;
        uint64_t start = k * g->subbuf_size, stop = start + g->subbuf_size;
        const struct ring_cpu *words = stream_words(stream);
        const struct stream_state *state = &stream->state;
        const struct look *look = &stream->look;
        struct ring_subbuf subbuf, previous;
        struct piece piece = { .from = max(start, from->position) };

        if (k < newest) {
                look_subbuf(words, g->n_subbufs, k, &subbuf);
                piece.to = min(subbuf.end, stop);
                piece.end = subbuf.end_time;
                piece.discarded = min(max(subbuf.discarded, state->cleared) - state->cleared, state->discarded);
        } else {
                piece.to = look->position <= stop ? look->position : start;
                piece.end = look->timed ? look->last_time : 0;
                piece.discarded = state->discarded;
        }
        look_subbuf(words, g->n_subbufs, k - 1, &previous);
        piece.begin = from->position > start ? from->time : previous.end_time;
        *ret = piece;
}

/* Whether what was just copied of sub-buffer k is still what it was. */
static bool copy_is_good(const struct stream *stream, uint64_t k) {
        const struct ring_geometry *g = &stream->channel->geometry;

        /* Pairs with the store of limit that precedes a writer's first store into the slot. */
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        return look_limit(stream_words(stream)) <= (k + g->n_subbufs) * g->subbuf_size;
}

/* The first piece begins at from. */
static int write_piece(struct stream *stream, struct stream_file *file, uint64_t k, const struct piece *piece,
                       const struct stream_mark *from, uint64_t latest) {
        bool own = file == &stream->file;
        struct packet_source source = {
                .size = piece->to - piece->from,
                .begin = max(min(piece->begin, latest), file->state.end),
                .end = piece->end,
                .latest = latest,
                .sequence = k + (own ? stream->state.splits : 0),
                .discarded = piece->discarded,
                .before = piece->from % stream->channel->geometry.subbuf_size ? from->thread : file->state.thread,
        };
        struct packet_outcome outcome;
        int r;

        r = packet_write(stream->channel, file, &source, &outcome);
        stream->state.snapshotted = max(stream->state.snapshotted, piece->to);
        if (own) {
                stream->state.next = (struct stream_mark) { piece->to, outcome.end, outcome.after };
                stream_save(stream);
        }
        return r;
}

/* Where the copying begins: nothing older is whole any more. What went by unseen is counted. */
static uint64_t count_overwritten(struct stream *stream, uint64_t newest) {
        const struct ring_geometry *g = &stream->channel->geometry;
        uint64_t oldest = newest >= g->n_subbufs ? newest - g->n_subbufs + 1 : 0;
        uint64_t start = oldest * g->subbuf_size;

        if (stream->state.snapshotted < start) {
                stream->file.state.counters.lost_overwrite += start - stream->state.snapshotted;
                stream->state.snapshotted = start;
        }
        return oldest;
}

/* A sub-buffer that was entered again while it was copied. */
static void count_missed(struct stream *stream, const struct piece *piece) {
        struct stream_state *state = &stream->state;

        if (state->snapshotted >= piece->to)
                return;
        stream->file.state.counters.lost_overwrite += piece->to - max(piece->from, state->snapshotted);
        state->snapshotted = piece->to;
}

/* Whether a writer that keeps to the rules can have stored this limit. */
static bool limit_is_sane(const struct stream *stream) {
        uint64_t limit = stream->look.limit, size = stream->channel->geometry.subbuf_size;

        return limit % size == 0 && limit >= size && limit <= (UINT64_C(1) << 62);
}

int snapshot_stream(struct stream *stream, struct stream_file *file, struct stream_mark from, uint64_t latest) {
        const struct ring_geometry *g = &stream->channel->geometry;
        uint64_t newest = stream->look.limit / g->subbuf_size - 1;
        struct stream_state *state = &stream->state;
        bool own = file == &stream->file;
        int r = 0, q;

        if (!limit_is_sane(stream))
                return 0;
        stream_count_discarded(stream, stream->look.discarded, true);
        for (uint64_t k = max(count_overwritten(stream, newest), from.position / g->subbuf_size); k <= newest; k++) {
                struct piece piece;

                find_piece(stream, k, newest, &from, &piece);
                if (piece.to <= piece.from)
                        continue;
                stream_copy(stream, piece.from, piece.to);
                if (!copy_is_good(stream, k)) {
                        count_missed(stream, &piece);
                        continue;
                }
                state->splits += own && piece.from % g->subbuf_size;
                q = write_piece(stream, file, k, &piece, &from, latest);
                r = r < 0 ? r : q;
        }
        if (stream_file_owes(file, state->discarded)) {
                q = packet_write_empty(file, max(state->next.time, file->state.end),
                                       newest + (own ? ++state->splits : 1), state->discarded);
                r = r < 0 ? r : q;
        }
        if (own)
                stream_save(stream);
        return r;
}

int snapshot_channel(struct channel *channel, bool unseen, uint64_t latest) {
        uint64_t subbuf_size = channel->geometry.subbuf_size;
        int r = 0;

        for (uint32_t i = 0; i < channel->geometry.n_cpus; i++) {
                struct stream *stream = &channel->streams[i];
                struct stream_mark from = stream->state.next;
                uint64_t seen = stream->state.snapshotted / subbuf_size * subbuf_size;
                int q;

                if (unseen && stream->look.position <= stream->state.snapshotted)
                        continue;
                /* The time at which a packet begins is only known for whole sub-buffers and in our own file. */
                if (unseen && seen > from.position)
                        from.position = seen;
                q = snapshot_stream(stream, &stream->file, from, latest);
                r = r < 0 ? r : q;
        }
        return r;
}

void snapshot_skip(struct stream *stream, uint64_t latest) {
        uint64_t subbuf_size = stream->channel->geometry.subbuf_size;

        if (!limit_is_sane(stream))
                return;
        /* Of the open sub-buffer one must have read what there is, to know who wrote what follows. */
        stream->state.next.position = max(stream->state.next.position, stream->look.limit - subbuf_size);
        (void) snapshot_stream(stream, &stream->file, stream->state.next, latest);
}
