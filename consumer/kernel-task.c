/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "consumer/kernel.h"

typedef void (*stream_function_t)(struct kernel_stream *stream);

static void for_channel(struct kernel_channel *channel, stream_function_t function) {
        for (uint32_t i = 0; !channel->folded && i < channel->n_cpus; i++)
                function(&channel->streams[i]);
}

static void for_all(struct kernel *kernel, stream_function_t function) {
        struct kernel_channel *channel;

        if (!kernel)
                return;
        LIST_FOREACH(channel, &kernel->channels, entries)
                for_channel(channel, function);
}

static void settle_stream(struct kernel_stream *stream) {
        if (!stream->channel->overwrite)
                kernel_stream_settle(stream, &stream->file);
}

void kernel_settle(struct kernel *kernel) {
        for_all(kernel, settle_stream);
}

/* What an overwrite ring holds, which nobody reads before. */
static void empty_into(struct kernel_stream *stream, struct stream_file *file) {
        while (kernel_stream_drain(stream, file, KERNEL_DRAIN_END))
                ;
        kernel_stream_settle(stream, file);
}

static void empty(struct kernel_stream *stream) {
        if (stream->channel->overwrite)
                empty_into(stream, &stream->file);
}

void kernel_finish(struct kernel *kernel) {
        for_all(kernel, empty);
}

static int output_error(const struct kernel *kernel) {
        return -kernel->session->output.status->output_error;
}

int kernel_snapshot(struct kernel *kernel) {
        if (!kernel_overwrites(kernel))
                return 0;
        for_all(kernel, empty);
        return output_error(kernel);
}

bool kernel_overwrites(const struct kernel *kernel) {
        struct kernel_channel *channel;

        if (!kernel)
                return false;
        LIST_FOREACH(channel, &kernel->channels, entries)
                if (channel->overwrite && !channel->folded)
                        return true;
        return false;
}

static void snapshot_channel(struct kernel_channel *channel, struct trace *trace, struct counters *counters) {
        for (uint32_t i = 0; i < channel->n_cpus; i++) {
                struct stream_file file;

                stream_file_init(&file, trace, channel->name, channel->stream_id, i);
                empty_into(&channel->streams[i], &file);
                counters_add(counters, &file.state.counters);
                stream_file_done(&file);
        }
}

int kernel_snapshot_named(struct kernel *kernel, const char *name, struct counters *counters) {
        struct kernel_channel *channel;
        struct trace trace;
        int r;

        if (!kernel_overwrites(kernel))
                return 0;
        r = trace_init(&trace, kernel->session, &kernel->identity, &kernel->classes, NULL, name);
        if (r < 0)
                return r;
        trace.counters = counters;
        r = trace_sync(&trace);
        LIST_FOREACH(channel, &kernel->channels, entries)
                if (r >= 0 && channel->overwrite && !channel->folded)
                        snapshot_channel(channel, &trace, counters);
        trace_done(&trace);
        return r < 0 ? r : output_error(kernel);
}

static void propose(struct kernel_stream *stream) {
        struct kernel_stream_record record;

        stream->state.unsettled = 0;
        kernel_stream_record(stream, &record);
        kernel_stream_propose(stream, &record);
}

void kernel_propose(struct kernel *kernel) {
        for_all(kernel, propose);
}

static void propose_new_files(struct kernel_stream *stream) {
        struct kernel_stream_record record;

        kernel_stream_record(stream, &record);
        record.data_size = record.index_size = 0;
        stream_file_state_begin_anew(&record.file);
        kernel_stream_propose(stream, &record);
}

void kernel_propose_new_files(struct kernel *kernel) {
        for_all(kernel, propose_new_files);
}

void kernel_settle_proposals(struct kernel *kernel) {
        for_all(kernel, kernel_stream_settle_proposal);
}

void kernel_save(struct kernel *kernel) {
        for_all(kernel, kernel_stream_settle_proposal);
        for_all(kernel, kernel_stream_save);
}

void kernel_clear(struct kernel *kernel) {
        for_all(kernel, kernel_stream_clear);
}

static void begin_anew(struct kernel_stream *stream) {
        stream_file_begin_anew(&stream->file);
}

void kernel_begin_anew(struct kernel *kernel) {
        for_all(kernel, begin_anew);
}

static bool is_live(const struct kernel *kernel) {
        struct kernel_channel *channel;

        LIST_FOREACH(channel, &kernel->channels, entries)
                if (!channel->folded)
                        return true;
        return false;
}

int kernel_begin_trace(struct kernel *kernel) {
        if (!kernel)
                return 0;
        trace_begin_anew(&kernel->trace);
        return is_live(kernel) ? trace_sync(&kernel->trace) : 0;
}

int kernel_check_readable(struct kernel *kernel) {
        int r;

        if (!kernel || !is_live(kernel))
                return 0;
        r = trace_sync(&kernel->trace);
        return r < 0 && kernel->trace.metadata.size == 0 ? r : 0;
}

uint64_t kernel_metadata_bytes(const struct kernel *kernel) {
        return kernel && is_live(kernel) ? kernel->trace.metadata.size : 0;
}

static void propose_folded(struct kernel_stream *stream) {
        struct kernel_stream_record record;

        kernel_stream_record(stream, &record);
        record.folded = 1;
        kernel_stream_propose(stream, &record);
}

/* The session takes over what the channel counted, in one transaction; see chunk_fold(). */
static void fold(struct kernel *kernel, struct kernel_channel *channel) {
        struct counters *base = &kernel->session->record.base;

        for_channel(channel, kernel_stream_save);
        for_channel(channel, propose_folded);
        for (uint32_t i = 0; i < channel->n_cpus; i++)
                counters_add(base, &channel->streams[i].file.state.counters);
        channel->folded = true;
        if (!is_live(kernel))
                base->bytes += kernel->trace.metadata.size;
        session_commit(kernel->session);
        for (uint32_t i = 0; i < channel->n_cpus; i++)
                kernel_stream_settle_proposal(&channel->streams[i]);
}

void kernel_release(struct kernel *kernel, struct kernel_channel *channel) {
        for_channel(channel, channel->overwrite ? empty : settle_stream);
        if (!channel->folded)
                fold(kernel, channel);
        LIST_REMOVE(channel, entries);
        kernel_channel_free(channel);
        if (LIST_EMPTY(&kernel->channels)) {
                kernel->session->kernel = NULL;
                kernel_free(kernel);
        }
}
