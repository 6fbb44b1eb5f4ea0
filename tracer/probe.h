/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a filter of system calls (seccomp) lets this process do. Some filters do
 * not refuse a call but kill who makes it, and a program must not be killed for
 * what this library alone wants. So where there is a filter, a child tries first.
 */

#include <stdbool.h>
#include <stddef.h>

struct probe {
        long nr, arguments[3]; /* such that nothing happens */
        long answer;           /* of the kernel's, which nothing else will do for; 0: any will */
};

/* Whether there is such a filter. */
bool probe_is_filtered(void);

/* Whether none of these calls kills, or has another answer. Not async-signal-safe. */
bool probe_survives(const struct probe *calls, size_t n);
