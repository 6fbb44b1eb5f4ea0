/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a recovery tells its consumer: the journal's messages as tracingd would
 * have sent them, then that all is said, then STOP. The journal, and the files of
 * the directory `rings`, can be anything.
 */

#include "consumer/recover.h"
#include "protocol/consumer.h"

/* Sends a message; returns its answer, or -errno. */
typedef int (*replay_tell_t)(void *userdata, const struct consumer_header *message, const int *fds, size_t n_fds);

struct replay {
        int place, journal; /* the directory, and the file in it */
        int status_fd;
        replay_tell_t tell;
        void *userdata;
        struct recover_result *result; /* problem, rebooted and numbers of sets */
        uint64_t serial;               /* of the last message */
        bool has_session;
};

/* Whether the session is one of an earlier boot. Where nothing describes it, that is told later. 0 or -errno. */
int replay_find_boot(struct replay *r);

/* 0 or -errno, of which result->problem may be the reason. */
int replay_tell(struct replay *r);
