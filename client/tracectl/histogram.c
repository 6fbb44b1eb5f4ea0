/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "client/tracectl/histogram.h"

/* Below 64 every value has its own; from there on the six highest bits say it. */
static unsigned bucket_of(uint64_t value) {
        unsigned shift;

        if (value < 64)
                return (unsigned) value;
        shift = 58 - (unsigned) __builtin_clzll(value);
        return shift * 32 + (unsigned) (value >> shift);
}

/* In the middle of it. */
static uint64_t value_of(unsigned bucket) {
        unsigned shift;

        if (bucket < 64)
                return bucket;
        shift = (bucket - 32) / 32;
        return ((uint64_t) (32 + bucket % 32) << shift) + (UINT64_C(1) << (shift - 1));
}

void histogram_add(struct histogram *histogram, uint64_t value) {
        if (histogram->n == 0 || value < histogram->min)
                histogram->min = value;
        if (value > histogram->max)
                histogram->max = value;
        if (__builtin_add_overflow(histogram->sum, value, &histogram->sum))
                histogram->sum = UINT64_MAX;
        histogram->n++;
        histogram->buckets[bucket_of(value)]++;
}

void histogram_merge(struct histogram *histogram, const struct histogram *from) {
        if (from->n == 0)
                return;
        if (histogram->n == 0 || from->min < histogram->min)
                histogram->min = from->min;
        if (from->max > histogram->max)
                histogram->max = from->max;
        if (__builtin_add_overflow(histogram->sum, from->sum, &histogram->sum))
                histogram->sum = UINT64_MAX;
        histogram->n += from->n;
        for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
                histogram->buckets[i] += from->buckets[i];
}

uint64_t histogram_get(const struct histogram *histogram, unsigned thousandths) {
        uint64_t n = 0, wanted = histogram->n / 1000 * thousandths + (histogram->n % 1000 * thousandths + 999) / 1000;

        for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
                uint64_t value = value_of(i);

                n += histogram->buckets[i];
                if (n >= wanted && n > 0)
                        return value < histogram->min ? histogram->min :
                               value > histogram->max ? histogram->max :
                                                        value;
        }
        return histogram->max;
}
