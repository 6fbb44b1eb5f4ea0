/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "consumer/notice.h"

/* An output that fails for one packet and works for the next one does not keep tracingd busy. */
#define INTERVAL_NSEC UINT64_C(50000000)

bool notice_is_due(struct notice *notice, const struct consumer_status *status, uint64_t now) {
        uint64_t at = __atomic_load_n(&status->notice_at, __ATOMIC_RELAXED);
        bool reached = status->bytes >= at && at != notice->at;

        if (at == 0 || now < notice->next ||
            (notice->is_told && status->output_error == notice->error && !reached))
                return false;
        if (reached)
                notice->at = at;
        notice->is_told = true;
        notice->error = status->output_error;
        notice->next = now + INTERVAL_NSEC;
        return true;
}
