/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Traces for the tests: metadata and packets in a directory of their own, which
 * is removed with the object. Events are put into a GByteArray, and that into a
 * packet; PLAY_METADATA is what tracectl writes, up to the events.
 */

#include <glib.h>
#include <stdint.h>

typedef struct play {
        char *directory;
} play;

struct play_packet {
        uint64_t begin, end, sequence, discarded;
        uint32_t stream_id, cpu;
        int64_t missing; /* bytes that the packet says it has, and has not */
};

#define PLAY_UUID "00112233-4455-6677-8899-aabbccddeeff"
extern const char PLAY_METADATA[];

play *play_new(void);
void play_free(play *p);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(play, play_free)

/* A file's path below the directory; its own directory is made. The caller frees it. */
char *play_path(const play *p, const char *name);

/* PLAY_METADATA and more, as the file NAME/metadata, or metadata for "". */
void play_metadata(const play *p, const char *name, const char *more);

/* Appends a packet to a stream file. */
void play_packet(const play *p, const char *stream, const struct play_packet *packet, const GByteArray *events);

GByteArray *play_events(void);
void play_compact(GByteArray *events, uint32_t id, uint64_t time);
void play_extended(GByteArray *events, uint32_t id, uint64_t time);
void play_thread(GByteArray *events, uint64_t time, int32_t pid, int32_t tid);
void play_u8(GByteArray *events, uint8_t value);
void play_u16(GByteArray *events, uint16_t value);
void play_u32(GByteArray *events, uint32_t value);
void play_u64(GByteArray *events, uint64_t value);
void play_string(GByteArray *events, const char *s);
