/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "consumer/stream-file.h"
#include "protocol/ctf.h"

/* A tracectl:thread of our own, where the one that should stand there is not in the file. */
struct thread_record {
        uint32_t header;
        struct walk_thread thread;
};

_Static_assert(sizeof(struct thread_record) == CTF_COMPACT_SIZE + CTF_THREAD_PAYLOAD, "no padding");

void stream_file_init(struct stream_file *file, struct trace *trace, const char *channel, uint32_t stream_id,
                      uint32_t cpu) {
        *file = (struct stream_file) {
                .trace = trace,
                .channel = channel,
                .stream_id = stream_id,
                .cpu = cpu,
                .data = FILE_INIT,
                .index = FILE_INIT,
        };
}

void stream_file_done(struct stream_file *file) {
        file_done(&file->data);
        file_done(&file->index);
}

static int reopen_one(const struct stream_file *stream, enum request_kind kind, struct file *file) {
        struct file opened = FILE_INIT;
        struct stat st;
        int r;

        if (file->fd >= 0)
                return 0;
        r = trace_open(stream->trace, kind, stream->channel, stream->cpu, true, &opened);
        if (r == -ENOENT)
                return file->size > 0 ? -ESTALE : 0;
        if (r < 0)
                return r;
        if (fstat(opened.fd, &st) < 0 || (uint64_t) st.st_size < file->size) {
                file_done(&opened);
                return -ESTALE;
        }
        opened.size = file->size;
        *file = opened;
        /* Where it fails it is tried again before the next append. */
        file_shrink(file, 0);
        return 0;
}

static int reopen_files(struct stream_file *file) {
        int r;

        r = reopen_one(file, REQUEST_STREAM, &file->data);
        if (r >= 0)
                r = reopen_one(file, REQUEST_INDEX, &file->index);
        if (r >= 0)
                file->reopen = false;
        return r;
}

void stream_file_resume(struct stream_file *file, uint64_t data_size, uint64_t index_size) {
        file->reopen = true;
        file->data.size = data_size;
        file->index.size = index_size;
        (void) reopen_files(file);
}

void stream_file_state_begin_anew(struct stream_file_state *state) {
        /* Its reader knows of no writer yet. */
        state->thread = (struct walk_thread) {};
        state->told = state->discarded;
}

void stream_file_begin_anew(struct stream_file *file) {
        stream_file_done(file);
        file->reopen = false;
        stream_file_state_begin_anew(&file->state);
}

static int open_files(struct stream_file *file) {
        int r = 0;

        if (file->reopen)
                r = reopen_files(file);
        if (r >= 0 && file->data.fd < 0)
                r = trace_open(file->trace, REQUEST_STREAM, file->channel, file->cpu, false, &file->data);
        if (r >= 0 && file->index.fd < 0)
                r = trace_open(file->trace, REQUEST_INDEX, file->channel, file->cpu, false, &file->index);
        return r;
}

int stream_file_append_index(struct stream_file *file, const struct ctf_packet *packet, uint64_t offset) {
        struct ctf_index_header header = {
                .magic = htobe32(CTF_INDEX_MAGIC),
                .major = htobe32(CTF_INDEX_MAJOR),
                .minor = htobe32(CTF_INDEX_MINOR),
                .entry_size = htobe32(sizeof(struct ctf_index_entry)),
        };
        struct ctf_index_entry entry = {
                .offset = htobe64(offset),
                .packet_size = htobe64(packet->packet_size),
                .content_size = htobe64(packet->content_size),
                .timestamp_begin = htobe64(packet->timestamp_begin),
                .timestamp_end = htobe64(packet->timestamp_end),
                .events_discarded = htobe64(packet->events_discarded),
                .stream_id = htobe64(packet->stream_id),
                .stream_instance_id = htobe64(packet->cpu_id),
                .packet_seq_num = htobe64(packet->packet_seq_num),
        };
        struct iovec iov[] = {
                { &header, file->index.size == 0 ? sizeof(header) : 0 },
                { &entry, sizeof(entry) },
        };
        int size = (int) (iov[0].iov_len + iov[1].iov_len), r;

        r = file_append(&file->index, iov, 2);
        return r < 0 ? r : size;
}

static int append_packet(struct stream_file *file, const struct packet *p, uint64_t discarded) {
        struct stream_file_state *state = &file->state;
        struct ctf_packet header;
        bool attribute = p->size > 0 && memcmp(&p->before, &state->thread, sizeof(p->before)) != 0;
        struct thread_record record = {
                .header = ctf_compact_header(CTF_ID_THREAD, p->begin),
                .thread = p->before,
        };
        uint64_t size = sizeof(header) + (attribute ? sizeof(record) : 0) + p->size, offset = file->data.size;
        struct iovec iov[] = {
                { &header, sizeof(header) },
                { &record, attribute ? sizeof(record) : 0 },
                { (char *) p->records, p->size },
        };
        int r;

        header = (struct ctf_packet) {
                .magic = CTF_MAGIC,
                .stream_id = file->stream_id,
                .timestamp_begin = p->begin,
                .timestamp_end = p->end,
                .content_size = size * 8,
                .packet_size = size * 8,
                .packet_seq_num = p->sequence + state->extra,
                .events_discarded = discarded - state->told,
                .cpu_id = file->cpu,
        };
        memcpy(header.uuid, file->trace->uuid, sizeof(header.uuid));
        r = file_append(&file->data, iov, 3);
        if (r < 0)
                return r;
        r = stream_file_append_index(file, &header, offset);
        if (r < 0) {
                file_shrink(&file->data, size);
                return r;
        }
        state->counters.packets++;
        state->counters.bytes += size + (uint64_t) r;
        return 0;
}

static uint64_t min(uint64_t a, uint64_t b) {
        return a < b ? a : b;
}

/* How much later than its beginning the first record is; of a compact one we know the low bits of its time. */
static uint64_t delay_of_first(const struct packet *p) {
        uint32_t header;
        uint64_t exact;

        if (p->size == 0)
                return p->end - p->begin;
        if (p->first)
                return p->first - p->begin;
        memcpy(&header, p->records, sizeof(header));
        if ((header & ((1 << CTF_COMPACT_ID_BITS) - 1)) != CTF_ID_EXTENDED)
                return ((header >> CTF_COMPACT_ID_BITS) - p->begin) & CTF_COMPACT_TIME_MASK;
        memcpy(&exact, p->records + CTF_EXTENDED_SIZE - sizeof(exact), sizeof(exact));
        return exact - p->begin;
}

/*
 * Readers count discarded events from one packet to the next, so they do not
 * know how many a file's first packet tells of: an empty one that tells of none
 * comes first. They must not begin in the same nanosecond, or babeltrace2 takes
 * them the wrong way round when it reads several chunks as one trace: the empty
 * one begins earlier if the file before lets it, the other one later if its first
 * record does.
 */
static int append_first(struct stream_file *file, struct packet *p) {
        struct packet empty = { .begin = p->begin, .sequence = p->sequence };
        uint64_t earlier = min(p->begin - min(file->state.end, p->begin), NANOSECOND_MAX);
        int r;

        empty.begin -= earlier;
        p->begin += min(delay_of_first(p), NANOSECOND_MAX - earlier);
        empty.end = empty.begin;
        r = append_packet(file, &empty, file->state.discarded);
        if (r < 0)
                return r;
        file->state.extra++;
        return 0;
}

/* The kernel's events say themselves whose they are, and have no such records. */
static bool has_writer(const struct walk_thread *thread) {
        return memcmp(thread, &(struct walk_thread) { 0 }, sizeof(*thread)) != 0;
}

/* What the output does to it does not matter to those who read along. */
static void send_live(const struct stream_file *file, const struct packet *p, uint64_t discarded) {
        struct live *live = &file->trace->session->live;
        struct thread_record record = {
                .header = ctf_compact_header(CTF_ID_THREAD, p->begin),
                .thread = p->before,
        };
        size_t thread_size = has_writer(&p->before) ? sizeof(record) : 0;
        struct ctf_packet header = {
                .magic = CTF_MAGIC,
                .stream_id = file->stream_id,
                .timestamp_begin = p->begin,
                .timestamp_end = p->end,
                .content_size = (sizeof(header) + thread_size + p->size) * 8,
                .packet_size = (sizeof(header) + thread_size + p->size) * 8,
                .packet_seq_num = p->sequence,
                .events_discarded = discarded,
                .cpu_id = file->cpu,
        };

        if (!live_is_used(live) || file->trace->snapshot[0])
                return;
        memcpy(header.uuid, file->trace->uuid, sizeof(header.uuid));
        live_send(live, &(struct live_packet) {
                                .trace = file->trace,
                                .header = &header,
                                .thread = &record,
                                .thread_size = thread_size,
                                .records = p->records,
                                .size = p->size,
                                .events = p->events,
                        });
}

int stream_file_write(struct stream_file *file, const struct packet *p) {
        struct stream_file_state *state = &file->state;
        uint64_t discarded = p->discarded + state->counters.lost_output;
        struct packet packet = *p;
        int r;

        /* What begins where the one before ended may begin together with it, where that one had no duration. */
        if (p->begin <= state->end)
                packet.begin += min(delay_of_first(p), 2 * NANOSECOND_MAX);
        send_live(file, p, discarded);
        r = trace_sync(file->trace);
        if (r >= 0)
                r = open_files(file);
        if (r >= 0 && file->data.size == 0 && discarded > state->discarded)
                r = append_first(file, &packet);
        if (r >= 0)
                r = append_packet(file, &packet, discarded);
        status_set_output(file->trace->session->output.status, r);
        if (r < 0) {
                state->counters.lost_output += p->events;
                return r;
        }
        state->end = p->end;
        state->discarded = discarded;
        if (p->size > 0)
                state->thread = p->after;
        state->counters.events += p->events;
        return 0;
}
