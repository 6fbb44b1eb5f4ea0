/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <unistd.h>

#include "consumer/kernel.h"

static struct session *session_of(const struct kernel_stream *stream) {
        return stream->channel->kernel->session;
}

static struct checkpoint *own(const struct kernel_stream *stream) {
        return &kernel_channel_own(stream->channel, stream->cpu)->record;
}

static void show(struct kernel_stream *stream) {
        struct session *session = session_of(stream);

        counters_subtract(&session->totals, &stream->shown);
        stream->shown = stream->file.state.counters;
        counters_add(&session->totals, &stream->shown);
        session_show(session);
}

/* What a named snapshot had read is gone with it: it is made again, of what is still there. */
static void count_unsettled(struct kernel_stream *stream) {
        stream->state.discarded += stream->state.unsettled;
        stream->file.state.counters.lost_ring += stream->state.unsettled;
        stream->state.unsettled = 0;
}

static void find_pending(struct kernel_stream *stream) {
        const struct kernel_channel *channel = stream->channel;
        const char *page = kernel_channel_page(channel, stream->cpu);

        stream->pending = kernel_channel_own(channel, stream->cpu)->reading == stream->state.pages &&
                          kernel_page_size(&channel->layout, page) > 0;
}

int kernel_stream_init(struct kernel_stream *stream, struct kernel_channel *channel, uint32_t cpu, bool *ret_folded) {
        struct session *session = channel->kernel->session;
        struct kernel_stream_record record = {};

        *stream = (struct kernel_stream) { .channel = channel, .cpu = cpu, .pipe = -1, .stats = -1 };
        stream_file_init(&stream->file, &channel->kernel->trace, channel->name, channel->stream_id, cpu);
        if (session->resumed)
                checkpoint_load(own(stream), session->record.generation, &record, sizeof(record));
        if (record.major != 0 && record.major != KERNEL_STREAM_RECORD_MAJOR)
                return -EPROTONOSUPPORT;
        *ret_folded = record.major > 0 && record.folded;
        if (*ret_folded)
                return 1;
        if (record.major > 0) {
                stream->state = record.state;
                stream->file.state = record.file;
                stream_file_resume(&stream->file, record.data_size, record.index_size);
                find_pending(stream);
                count_unsettled(stream);
        }
        kernel_stream_save(stream);
        return record.major > 0;
}

void kernel_stream_done(struct kernel_stream *stream) {
        kernel_stream_set_pipe(stream, -1, -1);
        stream_file_done(&stream->file);
}

void kernel_stream_set_pipe(struct kernel_stream *stream, int pipe, int stats) {
        if (stream->pipe >= 0)
                close(stream->pipe);
        if (stream->stats >= 0)
                close(stream->stats);
        stream->pipe = pipe;
        stream->stats = stats;
}

void kernel_stream_record(const struct kernel_stream *stream, struct kernel_stream_record *ret) {
        *ret = (struct kernel_stream_record) {
                .major = KERNEL_STREAM_RECORD_MAJOR,
                .minor = KERNEL_STREAM_RECORD_MINOR,
                .state = stream->state,
                .file = stream->file.state,
                .data_size = stream->file.data.size,
                .index_size = stream->file.index.size,
        };
}

/* The record first: it is what counts. The page may be behind but not ahead. */
void kernel_stream_save(struct kernel_stream *stream) {
        struct kernel_stream_record record;

        kernel_stream_record(stream, &record);
        checkpoint_save(own(stream), &record, sizeof(record));
        show(stream);
}

void kernel_stream_propose(struct kernel_stream *stream, const struct kernel_stream_record *record) {
        checkpoint_propose(own(stream), session_next_generation(session_of(stream)), record, sizeof(*record));
}

void kernel_stream_settle_proposal(struct kernel_stream *stream) {
        checkpoint_settle(own(stream), session_of(stream)->record.generation);
}
