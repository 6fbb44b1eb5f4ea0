/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The protocol between tracingd and the consumer of a session: SOCK_SEQPACKET,
 * one binary message a datagram, file descriptors as ancillary data. Both ends
 * are of the same machine; integers are in its byte order. Strings are
 * NUL-terminated and padded with NUL.
 *
 * tracingd's messages each have a serial number; the consumer answers every one
 * with CONSUMER_ACK and that serial when it is done. tracingd does not wait for
 * the answer but where it says so below.
 *
 *   OUTPUT   first message. + directory: where the trace goes.
 *   SESSION  second message. + status page (struct consumer_status, shared).
 *   RINGS    a ring set comes. + ring file, positions file.
 *   CLASSES  event classes of a stream. + definitions (protocol/definitions.h).
 *            Sent before any application can use them. The consumer reads all
 *            waiting messages after it has read a ring's position and before it
 *            writes what lies below it, so a class is always in `metadata`
 *            before the first packet that has it.
 *   RELEASE  the only process that wrote to this ring set is gone: write what it
 *            left, then forget it.
 *   FLUSH    write everything up to the present positions. Waited for.
 *   SNAPSHOT write what overwrite rings hold now. Waited for.
 *   STOP     as FLUSH, in every ring; writers are off already. Waited for.
 *   hang-up  as STOP, then the consumer ends.
 */

#include <stdint.h>

#define CONSUMER_MESSAGE_MAX 65536
#define CONSUMER_NAME_MAX 80

enum consumer_type {
        CONSUMER_OUTPUT = 1,
        CONSUMER_SESSION,
        CONSUMER_RINGS,
        CONSUMER_CLASSES,
        CONSUMER_RELEASE,
        CONSUMER_FLUSH,
        CONSUMER_SNAPSHOT,
        CONSUMER_STOP,
        CONSUMER_ACK = 128,
};

struct consumer_header {
        uint32_t type;
        uint32_t size; /* of the whole message */
        uint64_t serial;
};

struct consumer_output {
        struct consumer_header header;
};

struct consumer_session {
        struct consumer_header header;
        char name[CONSUMER_NAME_MAX];
        uint8_t clock_uuid[16]; /* the boot id */
        uint32_t clock;         /* enum trace_clock */
        uint32_t reserved;
        uint64_t clock_frequency;
        int64_t clock_offset_seconds;
        uint64_t clock_offset_ticks;
        uint64_t created; /* microseconds since the epoch */
};

/*
 * set is a trace of its own (metadata, UUID) in the directory user/<uid>/<name>;
 * stream, unique in the set, is one of its channels. RINGS for a new set makes it.
 */
struct consumer_rings {
        struct consumer_header header;
        uint64_t set;
        uint32_t stream;
        uint32_t uid;
        uint32_t word_size; /* bits */
        int32_t pid;        /* of the process that has the set for itself; 0: shared */
        char set_name[CONSUMER_NAME_MAX];
        char channel[CONSUMER_NAME_MAX];
};

struct consumer_class {
        uint32_t event; /* index into the definitions */
        uint32_t id;
};

/* Classes that a stream has already are skipped. */
struct consumer_classes {
        struct consumer_header header;
        uint64_t set;
        uint32_t stream;
        uint32_t n_classes;
        struct consumer_class classes[];
};

#define CONSUMER_CLASSES_MAX                                                                                   \
        ((CONSUMER_MESSAGE_MAX - sizeof(struct consumer_classes)) / sizeof(struct consumer_class))

struct consumer_release {
        struct consumer_header header;
        uint64_t set;
        uint32_t stream;
        uint32_t reserved;
};

/* FLUSH and STOP are a header alone. */

struct consumer_snapshot {
        struct consumer_header header;
        char name[CONSUMER_NAME_MAX]; /* directory below the output, or "" for the output itself */
};

struct consumer_ack {
        struct consumer_header header;
        int32_t error; /* 0 or an errno */
        uint32_t reserved;
};

#define CONSUMER_STATUS_MAGIC UINT32_C(0x54415453)

/*
 * Counters of a session, written by the consumer alone, read by anyone who has
 * the page. All since the session began. tracingd sets magic and the versions.
 */
struct consumer_status {
        uint32_t magic;
        uint16_t major, minor;
        uint32_t wake;           /* futex: tracingd adds one and wakes after each message */
        int32_t output_error;    /* errno of the output while it fails, else 0 */
        uint64_t events;         /* written; tracectl:thread is not counted */
        uint64_t lost_ring;      /* discarded by writers: ring full, or too large */
        uint64_t lost_output;    /* events of packets that could not be written */
        uint64_t lost_overwrite; /* bytes that newer ones took the place of */
        uint64_t lost_garbage;   /* bytes that were no records */
        uint64_t packets;
        uint64_t bytes;          /* of all files */
        int32_t output_failure;  /* errno of the output's last failure, also when it works again; 0: none yet */
        uint32_t reserved;
};
