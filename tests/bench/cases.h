/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What is measured: loops of one event each, ours and the peer's, and their
 * floors. Which of them are on, bench.py decides by the sessions it makes.
 */

#include <stdbool.h>
#include <stdint.h>

struct bench_case {
        const char *name;
        void (*run)(uint64_t n); /* n times */
        bool floor;
        bool threads; /* also with several threads, cold, and one by one */
};

extern const struct bench_case bench_cases[];
extern const unsigned bench_n_cases;
