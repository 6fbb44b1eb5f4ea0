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
static void find_piece(const struct stream *stream, uint64_t k, uint64_t newest, uint64_t from, struct piece *ret) {
        const struct ring_geometry *g = &stream->channel->geometry;
        uint64_t start = k * g->subbuf_size, stop = start + g->subbuf_size;
        const struct ring_cpu *words = stream_words(stream);
        const struct look *look = &stream->look;
        struct ring_subbuf subbuf, previous;
        struct piece piece = { .from = max(start, from) };

        if (k < newest) {
                look_subbuf(words, g->n_subbufs, k, &subbuf);
                piece.to = min(subbuf.end, stop);
                piece.end = subbuf.end_time;
                piece.discarded = min(subbuf.discarded, stream->discarded);
        } else {
                piece.to = look->position <= stop ? look->position : start;
                piece.end = look->timed ? look->last_time : 0;
                piece.discarded = stream->discarded;
        }
        look_subbuf(words, g->n_subbufs, k - 1, &previous);
        piece.begin = from > start ? stream->end_time : previous.end_time;
        *ret = piece;
}

/* Whether what was just copied of sub-buffer k is still what it was. */
static bool copy_is_good(const struct stream *stream, uint64_t k) {
        const struct ring_geometry *g = &stream->channel->geometry;

        /* Pairs with the store of limit that precedes a writer's first store into the slot. */
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        return look_limit(stream_words(stream)) <= (k + g->n_subbufs) * g->subbuf_size;
}

static int write_piece(struct stream *stream, struct stream_file *file, uint64_t k, const struct piece *piece,
                       uint64_t latest, bool own) {
        struct packet_source source = {
                .size = piece->to - piece->from,
                .begin = max(min(piece->begin, latest), file->end),
                .end = piece->end,
                .latest = latest,
                .sequence = k + (own ? stream->splits : 0),
                .discarded = piece->discarded,
                .before = piece->from % stream->channel->geometry.subbuf_size ? stream->thread : file->thread,
        };
        struct packet_outcome outcome;
        int r;

        r = packet_write(stream->channel, file, &source, &outcome);
        if (own) {
                stream->end_time = outcome.end;
                stream->thread = outcome.after;
        }
        return r;
}

/* Where the copying begins: nothing older is whole any more. What went by unseen is counted. */
static uint64_t count_overwritten(struct stream *stream, uint64_t newest) {
        const struct ring_geometry *g = &stream->channel->geometry;
        uint64_t oldest = newest >= g->n_subbufs ? newest - g->n_subbufs + 1 : 0;
        uint64_t start = oldest * g->subbuf_size;

        if (stream->snapshotted < start) {
                status_add(&stream->channel->set->session->output.status->lost_overwrite, start - stream->snapshotted);
                stream->snapshotted = start;
        }
        return oldest;
}

static int snapshot_stream(struct stream *stream, struct stream_file *file, uint64_t from, uint64_t latest) {
        const struct ring_geometry *g = &stream->channel->geometry;
        struct consumer_status *status = stream->channel->set->session->output.status;
        uint64_t limit = stream->look.limit, newest = limit / g->subbuf_size - 1;
        bool own = file == &stream->file;
        int r = 0;

        if (limit % g->subbuf_size || limit < g->subbuf_size || limit > (UINT64_C(1) << 62))
                return 0;
        stream_count_discarded(stream, stream->look.discarded, true);
        for (uint64_t k = max(count_overwritten(stream, newest), from / g->subbuf_size); k <= newest; k++) {
                struct piece piece;
                int q;

                find_piece(stream, k, newest, from, &piece);
                if (piece.to <= piece.from)
                        continue;
                stream_copy(stream, piece.from, piece.to);
                if (!copy_is_good(stream, k)) {
                        if (stream->snapshotted < piece.to)
                                status_add(&status->lost_overwrite, piece.to - max(piece.from, stream->snapshotted));
                        stream->snapshotted = max(stream->snapshotted, piece.to);
                        continue;
                }
                stream->splits += own && piece.from % g->subbuf_size;
                q = write_piece(stream, file, k, &piece, latest, own);
                r = r < 0 ? r : q;
                stream->snapshotted = max(stream->snapshotted, piece.to);
                if (own)
                        stream->consumed = piece.to;
        }
        if (stream_file_owes(file, stream->discarded)) {
                int q = packet_write_empty(file, max(stream->end_time, file->end),
                                           newest + (own ? ++stream->splits : 1), stream->discarded);

                r = r < 0 ? r : q;
        }
        return r;
}

int snapshot_channel(struct channel *channel, bool unseen, uint64_t latest) {
        uint64_t subbuf_size = channel->geometry.subbuf_size;
        int r = 0;

        for (uint32_t i = 0; i < channel->geometry.n_cpus; i++) {
                struct stream *stream = &channel->streams[i];
                uint64_t from = stream->consumed;
                int q;

                if (unseen && stream->look.position <= stream->snapshotted)
                        continue;
                /* The time at which a packet begins is only known for whole sub-buffers and in our own file. */
                if (unseen)
                        from = max(from, stream->snapshotted / subbuf_size * subbuf_size);
                q = snapshot_stream(stream, &stream->file, from, latest);
                r = r < 0 ? r : q;
        }
        return r;
}

static int snapshot_into(struct trace *trace, struct channel *channel, uint64_t latest) {
        int r = 0;

        for (uint32_t i = 0; i < channel->geometry.n_cpus; i++) {
                struct stream_file file;
                int q;

                stream_file_init(&file, trace, channel->name, channel->stream_id, i);
                q = snapshot_stream(&channel->streams[i], &file, 0, latest);
                r = r < 0 ? r : q;
                stream_file_done(&file);
        }
        return r;
}

static bool has_overwrite(const struct set *set) {
        struct channel *channel;

        LIST_FOREACH(channel, &set->channels, entries)
                if (channel_overwrites(channel))
                        return true;
        return false;
}

int snapshot_set(struct set *set, const char *name, uint64_t latest) {
        struct channel *channel;
        struct trace trace;
        int r;

        if (!has_overwrite(set))
                return 0;
        r = trace_init(&trace, set->session, &set->identity, &set->classes, name);
        if (r < 0)
                return r;
        r = trace_sync(&trace);
        LIST_FOREACH(channel, &set->channels, entries)
                if (r >= 0 && channel_overwrites(channel))
                        r = snapshot_into(&trace, channel, latest);
        trace_done(&trace);
        return r;
}
