/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "consumer/wait.h"

#define WAIT_NSEC 100000000

/* Where not every word can be watched, so that a fast writer is still served in time. */
#define WAIT_SHORT_NSEC 10000000

void wait_reset(struct wait *wait) {
        wait->n_words = 0;
        wait->overflow = false;
}

void wait_add(struct wait *wait, const uint32_t *word) {
        if (wait->n_words == sizeof(wait->words) / sizeof(wait->words[0])) {
                wait->overflow = true;
                return;
        }
        wait->words[wait->n_words++] = (struct futex_waitv) {
                .val = __atomic_load_n(word, __ATOMIC_ACQUIRE),
                .uaddr = (uintptr_t) word,
                .flags = FUTEX_32,
        };
}

void wait_shortly(struct wait *wait) {
        wait->overflow = true;
}

static void sleep_on_first(const struct wait *wait) {
        struct timespec timeout = { .tv_nsec = WAIT_SHORT_NSEC };

        (void) syscall(SYS_futex, (uintptr_t) wait->words[0].uaddr, FUTEX_WAIT, (uint32_t) wait->words[0].val, &timeout,
                       NULL, 0);
}

void wait_sleep(struct wait *wait) {
        struct timespec deadline;
        long r;

        if (wait->unsupported) {
                sleep_on_first(wait);
                return;
        }
        clock_gettime(CLOCK_MONOTONIC, &deadline);
        deadline.tv_nsec += wait->overflow ? WAIT_SHORT_NSEC : WAIT_NSEC;
        if (deadline.tv_nsec >= 1000000000) {
                deadline.tv_nsec -= 1000000000;
                deadline.tv_sec++;
        }
        r = syscall(SYS_futex_waitv, wait->words, wait->n_words, 0, &deadline, CLOCK_MONOTONIC);
        if (r < 0 && errno != EAGAIN && errno != ETIMEDOUT && errno != EINTR) {
                wait->unsupported = true;
                sleep_on_first(wait);
        }
}

void wait_pause(void) {
        struct timespec timeout = { .tv_nsec = WAIT_SHORT_NSEC };
        uint32_t word = 0;

        (void) syscall(SYS_futex, &word, FUTEX_WAIT, 0, &timeout, NULL, 0);
}
