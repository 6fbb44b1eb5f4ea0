/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "consumer/channel.h"
#include "consumer/stream-check.h"
#include "protocol/ctf.h"

/* A packet has what one sub-buffer held, and perhaps a tracectl:thread of the drainer. */
static size_t records_max(const struct channel *channel) {
        return channel->geometry.subbuf_size + CTF_COMPACT_SIZE + CTF_THREAD_PAYLOAD;
}

/* What a packet's header says that does not depend on its records. */
static bool header_makes_sense(const struct channel *channel, const struct stream_file *file,
                               const struct ctf_packet *h) {
        return h->magic == CTF_MAGIC && memcmp(h->uuid, file->trace->uuid, sizeof(h->uuid)) == 0 &&
               h->stream_id == file->stream_id && h->cpu_id == file->cpu && h->packet_size == h->content_size &&
               h->packet_size % 8 == 0 && h->packet_size / 8 >= sizeof(*h) &&
               h->packet_size / 8 <= sizeof(*h) + records_max(channel) && h->timestamp_begin >= file->state.end &&
               h->timestamp_end >= h->timestamp_begin && h->events_discarded >= file->state.discarded;
}

/* Whether all of it is there; 0 where not. */
static int read_all(int fd, void *data, size_t size, uint64_t offset) {
        ssize_t n;

        do
                n = pread(fd, data, size, (off_t) offset);
        while (n < 0 && errno == EINTR);
        return n == (ssize_t) size;
}

static bool check_packet(const struct channel *channel, const struct stream_file *file, struct ctf_packet *h,
                         struct walk_result *ret) {
        char *scratch = channel->set->session->scratch;
        size_t size;

        if (!read_all(file->data.fd, h, sizeof(*h), file->data.size) || !header_makes_sense(channel, file, h))
                return false;
        size = h->packet_size / 8 - sizeof(*h);
        if (!read_all(file->data.fd, scratch, size, file->data.size + sizeof(*h)))
                return false;
        walker_walk(&channel->walker, scratch, size, h->timestamp_begin, h->timestamp_end, file->state.thread, ret);
        return ret->valid == size;
}

static void count_packet(struct stream_file *file, const struct ctf_packet *h, const struct walk_result *walk,
                         int index) {
        struct stream_file_state *state = &file->state;

        file->data.size += h->packet_size / 8;
        state->end = h->timestamp_end;
        state->discarded = h->events_discarded;
        state->thread = walk->thread;
        state->counters.events += walk->events;
        state->counters.lost_ring = h->events_discarded;
        state->counters.packets++;
        state->counters.bytes += h->packet_size / 8 + (uint64_t) index;
}

/* An existing file from its beginning, or a new one. */
static int open_one(struct stream_file *file, enum request_kind kind, bool make, struct file *ret) {
        int r = trace_open(file->trace, kind, file->channel, file->cpu, true, ret);

        if (r == -ENOENT && make)
                r = trace_open(file->trace, kind, file->channel, file->cpu, false, ret);
        if (r >= 0)
                ret->dirty = true;
        return r;
}

/* Without the file nothing was recorded, or nothing of it got to the disk. */
static int open_files(struct stream *stream) {
        struct stream_file *file = &stream->file;
        int r;

        r = session_reserve_scratch(stream->channel->set->session, records_max(stream->channel));
        if (r >= 0)
                r = open_one(file, REQUEST_STREAM, false, &file->data);
        if (r >= 0)
                r = open_one(file, REQUEST_INDEX, true, &file->index);
        return r;
}

static void check(struct stream *stream) {
        struct stream_file *file = &stream->file;
        struct ctf_packet header;
        struct walk_result walk;
        int r;

        stream_file_done(file);
        file->state = (struct stream_file_state) {};
        if (open_files(stream) < 0)
                return;
        while (check_packet(stream->channel, file, &header, &walk)) {
                r = stream_file_append_index(file, &header, file->data.size);
                if (r < 0)
                        break;
                count_packet(file, &header, &walk, r);
                stream->state.discarded = header.events_discarded;
        }
        file_shrink(&file->data, 0);
        file_shrink(&file->index, 0);
        stream->state.next.time = file->state.end > stream->state.next.time ? file->state.end : stream->state.next.time;
}

static void check_set(struct set *set) {
        struct channel *channel;

        LIST_FOREACH(channel, &set->channels, entries)
                for (uint32_t i = 0; i < channel->geometry.n_cpus; i++) {
                        struct stream *stream = &channel->streams[i];

                        check(stream);
                        stream->has_ended = channel_discards(channel);
                        stream_save(stream);
                }
}

/* What is there is read alone: it was brought to the disk before it got this name. */
static void count_stream(const struct channel *channel, struct trace *chunk, uint32_t cpu, struct counters *counters) {
        struct stream_file file;
        struct ctf_packet header;
        struct walk_result walk;

        stream_file_init(&file, chunk, channel->name, channel->stream_id, cpu);
        if (open_one(&file, REQUEST_STREAM, false, &file.data) >= 0 &&
            read_all(file.data.fd, &header, sizeof(header), 0)) {
                /* A snapshot has one of its own. */
                memcpy(chunk->uuid, header.uuid, sizeof(chunk->uuid));
                while (check_packet(channel, &file, &header, &walk))
                        count_packet(&file, &header, &walk, 0);
        }
        counters_add(counters, &file.state.counters);
        stream_file_done(&file);
}

static void count_chunk(const struct sets *sets, const char *name, struct counters *counters) {
        struct channel *channel;
        struct set *set;

        LIST_FOREACH(set, sets, entries) {
                struct trace chunk = { .session = set->session, .set = &set->identity, .metadata = FILE_INIT };

                memcpy(chunk.snapshot, name, strlen(name) + 1);
                LIST_FOREACH(channel, &set->channels, entries)
                        for (uint32_t i = 0; i < channel->geometry.n_cpus; i++)
                                count_stream(channel, &chunk, i, counters);
        }
}

/* The records are of other times than the directories: what counts is what is there. */
void stream_check_all(struct session *session, const struct sets *sets) {
        struct counters *base = &session->record.base;
        char name[CONSUMER_NAME_MAX];
        struct set *set;

        counters_subtract(&session->totals, base);
        *base = (struct counters) {};
        LIST_FOREACH(set, sets, entries)
                check_set(set);
        while (output_next(&session->output, name) >= 0)
                count_chunk(sets, name, base);
        counters_add(&session->totals, base);
        session_save(session);
        session_restart(session, &session->totals);
}
