/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The drainer's sleep: until tracingd has sent something, a writer has entered
 * a sub-buffer, or a tenth of a second has passed. Words are collected with
 * their values before the drainer looks at anything that they announce, so a
 * change in between ends the sleep at once. Never without a timeout: a writer
 * can die between its commit and its wake-up call. One thread.
 */

#include <linux/futex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wait {
        struct futex_waitv words[FUTEX_WAITV_MAX - 1];
        unsigned n_words;
        bool overflow;    /* there is more than one sleep can watch */
        bool unsupported; /* by the kernel: only the first word is watched */
};

/* Begins a new collection. The first word added is the one that matters most. */
void wait_reset(struct wait *wait);
void wait_add(struct wait *wait, const uint32_t *word);

/* Something else than words is waited for: the next sleep is a short one. */
void wait_shortly(struct wait *wait);

void wait_sleep(struct wait *wait);

/* A hundredth of a second. */
void wait_pause(void);
