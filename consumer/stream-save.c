/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "consumer/channel.h"
#include "consumer/stream.h"

static struct checkpoint *own(const struct stream *stream) {
        const struct channel *channel = stream->channel;

        return ring_own_at(&channel->geometry, channel->positions, stream->cpu);
}

static struct session *session_of(const struct stream *stream) {
        return stream->channel->set->session;
}

/* Everything below is done with: writers may have the place. */
static void tell_writers(struct stream *stream) {
        __atomic_store_n(&stream->channel->positions->cpu[stream->cpu].consumed, stream->state.next.position,
                         __ATOMIC_RELEASE);
}

static void show(struct stream *stream) {
        struct session *session = session_of(stream);

        counters_subtract(&session->totals, &stream->shown);
        stream->shown = stream->file.state.counters;
        counters_add(&session->totals, &stream->shown);
        session_show(session);
}

int stream_init(struct stream *stream, struct channel *channel, uint32_t cpu, bool *ret_folded) {
        struct session *session = channel->set->session;
        struct stream_record record = {};

        *stream = (struct stream) {
                .channel = channel,
                .cpu = cpu,
                .state.next.time = channel->geometry.created,
        };
        stream_file_init(&stream->file, &channel->set->trace, channel->name, channel->stream_id, cpu);
        /* Of a discard ring the file tells all that one can rely on: see stream-check.h. */
        if (session->resumed && !(session->rebooted && channel_discards(channel)))
                checkpoint_load(own(stream), session->record.generation, &record, sizeof(record));
        if (record.major != 0 && record.major != STREAM_RECORD_MAJOR)
                return -EPROTONOSUPPORT;
        *ret_folded = record.major > 0 && record.folded;
        if (*ret_folded)
                return 1;
        if (record.major > 0) {
                stream->state = record.state;
                stream->file.state = record.file;
                if (!session->rebooted)
                        stream_file_resume(&stream->file, record.data_size, record.index_size);
        }
        stream_save(stream);
        return record.major > 0;
}

void stream_done(struct stream *stream) {
        stream_file_done(&stream->file);
}

void stream_record(const struct stream *stream, struct stream_record *ret) {
        *ret = (struct stream_record) {
                .major = STREAM_RECORD_MAJOR,
                .minor = STREAM_RECORD_MINOR,
                .state = stream->state,
                .file = stream->file.state,
                .data_size = stream->file.data.size,
                .index_size = stream->file.index.size,
        };
}

/*
 * The record first: it is what counts. A successor does the other two again from
 * it. Writers second, since the record is what lets the ring's copy go; the page
 * may be behind but not ahead.
 */
void stream_save(struct stream *stream) {
        struct stream_record record;

        stream_record(stream, &record);
        checkpoint_save(own(stream), &record, sizeof(record));
        tell_writers(stream);
        show(stream);
}

void stream_propose(struct stream *stream, const struct stream_record *record) {
        checkpoint_propose(own(stream), session_next_generation(session_of(stream)), record, sizeof(*record));
}

void stream_settle_proposal(struct stream *stream) {
        checkpoint_settle(own(stream), session_of(stream)->record.generation);
}

void stream_clear(struct stream *stream) {
        struct stream_state *state = &stream->state;

        *state = (struct stream_state) {
                .next = state->next,
                .floor = state->next,
                .snapshotted = state->next.position,
                .ring_discarded = state->ring_discarded,
                .cleared = state->ring_discarded,
        };
        stream->file.state = (struct stream_file_state) {};
        stream->shown = (struct counters) {};
        stream_file_begin_anew(&stream->file);
}
