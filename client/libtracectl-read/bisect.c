/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Nothing in a stream file says where its packets begin but the packets before
 * them. Somewhere in the middle, a packet shows by what all of them begin with;
 * that this is not a piece of an event that somebody recorded show those that
 * have to follow. What does not look right is left to who reads on from the
 * last packet that did.
 */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/libtracectl-read/bisect.h"
#include "client/libtracectl-read/packet.h"
#include "common/cleanup.h"

#define SAMPLE 8                   /* packets from the beginning on say how large they are */
#define FEW 512                    /* packets are gone through one by one: to look at one costs less than to find one */
#define NEAR 16                    /* so many at the end of the search, too */
#define NEAR_SIZE_MIN (UINT64_C(256) << 10)
#define BLOCK ((size_t) 64 << 10)  /* is searched at once */
#define FOLLOWERS 3                /* that a packet must have to be one, or the end of the file */
#define CANDIDATES 4               /* that are looked at in one place */

struct bisection {
        struct stream *stream;
        uint8_t beginning[PACKET_BEGINNING];
        uint8_t *block;
        uint64_t low, high; /* where reading can begin, and where it need not */
        uint64_t near;      /* bytes between them that are near enough */
};

/* What the search has to know of a packet. */
struct found {
        uint64_t begin, sequence;
        bool is_before, is_anchor;
};

static bool is_beginning(const struct bisection *b, uint64_t offset) {
        uint8_t there[PACKET_BEGINNING];

        return pread(b->stream->window.fd, there, sizeof(there), (off_t) offset) == sizeof(there) &&
               memcmp(there, b->beginning, sizeof(there)) == 0;
}

/* The first place from offset on, and before high, where a packet may begin; high where there is none. */
static uint64_t find_beginning(const struct bisection *b, uint64_t offset) {
        while (offset < b->high) {
                ssize_t n = pread(b->stream->window.fd, b->block, BLOCK, (off_t) offset);
                const uint8_t *found;

                if (n < PACKET_BEGINNING)
                        break;
                found = memmem(b->block, (size_t) n, b->beginning, PACKET_BEGINNING);
                if (found)
                        return offset + (uint64_t) (found - b->block) < b->high ?
                                offset + (uint64_t) (found - b->block) : b->high;
                offset += (uint64_t) n - (PACKET_BEGINNING - 1);
        }
        return b->high;
}

/* Reads the beginning of the packet at offset. */
static bool look_at(struct stream *stream, uint64_t offset, struct found *ret) {
        const uint64_t *roles = stream->decoder.roles;
        uint32_t needed = UINT32_C(1) << ROLE_BEGIN | UINT32_C(1) << ROLE_END;

        stream->packet_end = offset;
        if (packet_look(stream) <= 0 || (stream->decoder.seen & needed) != needed || !stream->class->clock ||
            roles[ROLE_END] < roles[ROLE_BEGIN])
                return false;
        *ret = (struct found) {
                .begin = roles[ROLE_BEGIN],
                .sequence = stream->has_sequence ? stream->sequence : 0,
                .is_before = packet_ends_before(stream),
                .is_anchor = packet_is_anchor(stream),
        };
        return true;
}

/* Whether packets follow each other from offset on, each later than the one before. */
static bool is_packet(const struct bisection *b, uint64_t offset, struct found *ret) {
        struct stream *stream = b->stream;
        struct found before, next;

        if (!look_at(stream, offset, &before))
                return false;
        *ret = before;
        for (unsigned i = 0; i < FOLLOWERS && stream->packet_end < stream->file_size; i++, before = next)
                if (!is_beginning(b, stream->packet_end) || !look_at(stream, stream->packet_end, &next) ||
                    next.begin < before.begin || (next.sequence <= before.sequence && next.sequence > 0))
                        return false;
        return true;
}

/* One step: low or high is moved. */
static void halve(struct bisection *b) {
        uint64_t middle = b->low + (b->high - b->low) / 2, at = middle;

        for (unsigned i = 0; i < CANDIDATES; i++, at++) {
                struct found found;

                at = find_beginning(b, at);
                if (at >= b->high)
                        break;
                if (!is_packet(b, at, &found))
                        continue;
                if (!found.is_before)
                        break;
                if (found.is_anchor) {
                        b->low = at;
                        return;
                }
        }
        b->high = middle;
}

/* Of the largest of the first packets. 0 where there is none. */
static uint64_t sample_size(struct stream *stream) {
        uint64_t size = 0, offset = 0;
        struct found found;

        for (unsigned i = 0; i < SAMPLE && look_at(stream, offset, &found); i++) {
                if (stream->packet_end - offset > size)
                        size = stream->packet_end - offset;
                offset = stream->packet_end;
        }
        return size;
}

static bool begin(struct bisection *b) {
        struct stream *stream = b->stream;
        uint64_t size;

        /* Without an identity, anything could look like a packet. */
        if (!stream->metadata->has_uuid || stream->file_size <= NEAR_SIZE_MIN)
                return false;
        size = sample_size(stream);
        if (size == 0 || stream->file_size / size <= FEW)
                return false;
        b->near = size * NEAR > NEAR_SIZE_MIN ? size * NEAR : NEAR_SIZE_MIN;
        b->high = stream->file_size;
        b->block = malloc(BLOCK);
        return b->block &&
               pread(stream->window.fd, b->beginning, sizeof(b->beginning), 0) == sizeof(b->beginning) &&
               memmem(b->beginning, sizeof(b->beginning), stream->metadata->uuid, sizeof(stream->metadata->uuid));
}

void stream_bisect(struct stream *stream) {
        struct bisection b = { .stream = stream };
        bool has_reported = stream->has_reported;

        /* What is looked at and is no packet is nobody's problem. */
        stream->has_reported = true;
        if (begin(&b))
                while (b.high - b.low > b.near)
                        halve(&b);
        free(b.block);
        stream->has_reported = has_reported;
        stream->packet_end = b.low;
        stream->discarded = stream->packets_lost = stream->bytes_skipped = 0;
        stream->last_discarded = 0;
        stream->has_sequence = stream->has_thread = false;
}
