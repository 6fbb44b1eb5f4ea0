/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The Common Trace Format 1.8 as tracectl writes it
 * (https://diamon.org/ctf/v1.8.3/). Everything is packed (align = 8 bits), in
 * the byte order of the machine that wrote it.
 *
 * Event header, little endian:
 *   compact   u32: id in bits 0 to 4 (0 to 30), low 27 bits of the time above
 *   extended  u8: 31 (only bits 0 to 4 count), u32 id, u64 time; packed: 13 bytes
 *
 * Class CTF_ID_THREAD of every stream, `tracectl:thread { s32 pid, s32 tid }`:
 * all following events of the stream, until the next one, were recorded by this
 * thread. One stands at the beginning of every sub-buffer and wherever the
 * writer changes.
 *
 * Layout of a trace directory: [chunk-N/|snapshot-N/]user/<uid>/<set>/ with
 * `metadata`, streams `<channel>_<cpu>` and `index/<channel>_<cpu>.idx`.
 */

#include <stdint.h>

#define CTF_MAGIC UINT32_C(0xc1fc1fc1)

#define CTF_COMPACT_ID_BITS 5
#define CTF_COMPACT_TIME_BITS 27
#define CTF_COMPACT_TIME_MASK ((UINT32_C(1) << CTF_COMPACT_TIME_BITS) - 1)
#define CTF_COMPACT_SIZE 4
#define CTF_EXTENDED_SIZE 13

#define CTF_ID_THREAD 0
#define CTF_ID_FIRST 1       /* the first class id for an application's events */
#define CTF_ID_COMPACT_MAX 29 /* 30 is kept for `tracectl:incomplete` */
#define CTF_ID_EXTENDED 31   /* in the compact id: the extended form follows */

#define CTF_THREAD_PAYLOAD 8

static inline uint32_t ctf_compact_header(uint32_t id, uint64_t time) {
        return id | (uint32_t) (time << CTF_COMPACT_ID_BITS);
}

/* Packet header and context, in the order of the metadata. */
struct ctf_packet {
        uint32_t magic;
        uint8_t uuid[16]; /* of the trace */
        uint32_t stream_id;
        /* context */
        uint64_t timestamp_begin;
        uint64_t timestamp_end;
        uint64_t content_size; /* bits, this struct included */
        uint64_t packet_size;  /* bits */
        uint64_t packet_seq_num;
        uint64_t events_discarded; /* in this file, or ever where it is live, up to the end of the packet */
        uint32_t cpu_id;
} __attribute__((packed));

/*
 * The index of a stream: a header and an entry a packet, big endian. The layout
 * is that of LTTng's index files, which babeltrace2 and Trace Compass read.
 */
#define CTF_INDEX_MAGIC UINT32_C(0xc1f1dcc1)
#define CTF_INDEX_MAJOR 1
#define CTF_INDEX_MINOR 1

struct ctf_index_header {
        uint32_t magic;
        uint32_t major;
        uint32_t minor;
        uint32_t entry_size; /* bytes */
} __attribute__((packed));

struct ctf_index_entry {
        uint64_t offset;       /* bytes into the stream file */
        uint64_t packet_size;  /* bits */
        uint64_t content_size; /* bits */
        uint64_t timestamp_begin;
        uint64_t timestamp_end;
        uint64_t events_discarded;
        uint64_t stream_id;
        uint64_t stream_instance_id;
        uint64_t packet_seq_num;
} __attribute__((packed));
