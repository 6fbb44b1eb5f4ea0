/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What is in a stream's files, byte by byte, for tests: packets follow each
 * other without a hole, the index has an entry for each and nothing more,
 * sequence numbers are contiguous, counts of discarded events begin at 0 and never
 * go back.
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct packets {
        uint64_t n, bytes; /* of both files */
        uint64_t first_sequence, next_sequence;
        uint64_t discarded; /* in all files */
        uint64_t events;
        uint64_t last;   /* payload of the newest event: they only grow */
        bool has_events; /* all are of class 1, with one u64: they are looked at */
};

/* Reads directory/<channel>_<cpu> and its index. Adds to *p; p->n tells whether packets came before. */
void packets_read(struct packets *p, const char *directory, const char *channel, unsigned cpu);

/* The size of a file, 0 where there is none. */
uint64_t packets_file_size(const char *directory, const char *name);
