/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What all ring sets of the session share: its description, its output, its
 * counters and a private buffer into which records are copied before anybody
 * looks at them. Owned by the drainer, used by its one thread.
 *
 * The counters of the status page are a sum: base, in the session's record,
 * those of every stream, in the stream's own, and the size of the metadata of
 * every live set. All of these survive us. A part is saved before the page shows
 * it, so the page is never ahead of the sum. A successor that has not been told
 * of all ring sets yet has a sum that is too small; therefore the page only ever
 * grows, but for CLEAR.
 */

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "consumer/checkpoint.h"
#include "consumer/counters.h"
#include "consumer/journal.h"
#include "consumer/live.h"
#include "consumer/output.h"
#include "protocol/consumer.h"

/* The clock of what is written now, where that is another than SESSION said. */
struct session_clock {
        uint64_t frequency; /* 0: it is not */
        int64_t offset_seconds;
        uint64_t offset_ticks;
        uint64_t precision;
};

/* What survives of the session, in consumer_status.own or in a file beside the rings. */
struct session_record {
        uint16_t major, minor; /* SESSION_RECORD_MAJOR; 0: nothing yet */
        uint32_t kind;    /* CONSUMER_SNAPSHOT or CONSUMER_ROTATE, the last that had a name; 0: none yet */
        uint32_t running; /* 0: that one is done, with this result */
        int32_t result;
        char name[CONSUMER_NAME_MAX];
        uint64_t generation; /* of the last transaction */
        struct counters base;
        struct session_clock clock; /* since minor version 1 */
        LATER_MEMBER
};

#define SESSION_RECORD_MAJOR 2
#define SESSION_RECORD_MINOR (1 + LATER_MINOR)

_Static_assert(sizeof(struct session_record) <= CHECKPOINT_ROOM && sizeof(struct checkpoint) <= CONSUMER_OWN_SIZE,
               "fits the page");

struct session {
        struct output output;
        bool resumed;                 /* we go on where another consumer was killed */
        bool rebooted;                /* and the machine was switched off in between */
        bool has_rings;               /* in files of the output, which a recovery finds; all below of that is 0 otherwise */
        struct journal journal;
        void *record_file;            /* mapped: what stands for consumer_status.own */
        struct consumer_session info; /* checked; type 0 before SESSION came */
        struct session_record record;
        struct counters totals; /* the sum */
        struct kernel *kernel;  /* not owned; NULL where the session has no channel of the kernel */
        char hostname[HOST_NAME_MAX + 1];
        char kernel_release[HOST_NAME_MAX + 1];
        char machine[HOST_NAME_MAX + 1]; /* as uname() calls it */
        int64_t timens_offset;
        char *scratch; /* of scratch_size bytes: at least a sub-buffer of any ring */
        size_t scratch_size;
        struct live live;
};

/* Learns about the machine what cannot be asked any more inside the sandbox. */
void session_init(struct session *session, int opener, bool resumed);
void session_done(struct session *session);

/*
 * SESSION has come with this status page: takes over its record, and finishes a
 * rotation that was decided. -EBADMSG where the file is no status page, or the
 * -errno of the rotation: nothing may be written then.
 */
int session_begin(struct session *session, const struct consumer_session *info, int status_fd);

/* Metadata that begins from here on says this clock. */
void session_set_clock(struct session *session, const struct session_clock *clock);

int session_reserve_scratch(struct session *session, size_t size);

/* A time that no record which was seen before this call can be after; the clock of an earlier boot had any. */
uint64_t session_latest(const struct session *session);

/* The session's clock. */
uint64_t session_now(const struct session *session);

/* Saves the record. */
void session_save(struct session *session);

/* The generation under which the parts of the next transaction are proposed. */
static inline uint64_t session_next_generation(const struct session *session) {
        return session->record.generation + 1;
}

/* Saves the record under the next generation: with it hold all proposals. */
void session_commit(struct session *session);

/* Brings the status page up to the sum. */
void session_show(struct session *session);

/* The sum is this from now on, also where the page has more. */
void session_restart(struct session *session, const struct counters *totals);
