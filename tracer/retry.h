/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * When a helper thread tries again to reach a daemon that is not there. It may be
 * restarting, and all applications of the machine may have lost it at the
 * same moment: so the pauses grow, and each differs from process to process and
 * from time to time by up to a factor of three. (Who has just been hung up on
 * waits at the page first, protocol/wait.h.)
 */

#include <stdbool.h>
#include <stdint.h>

#define RETRY_FIRST_MSEC 10
#define RETRY_LAST_MSEC 1000

/* A connection that was in use for so long was a good one: the next loss begins anew. */
#define RETRY_LASTED_MSEC 1000

/* All zero: nothing has failed. */
struct retry {
        unsigned attempts;
        int64_t since_msec; /* of the first of them */
        bool given_up;      /* the owner's: not to be tried again */
};

/*
 * One more failure at the time now_msec: whether to try again, after
 * *ret_pause milliseconds. False once give_up_msec have passed since the first.
 */
bool retry_next(struct retry *retry, int64_t now_msec, int64_t give_up_msec, uint32_t random, unsigned *ret_pause);

/* Milliseconds of CLOCK_MONOTONIC. */
int64_t retry_now(void);

/* A number that is another one in each thread and at each time. */
uint32_t retry_random(void);
