/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/parse.h"
#include "consumer/session.h"

/*
 * The counter may be read a little before the loads that precede it in the
 * program; without this a record of that very moment would look like garbage.
 */
#define CLOCK_SLACK UINT64_C(65536)

void session_init(struct session *session, int opener) {
        *session = (struct session) { .output.opener = opener };
        if (gethostname(session->hostname, sizeof(session->hostname) - 1) < 0 || !session->hostname[0])
                session->hostname[0] = '?';
        for (char *p = session->hostname; *p; p++)
                if (*p < ' ' || *p > '~' || *p == '"' || *p == '\\')
                        *p = '?';
        session->timens_offset = trace_clock_timens_offset();
        /* Opens the file of the time zone, once. */
        tzset();
}

void session_done(struct session *session) {
        free(session->scratch);
        output_done(&session->output);
        *session = (struct session) {};
}

int session_reserve_scratch(struct session *session, size_t size) {
        char *scratch;

        if (size <= session->scratch_size)
                return 0;
        scratch = malloc(size);
        if (!scratch)
                return -ENOMEM;
        free(session->scratch);
        session->scratch = scratch;
        session->scratch_size = size;
        return 0;
}

uint64_t session_latest(const struct session *session) {
        return trace_clock_read(session->info.clock, session->timens_offset) + CLOCK_SLACK;
}
