/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <endian.h>
#include <string.h>

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

static int open_files(struct stream_file *file) {
        struct ctf_index_header header = {
                .magic = htobe32(CTF_INDEX_MAGIC),
                .major = htobe32(CTF_INDEX_MAJOR),
                .minor = htobe32(CTF_INDEX_MINOR),
                .entry_size = htobe32(sizeof(struct ctf_index_entry)),
        };
        struct iovec iov = { &header, sizeof(header) };
        int r;

        if (file->data.fd < 0) {
                r = trace_open(file->trace, REQUEST_STREAM, file->channel, file->cpu, &file->data);
                if (r < 0)
                        return r;
        }
        if (file->index.fd < 0) {
                r = trace_open(file->trace, REQUEST_INDEX, file->channel, file->cpu, &file->index);
                if (r < 0)
                        return r;
        }
        if (file->index.size > 0)
                return 0;
        r = file_append(&file->index, &iov, 1);
        if (r < 0)
                return r;
        status_add(&file->trace->session->output.status->bytes, sizeof(header));
        return 0;
}

static int append_index(struct stream_file *file, const struct ctf_packet *packet, uint64_t offset) {
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
        struct iovec iov = { &entry, sizeof(entry) };

        return file_append(&file->index, &iov, 1);
}

static int append_packet(struct stream_file *file, const struct packet *p, uint64_t discarded) {
        struct consumer_status *status = file->trace->session->output.status;
        struct ctf_packet header;
        bool attribute = p->size > 0 && memcmp(&p->before, &file->thread, sizeof(p->before)) != 0;
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
                .packet_seq_num = p->sequence + file->extra,
                .events_discarded = discarded,
                .cpu_id = file->cpu,
        };
        memcpy(header.uuid, file->trace->uuid, sizeof(header.uuid));
        r = file_append(&file->data, iov, 3);
        if (r < 0)
                return r;
        r = append_index(file, &header, offset);
        if (r < 0) {
                file_shrink(&file->data, size);
                return r;
        }
        status_add(&status->packets, 1);
        status_add(&status->bytes, size + sizeof(struct ctf_index_entry));
        return 0;
}

/*
 * Readers count discarded events from one packet to the next, so they do not
 * know how many the first packet tells of: an empty one that tells of none
 * comes before it.
 */
static int append_first(struct stream_file *file, const struct packet *p) {
        struct packet empty = { .begin = p->begin, .end = p->begin, .sequence = p->sequence };
        int r;

        r = append_packet(file, &empty, 0);
        if (r < 0)
                return r;
        file->extra++;
        return 0;
}

int stream_file_write(struct stream_file *file, const struct packet *p) {
        struct consumer_status *status = file->trace->session->output.status;
        uint64_t discarded = p->discarded + file->lost;
        int r;

        r = trace_sync(file->trace);
        if (r >= 0)
                r = open_files(file);
        if (r >= 0 && file->data.size == 0 && discarded > 0)
                r = append_first(file, p);
        if (r >= 0)
                r = append_packet(file, p, discarded);
        status_set_output(status, r);
        if (r < 0) {
                status_add(&status->lost_output, p->events);
                file->lost += p->events;
                return r;
        }
        file->end = p->end;
        file->discarded = discarded;
        if (p->size > 0)
                file->thread = p->after;
        status_add(&status->events, p->events);
        return 0;
}
