/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How often durations of which length were: each power of two in 32 parts, so
 * that what is read from it is at most 1/64 beside what was put in; the
 * smallest, the largest and the sum are exact. All zeros at first.
 */

#include <stdint.h>

#define HISTOGRAM_BUCKETS (64 + 58 * 32)

struct histogram {
        uint64_t n, min, max;
        uint64_t sum; /* stops at UINT64_MAX */
        uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *histogram, uint64_t value);

/* Adds all of from. */
void histogram_merge(struct histogram *histogram, const struct histogram *from);

/* The value that so many of a thousand are at most; 0 where there are none. */
uint64_t histogram_get(const struct histogram *histogram, unsigned thousandths);
