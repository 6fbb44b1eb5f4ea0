/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <time.h>

#include "common/hash.h"
#include "tracer/retry.h"
#include "tracer/sys.h"

bool retry_next(struct retry *retry, int64_t now_msec, int64_t give_up_msec, uint32_t random, unsigned *ret_pause) {
        unsigned mean = RETRY_FIRST_MSEC;

        if (retry->attempts == 0)
                retry->since_msec = now_msec;
        if (now_msec - retry->since_msec >= give_up_msec)
                return false;
        for (unsigned i = 0; i < retry->attempts && mean < RETRY_LAST_MSEC; i++)
                mean *= 2;
        if (mean > RETRY_LAST_MSEC)
                mean = RETRY_LAST_MSEC;
        retry->attempts++;
        *ret_pause = mean / 2 + random % (mean + 1);
        return true;
}

int64_t retry_now(void) {
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

uint32_t retry_random(void) {
        struct {
                struct timespec ts;
                int64_t tid;
        } seed = { .tid = sys_gettid() };

        clock_gettime(CLOCK_MONOTONIC, &seed.ts);
        return (uint32_t) (hash_bytes(HASH_INIT, &seed, sizeof(seed)) >> 16);
}
