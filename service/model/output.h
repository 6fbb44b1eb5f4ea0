/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where a session's trace goes, as its creator asked for it. Owned by its
 * session and constant, but for the path; main loop only. The consumer opens the
 * directory with the owner's rights, never tracingd with its own.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/cleanup.h"
#include "protocol/consumer.h"
#include "service/model/failure.h"

struct session_output {
        enum consumer_output_kind kind;
        int fd;     /* of CONSUMER_OUTPUT_FD, else -1 */
        uint64_t stored; /* its number in the store of descriptors; of the session */
        char *path;  /* for people: UTF-8 without control characters; of CONSUMER_OUTPUT_STATE "" until it is known */
        bool has_rings; /* rings are files there, too: what was recorded outlives every process */
        uint32_t sync_msec; /* how old it may be before it is on the disk; 0: as old as it gets */
        char *folder; /* of CONSUMER_OUTPUT_DIRECTORY: what a profile has named, in which this trace has its own; or NULL */
        char *asked; /* what the consumer opens: the path, or of CONSUMER_OUTPUT_STATE the name below the unit's */
};

#define SESSION_OUTPUT_NULL ((struct session_output) { .fd = -1 })

/* Whether rings there, and this interval, can be had together. */
int session_output_check(const struct session_output *output, const char *session, struct failure *failure);

/* As an earlier tracingd had it; fd is taken over on success. */
int session_output_restore(struct session_output *ret, enum consumer_output_kind kind, int fd, uint64_t stored,
                           const char *path, const char *asked, const char *folder);

/* fd, a directory, is taken over on success. */
int session_output_fd(struct session_output *ret, const char *session, int fd, struct failure *failure);

/* path must be absolute and without "..". */
int session_output_directory(struct session_output *ret, const char *path, struct failure *failure);

/* In a folder of its own, named as that of session_output_state(), in one that may hold those of other sessions. */
int session_output_in_folder(struct session_output *ret, const char *folder, const char *session, uint64_t created,
                             bool taken, struct failure *failure);

/* created: microseconds since the epoch, which give the directory its name; taken: the second alone may be another's. */
int session_output_state(struct session_output *ret, const char *session, uint64_t created, bool taken,
                         struct failure *failure);

void session_output_done(struct session_output *output);

/* The path that a client has asked for; NULL where it has not asked for one. */
const char *session_output_asked(const struct session_output *output);

/* The consumer's message. */
void session_output_message(const struct session_output *output, struct consumer_output *ret);

/* The consumer has opened it: what it calls it. Whether the path is another one now. */
bool session_output_opened(struct session_output *output, const char *path);
