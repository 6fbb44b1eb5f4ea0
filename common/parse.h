/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Text to values. 0 or -errno; outputs are untouched on failure. */

#include <stdbool.h>
#include <stdint.h>

/* Decimal digits only: no sign, no space, no overflow. */
int parse_u64(const char *s, uint64_t *ret);

/* Exactly 1 to 16 hexadecimal digits. */
int parse_hex64(const char *s, uint64_t *ret);

/* Bytes, with an optional suffix K, M, G or T (powers of 1024). */
int parse_size(const char *s, uint64_t *ret);

/* A length of time, with an optional suffix ms, s, m or min, h, d; without one seconds. *ret in microseconds. */
int parse_timespan(const char *s, uint64_t *ret);

/*
 * A name of a session or channel: 1 to 64 characters of [A-Za-z0-9_.-], the
 * first no dot and no dash, so that it is safe in a path, an option and a log.
 */
bool name_is_valid(const char *s);
