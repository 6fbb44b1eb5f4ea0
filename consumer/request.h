/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the drainer asks of the opener, over their private SOCK_SEQPACKET pair:
 * one request a datagram, answered by one reply, which carries the opened file
 * where error is 0. Both are halves of one program, so this has no version. The
 * opener trusts nothing in a request: the drainer touches hostile memory.
 */

#include <stdint.h>

#include "protocol/consumer.h"

enum request_kind {
        REQUEST_METADATA = 1,
        REQUEST_STREAM,
        REQUEST_INDEX,
        REQUEST_PREPARE, /* make the directory `snapshot` where it is missing; -EEXIST where it has a trace */
        REQUEST_MOVE,    /* move the trace into the directory `snapshot` */
        REQUEST_REMOVE,  /* remove the trace */
        REQUEST_TRIM,    /* remove the oldest chunks beyond keep_kib */
        /* In the directory `rings`, which is there: see journal.h. Opened for reading and writing, made where it is missing. */
        REQUEST_JOURNAL,
        REQUEST_RECORD,    /* of the session */
        REQUEST_RING,      /* of set_id and stream */
        REQUEST_POSITIONS, /* of that ring */
        REQUEST_POSITIONS_READER, /* the same for reading; it is there */
        REQUEST_FORGET,    /* remove the files of set_id */
        REQUEST_END,       /* remove the directory, when the trace is on the disk */
        REQUEST_SYNC,      /* bring everything to the disk from now on, as often as size says, in milliseconds */
        REQUEST_PUBLISH,   /* the snapshot, which was made there, gets its place, on the disk if all is brought there */
        REQUEST_NEXT, /* another name that a chunk or snapshot can have, -ENOENT after the last; of a session that is resumed */
};

struct request {
        uint32_t kind; /* enum request_kind */
        uint32_t uid;
        uint32_t cpu; /* 0 for metadata */
        uint32_t kernel;   /* 1: of the kernel's trace, set is "" and uid 0 then */
        uint32_t existing; /* 1: a file that is there, of a session that is resumed; 0: a new one */
        uint32_t stream;   /* as set_id and size 0 where no ring is meant */
        uint64_t set_id;
        uint64_t size;     /* that the file shall have, all allocated; 0 for the journal; or of REQUEST_SYNC */
        uint32_t keep_kib; /* of TRIM */
        uint32_t reserved;
        char set[CONSUMER_NAME_MAX];      /* "" where no file is opened */
        char channel[CONSUMER_NAME_MAX];  /* "" for metadata */
        char snapshot[CONSUMER_NAME_MAX]; /* "" for the output itself */
};

struct reply {
        int32_t error; /* 0 or an errno */
        uint32_t removed; /* of TRIM: the number of the newest chunk that it has removed, or 0 */
        char name[CONSUMER_NAME_MAX]; /* of NEXT */
};
