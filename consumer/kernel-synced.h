/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How much of the kernel's trace is on the disk. No journal describes its events,
 * so after a power cut its packets cannot be read to see whether they are whole,
 * as those of programs are (stream-check.h). Instead the syncer looks at sizes
 * before it brings everything to the disk, and keeps them in the file rings/synced
 * when that is done; a recovery believes in no more. A stream is known again by
 * its first packet, since a rotation or clearing makes others of the same name.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/consumer.h"
#include "protocol/ctf.h"
#include "protocol/later.h"

#define KERNEL_SYNCED_MAGIC UINT32_C(0x434e5953)
#define KERNEL_SYNCED_MAJOR 1
#define KERNEL_SYNCED_MINOR LATER_MINOR

#define KERNEL_SYNCED_NAME_MAX 96
_Static_assert(KERNEL_SYNCED_NAME_MAX >= CONSUMER_NAME_MAX + sizeof("_4294967295"), "has each stream's name");

/* The file is this and the streams. Native byte order. */
struct kernel_synced_header {
        uint32_t magic;
        uint16_t major, minor;
        uint32_t header_size, stream_size;
        uint64_t n;
        uint64_t metadata; /* bytes; it has all classes of the streams */
        uint64_t hash;     /* of all the file, this being 0 */
        LATER_MEMBER
};

struct kernel_synced_stream {
        uint64_t size;  /* packets may end before */
        uint64_t first; /* of the first packet's header, a hash */
        char name[KERNEL_SYNCED_NAME_MAX];
        LATER_MEMBER
};

struct kernel_synced {
        uint64_t metadata, n;
        struct kernel_synced_stream *streams;
};

/* What the sizes are now. 0 or -errno. */
int kernel_synced_look(int directory, struct kernel_synced *ret);
void kernel_synced_done(struct kernel_synced *synced);

bool kernel_synced_equal(const struct kernel_synced *a, const struct kernel_synced *b);

/* Keeps them in the directory `rings`, where they are whole, or those before, whenever the power is cut. 0 or -errno. */
int kernel_synced_keep(int directory, const struct kernel_synced *synced);

/*
 * Of a new session: nothing is on the disk yet. Where there is no such file, its
 * consumer has not brought anything to the disk, or was of an earlier version.
 */
int kernel_synced_begin(int directory);

/* What was kept, read in the directory `rings`: 1; 0 where there is nothing, or nothing that makes sense. Or -errno. */
int kernel_synced_read(int place, struct kernel_synced *ret);

/* How much of the stream, which begins with this header, is on the disk. */
uint64_t kernel_synced_size(const struct kernel_synced *synced, const char *name, const struct ctf_packet *first);
