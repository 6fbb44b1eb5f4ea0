/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "consumer/kernel.h"
#include "consumer/operation.h"
#include "consumer/snapshot.h"

static int snapshot_into(struct trace *trace, struct channel *channel, uint64_t latest, struct counters *counters) {
        int r = 0;

        for (uint32_t i = 0; i < channel->geometry.n_cpus; i++) {
                struct stream *stream = &channel->streams[i];
                struct stream_file file;
                int q;

                stream_file_init(&file, trace, channel->name, channel->stream_id, i);
                q = snapshot_stream(stream, &file, stream->state.floor, latest);
                r = r < 0 ? r : q;
                counters_add(counters, &file.state.counters);
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

static int snapshot_set(struct set *set, const char *name, uint64_t latest, struct counters *counters) {
        struct channel *channel;
        struct trace trace;
        int r;

        if (!has_overwrite(set))
                return 0;
        r = trace_init(&trace, set->session, &set->identity, &set->classes, NULL, name);
        if (r < 0)
                return r;
        trace.counters = counters;
        r = trace_sync(&trace);
        LIST_FOREACH(channel, &set->channels, entries)
                if (r >= 0 && channel_overwrites(channel))
                        r = snapshot_into(&trace, channel, latest, counters);
        trace_done(&trace);
        return r;
}

static void propose_all(const struct sets *sets) {
        struct stream_record record;
        struct channel *channel;
        struct set *set;

        LIST_FOREACH(set, sets, entries)
                LIST_FOREACH(channel, &set->channels, entries)
                        for (uint32_t i = 0; channel_overwrites(channel) && i < channel->geometry.n_cpus; i++) {
                                stream_record(&channel->streams[i], &record);
                                stream_propose(&channel->streams[i], &record);
                        }
}

/* As the commit has it; saving again is what settles, and shows. */
static void save_all(const struct sets *sets) {
        struct channel *channel;
        struct set *set;

        LIST_FOREACH(set, sets, entries)
                LIST_FOREACH(channel, &set->channels, entries)
                        for (uint32_t i = 0; channel_overwrites(channel) && i < channel->geometry.n_cpus; i++) {
                                stream_settle_proposal(&channel->streams[i]);
                                stream_save(&channel->streams[i]);
                        }
}

static bool any_overwrites(const struct sets *sets) {
        struct set *set;

        LIST_FOREACH(set, sets, entries)
                if (has_overwrite(set))
                        return true;
        return false;
}

/* Also what is of it where the disk is full. */
static int publish(struct session *session, const char *name, int result) {
        struct request request = { .kind = REQUEST_PUBLISH };
        int r;

        if (!session->has_rings)
                return result;
        strcpy(request.snapshot, name);
        r = output_ask(&session->output, &request);
        return result < 0 ? result : r;
}

/*
 * The files are complete before the commit; what they count and how far the
 * streams have come holds with it, or the files are made again.
 */
int snapshot_named(struct session *session, const struct sets *sets, const char *name, bool resume, uint64_t latest) {
        struct operation operation = { .kind = CONSUMER_SNAPSHOT, .name = name, .resume = resume };
        struct counters counters = {};
        struct set *set;
        int r;

        if (operation_was_done(session, &operation, &r))
                return r;
        if (!any_overwrites(sets) && !kernel_overwrites(session->kernel))
                return 0;
        r = operation_prepare(session, &operation);
        if (r < 0)
                return r;
        operation_set_running(session, &operation);
        session_save(session);
        LIST_FOREACH(set, sets, entries) {
                int q = snapshot_set(set, name, latest, &counters);

                r = r < 0 ? r : q;
        }
        if (r >= 0)
                r = kernel_snapshot_named(session->kernel, name, &counters);
        r = publish(session, name, r);
        propose_all(sets);
        kernel_propose(session->kernel);
        counters_add(&session->record.base, &counters);
        operation_set_done(session, r);
        session_commit(session);
        counters_add(&session->totals, &counters);
        save_all(sets);
        kernel_save(session->kernel);
        session_show(session);
        return r;
}
