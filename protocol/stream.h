/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the reader of a live stream gets (OpenStream of a session): a copy of the
 * packets that its consumer writes, from now on, through a stream socket that
 * the consumer writes and the reader reads. Integers are in the machine's byte
 * order. It is a sequence of frames: a header, then so many bytes.
 *
 *   HELLO     first: struct stream_hello. Readers refuse another major version,
 *             and skip frames of types that they do not know.
 *   METADATA  the next bytes of a trace's metadata file, of whole pieces. What a
 *             packet needs comes before it.
 *   PACKET    a CTF packet, with everything that is needed to read it alone.
 *   SYNC      struct stream_sync: what happened before that time has been sent,
 *             or told of as lost. At least four times a second while something is
 *             recorded.
 *   LOST      struct stream_lost: so much could not be sent since the frame before,
 *             because the reader did not read.
 *
 * uuid is the trace's, in METADATA and PACKET, and in the others 0. A trace is
 * one compartment's; its packets begin with struct ctf_packet.
 *
 * The consumer never waits for a reader. It keeps at most STREAM_QUEUE_SIZE
 * bytes for him, or one frame, and drops whole packets beyond that. What
 * overwrite channels record is sent when it is written, by a snapshot. The end of
 * the file is the end of the session, or of its consumer; the reader may open
 * another stream then.
 */

#include <stdint.h>

#include "protocol/later.h"

#define STREAM_MAGIC UINT32_C(0x5453544c)
#define STREAM_MAJOR 1
#define STREAM_MINOR LATER_MINOR

#define STREAM_QUEUE_SIZE ((uint64_t) 4 << 20)

/* No frame's bytes are more: a sub-buffer, or the metadata of all that a trace can have. */
#define STREAM_FRAME_MAX ((uint64_t) 256 << 20)

enum stream_frame_type {
        STREAM_HELLO = 1,
        STREAM_METADATA,
        STREAM_PACKET,
        STREAM_SYNC,
        STREAM_LOST,
};

struct stream_frame {
        uint32_t type; /* enum stream_frame_type */
        uint32_t reserved;
        uint64_t size; /* bytes that follow */
        uint8_t uuid[16];
};

struct stream_hello {
        uint32_t magic;
        uint16_t major, minor;
        LATER_MEMBER
};

struct stream_sync {
        uint64_t time;     /* ticks of the clock of the traces */
        uint64_t realtime; /* when this was sent: nanoseconds since the epoch */
        LATER_MEMBER
};

struct stream_lost {
        uint64_t packets, events;
        LATER_MEMBER
};
