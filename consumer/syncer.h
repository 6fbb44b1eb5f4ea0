/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Brings the output to the disk, again and again, so that a power cut costs no
 * more than what is younger than the session's interval: a process of its own
 * below the opener, with the owner's rights, since fsync() may take any time and
 * nobody shall wait for it. Half of the interval is for records to get from the
 * rings into files, and half of it for the disk.
 */

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "consumer/kernel-synced.h"

/* What the last walk left: files that were not changed since are passed over. Zeroed: there was none. */
struct syncer {
        struct timespec begun; /* CLOCK_REALTIME, as files have it */
        struct timespec gap;   /* since the walk before, at most: changes are not older than that */
        struct kernel_synced kernel; /* that was kept last */
};

/* fsync() of all files below directory that may have changed; syncer NULL: of all. 0 or the last -errno. */
int syncer_sync(int directory, struct syncer *syncer);

/* What the process does each time: that, and what is on the disk of the kernel's then is kept; see kernel-synced.h. */
int syncer_round(int directory, struct syncer *syncer);

/* Starts the process, which ends with this one. 0 or -errno. */
int syncer_start(int directory, uint64_t msec, pid_t *ret);

/* Ends it, where there is one, as soon as the disk lets it. */
void syncer_end(pid_t *syncer);
