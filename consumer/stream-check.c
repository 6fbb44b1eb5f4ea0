/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "consumer/channel.h"
#include "consumer/stream-check.h"
#include "protocol/ctf.h"

/* A packet has what one sub-buffer held, and perhaps a tracectl:thread of the drainer. */
static size_t records_max(const struct stream *stream) {
        return stream->channel->geometry.subbuf_size + CTF_COMPACT_SIZE + CTF_THREAD_PAYLOAD;
}

/* What a packet's header says that does not depend on its records. */
static bool header_makes_sense(const struct stream *stream, const struct ctf_packet *h) {
        const struct stream_file *file = &stream->file;

        return h->magic == CTF_MAGIC && memcmp(h->uuid, file->trace->uuid, sizeof(h->uuid)) == 0 &&
               h->stream_id == file->stream_id && h->cpu_id == file->cpu && h->packet_size == h->content_size &&
               h->packet_size % 8 == 0 && h->packet_size / 8 >= sizeof(*h) &&
               h->packet_size / 8 <= sizeof(*h) + records_max(stream) && h->timestamp_begin >= file->state.end &&
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

static bool check_packet(const struct stream *stream, struct ctf_packet *h, struct walk_result *ret) {
        const struct stream_file *file = &stream->file;
        char *scratch = stream->channel->set->session->scratch;
        size_t size;

        if (!read_all(file->data.fd, h, sizeof(*h), file->data.size) || !header_makes_sense(stream, h))
                return false;
        size = h->packet_size / 8 - sizeof(*h);
        if (!read_all(file->data.fd, scratch, size, file->data.size + sizeof(*h)))
                return false;
        walker_walk(&stream->channel->walker, scratch, size, h->timestamp_begin, h->timestamp_end, file->state.thread,
                    ret);
        return ret->valid == size;
}

static void count_packet(struct stream *stream, const struct ctf_packet *h, const struct walk_result *walk, int index) {
        struct stream_file_state *state = &stream->file.state;

        stream->file.data.size += h->packet_size / 8;
        state->end = h->timestamp_end;
        state->discarded = stream->state.discarded = h->events_discarded;
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

        r = session_reserve_scratch(stream->channel->set->session, records_max(stream));
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
        while (check_packet(stream, &header, &walk)) {
                r = stream_file_append_index(file, &header, file->data.size);
                if (r < 0)
                        break;
                count_packet(stream, &header, &walk, r);
        }
        file_shrink(&file->data, 0);
        file_shrink(&file->index, 0);
        stream->state.next.time = file->state.end > stream->state.next.time ? file->state.end : stream->state.next.time;
}

void stream_check_all(struct set *set) {
        struct channel *channel;

        LIST_FOREACH(channel, &set->channels, entries)
                for (uint32_t i = 0; i < channel->geometry.n_cpus; i++) {
                        struct stream *stream = &channel->streams[i];

                        check(stream);
                        stream->has_ended = channel_discards(channel);
                        stream_save(stream);
                }
}
