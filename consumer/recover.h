/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A session whose rings are files, and of which no process is left: a consumer is
 * started for it as if its last one had been killed, and is told from the journal
 * what tracingd would have told it. It writes what the rings hold behind what is
 * in the trace, in its sandbox, since anybody can have written to these files.
 * May be killed and begun again. Nothing is opened but below the directory.
 */

#include <stdbool.h>

#include "protocol/consumer.h"

enum recover_problem {
        RECOVER_NOTHING,    /* the directory has no rings */
        RECOVER_BUSY,       /* somebody records there */
        RECOVER_NOT_OURS,   /* files of somebody else */
        RECOVER_DAMAGED,    /* no session is described */
        RECOVER_DIED,       /* the consumer did, of result->signal: a file was cut off under it, perhaps */
        RECOVER_FAILED,     /* anything else: the -errno */
};

struct recover_result {
        enum recover_problem problem;
        int signal;
        struct consumer_status status; /* of the whole trace */
        bool rebooted;                 /* since; there was a power cut, perhaps */
        bool kernel;                   /* there are events of the kernel, which the status does not count */
        uint32_t n_sets, n_skipped;    /* ring sets; of which files were missing or refused */
};

/* 0, or -errno and result->problem. Afterwards the directory is a trace like any other. */
int recover(int directory, struct recover_result *result);
