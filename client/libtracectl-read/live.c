/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A live stream is read in batches: up to each SYNC everything that happened is
 * there, so a reader of what has come since the last one can merge it. Packets
 * that go on behind that time are read again in the next batch, from there.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "client/libtracectl-read/export.h"
#include "client/libtracectl-read/live-input.h"
#include "client/libtracectl-read/reader.h"
#include "common/cleanup.h"

struct tracectl_reader_live {
        struct live_input input;
        tracectl_reader *reader; /* of the batch, or NULL */
        struct thread_tables threads; /* while there is no reader that has them */
        uint64_t shown;          /* ticks: everything before was in a batch */
};

DEFINE_CLEANUP(struct metadata *, metadata_free)

_public_ int tracectl_reader_live_new(int fd, tracectl_reader_live **ret) {
        tracectl_reader_live *live = calloc(1, sizeof(*live));

        if (!live)
                return -ENOMEM;
        live->input.fd = fd;
        STAILQ_INIT(&live->input.packets);
        *ret = live;
        return 0;
}

_public_ void tracectl_reader_live_free(tracectl_reader_live *live) {
        if (!live)
                return;
        tracectl_reader_free(live->reader);
        thread_tables_done(&live->threads);
        live_input_done(&live->input);
        free(live);
}

_public_ int tracectl_reader_live_get_fd(const tracectl_reader_live *live) {
        return live->input.fd;
}

static int make_file(const struct live_packet *packet, int *ret) {
        _cleanup_close_ int fd = -1;
        size_t done = 0;

        fd = memfd_create("tracectl-live", MFD_CLOEXEC);
        if (fd < 0)
                return -errno;
        while (done < packet->size) {
                ssize_t n = write(fd, packet->data + done, packet->size - done);

                if (n < 0)
                        return -errno;
                done += (size_t) n;
        }
        *ret = TAKE_FD(fd);
        return 0;
}

static int add_packet(struct tracectl_reader_live *live, struct trace *trace, const struct live_packet *packet) {
        tracectl_reader *reader = live->reader;
        struct stream *stream;
        int fd = -1, r;

        r = make_file(packet, &fd);
        if (r < 0)
                return r;
        r = trace_add_file(&reader->traces, trace, &reader->report, fd, "the live stream", &stream);
        if (r >= 0 && packet->is_shown && trace->metadata->clocks)
                stream->since = clock_to_ns(trace->metadata->clocks, live->shown);
        return r;
}

static bool has_ready(const struct live_input *input, const struct live_trace *of) {
        const struct live_packet *packet;

        STAILQ_FOREACH(packet, &input->packets, entries)
                if (packet->trace == of && packet->is_ready)
                        return true;
        return false;
}

static int add_trace(struct tracectl_reader_live *live, const struct live_trace *of, uint64_t until) {
        _cleanup_(metadata_freep) struct metadata *metadata = NULL;
        tracectl_reader *reader = live->reader;
        const struct live_packet *packet;
        struct trace *trace;
        int r;

        r = metadata_parse(of->metadata, of->metadata_size, "the live stream's metadata", &reader->problem, &metadata);
        if (r >= 0)
                r = traces_add(&reader->traces, &metadata, &trace);
        if (r < 0)
                return r;
        if (until < UINT64_MAX && trace->metadata->clocks)
                reader->until = clock_to_ns(trace->metadata->clocks, until);
        STAILQ_FOREACH(packet, &live->input.packets, entries)
                if (r >= 0 && packet->trace == of && packet->is_ready)
                        r = add_packet(live, trace, packet);
        return r;
}

/* Those that ended are through, at the end of the stream all; the others go on in the next batch. */
static void drop_packets(struct tracectl_reader_live *live, uint64_t until) {
        struct live_packets *packets = &live->input.packets;
        struct live_packet *packet = STAILQ_FIRST(packets);

        while (packet) {
                struct live_packet *next = STAILQ_NEXT(packet, entries);

                if (packet->is_ready && (packet->end < until || until == UINT64_MAX)) {
                        STAILQ_REMOVE(packets, packet, live_packet, entries);
                        free(packet);
                } else if (packet->is_ready)
                        packet->is_shown = true;
                packet = next;
        }
}

/* A batch of everything before that time. */
static int make_batch(struct tracectl_reader_live *live, uint64_t until) {
        const struct live_trace *trace;
        int r;

        r = tracectl_reader_new(&live->reader);
        if (r < 0)
                return r;
        live->reader->traces.threads = live->threads;
        SLIST_INIT(&live->threads);
        SLIST_FOREACH(trace, &live->input.traces, entries)
                if (r >= 0 && has_ready(&live->input, trace))
                        r = add_trace(live, trace, until);
        if (r < 0)
                return r;
        drop_packets(live, until);
        live->shown = until;
        return live->reader->traces.n > 0;
}

_public_ int tracectl_reader_live_take(tracectl_reader_live *live, tracectl_reader **ret) {
        struct live_input *input = &live->input;
        struct live_packet *packet;
        uint64_t until;
        int r;

        if (live->reader) {
                live->threads = live->reader->traces.threads;
                SLIST_INIT(&live->reader->traces.threads);
        }
        tracectl_reader_free(live->reader);
        live->reader = NULL;
        r = live_input_read(input);
        if (r < 0)
                return r;
        if (!input->has_sync && !input->has_ended)
                return 0;
        until = input->has_ended ? UINT64_MAX : input->sync;
        if (input->has_ended) {
                if (STAILQ_EMPTY(&input->packets))
                        return -EPIPE;
                STAILQ_FOREACH(packet, &input->packets, entries)
                        packet->is_ready = true;
        }
        input->has_sync = false;
        r = make_batch(live, until);
        if (r > 0)
                *ret = live->reader;
        return r;
}

_public_ int64_t tracectl_reader_live_get_time(const tracectl_reader_live *live) {
        return (int64_t) live->input.realtime;
}

_public_ uint64_t tracectl_reader_live_get_discarded(const tracectl_reader_live *live) {
        return live->input.discarded;
}

_public_ uint64_t tracectl_reader_live_get_packets_lost(const tracectl_reader_live *live) {
        return live->input.packets_lost;
}

_public_ uint64_t tracectl_reader_live_get_events_lost(const tracectl_reader_live *live) {
        return live->input.events_lost;
}
