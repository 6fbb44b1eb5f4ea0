/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "consumer/channel.h"
#include "consumer/chunk.h"
#include "consumer/kernel.h"
#include "consumer/operation.h"
#include "consumer/snapshot.h"

typedef void (*stream_function_t)(struct stream *stream);

static void for_channel(struct channel *channel, stream_function_t function) {
        for (uint32_t i = 0; !channel->folded && i < channel->geometry.n_cpus; i++)
                function(&channel->streams[i]);
}

static void for_all(const struct sets *sets, stream_function_t function) {
        struct channel *channel;
        struct set *set;

        LIST_FOREACH(set, sets, entries)
                LIST_FOREACH(channel, &set->channels, entries)
                        for_channel(channel, function);
}

static void settle_all(const struct session *session, const struct sets *sets) {
        for_all(sets, stream_settle_proposal);
        kernel_settle_proposals(session->kernel);
}

static void propose_as_it_is(struct stream *stream) {
        struct stream_record record;

        stream_record(stream, &record);
        stream_propose(stream, &record);
}

static void propose_new_files(struct stream *stream) {
        struct stream_record record;

        stream_record(stream, &record);
        record.data_size = record.index_size = 0;
        stream_file_state_begin_anew(&record.file);
        stream_propose(stream, &record);
}

static void propose_folded(struct stream *stream) {
        struct stream_record record;

        stream_record(stream, &record);
        record.folded = 1;
        stream_propose(stream, &record);
}

static void begin_anew(struct stream *stream) {
        stream_file_begin_anew(&stream->file);
}

static uint64_t metadata_bytes(const struct session *session, const struct sets *sets) {
        uint64_t bytes = 0;
        struct set *set;

        LIST_FOREACH(set, sets, entries)
                if (set_is_live(set))
                        bytes += set->trace.metadata.size;
        return bytes + kernel_metadata_bytes(session->kernel);
}

static int begin_traces(const struct session *session, const struct sets *sets) {
        struct set *set;
        int r = 0, q;

        LIST_FOREACH(set, sets, entries) {
                trace_begin_anew(&set->trace);
                q = set_sync(set);
                r = r < 0 ? r : q;
        }
        q = kernel_begin_trace(session->kernel);
        return r < 0 ? r : q;
}

/* Without metadata there is nothing in a trace, and no reader takes it for one: it would spoil the whole output. */
static int check_readable(const struct session *session, const struct sets *sets) {
        struct set *set;

        LIST_FOREACH(set, sets, entries) {
                int r = set_sync(set);

                if (r < 0 && set->trace.metadata.size == 0)
                        return r;
        }
        return kernel_check_readable(session->kernel);
}

/*
 * With the commit the records say that there are no files yet, and the session
 * says that the old ones have still to be moved: a successor does that before it
 * opens any. Moving first would leave records of files that are elsewhere. The
 * name is known to be free, so moving fails where the output fails as a whole.
 */
int chunk_rotate(struct session *session, const struct sets *sets, const char *name, const struct session_clock *clock,
                 bool resume) {
        struct operation operation = { .kind = CONSUMER_ROTATE, .name = name, .resume = resume };
        const struct session_clock before = session->record.clock;
        uint64_t bytes;
        int r;

        if (operation_was_done(session, &operation, &r))
                return r;
        r = check_readable(session, sets);
        if (r >= 0)
                r = operation_prepare(session, &operation);
        if (r < 0)
                return r;
        bytes = metadata_bytes(session, sets);
        for_all(sets, propose_new_files);
        kernel_propose_new_files(session->kernel);
        session->record.base.bytes += bytes;
        if (clock->frequency > 0)
                session->record.clock = *clock;
        operation_set_running(session, &operation);
        session_commit(session);
        settle_all(session, sets);
        r = output_move(&session->output, name);
        operation_set_done(session, r);
        if (r < 0) {
                for_all(sets, propose_as_it_is);
                kernel_propose(session->kernel);
                session->record.base.bytes -= bytes;
                session->record.clock = before;
                session_commit(session);
                settle_all(session, sets);
                return r;
        }
        session_save(session);
        session_set_clock(session, &session->record.clock);
        for_all(sets, begin_anew);
        kernel_begin_anew(session->kernel);
        /* A full disk is no reason to refuse; every packet tries again. */
        (void) begin_traces(session, sets);
        return 0;
}

int chunk_trim(struct session *session, uint32_t keep_kib) {
        uint32_t *shown = &session->output.status->chunks_removed, removed;
        int r;

        r = output_trim(&session->output, keep_kib, &removed);
        if (removed > *shown)
                __atomic_store_n(shown, removed, __ATOMIC_RELAXED);
        return r;
}

static void skip_overwrite(const struct sets *sets, uint64_t latest) {
        struct channel *channel;
        struct set *set;

        LIST_FOREACH(set, sets, entries)
                LIST_FOREACH(channel, &set->channels, entries)
                        for (uint32_t i = 0; channel_overwrites(channel) && i < channel->geometry.n_cpus; i++)
                                snapshot_skip(&channel->streams[i], latest);
}

/*
 * With the commit nothing is in any file and nothing was counted. A successor
 * that finds files empties those that it opens; the others go when it is asked
 * again, as it is since nobody was answered.
 */
int chunk_clear(struct session *session, const struct sets *sets, uint64_t latest) {
        static const struct counters none;
        int r;

        skip_overwrite(sets, latest);
        for_all(sets, stream_clear);
        kernel_clear(session->kernel);
        for_all(sets, propose_as_it_is);
        kernel_propose(session->kernel);
        session->record.base = none;
        session_commit(session);
        settle_all(session, sets);
        session_restart(session, &none);
        r = output_remove(&session->output, "");
        (void) begin_traces(session, sets);
        return r;
}

/* The set's last channel takes the metadata with it. */
static bool is_last(const struct channel *channel) {
        struct channel *other;

        LIST_FOREACH(other, &channel->set->channels, entries)
                if (other != channel && !other->folded)
                        return false;
        return true;
}

void chunk_fold(struct channel *channel) {
        struct session *session = channel->set->session;
        struct counters *base = &session->record.base;

        for_channel(channel, stream_save);
        for_channel(channel, propose_folded);
        for (uint32_t i = 0; i < channel->geometry.n_cpus; i++)
                counters_add(base, &channel->streams[i].file.state.counters);
        if (is_last(channel))
                base->bytes += channel->set->trace.metadata.size;
        session_commit(session);
        for_channel(channel, stream_settle_proposal);
}
