/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A trace whose events begin and end others, for the tests of what is made of them. Times are from 13:46:40 on. */

#include "../libtracectl-read/play-trace.h"

enum {
        SPANS_JOB_BEGIN = 2,
        SPANS_JOB_END,
        SPANS_STEP_ENTRY,
        SPANS_STEP_EXIT,
        SPANS_CALL, /* libc:call: ret, duration */
        SPANS_TEXT, /* w:text: one string */
        SPANS_SYSCALL_ENTRY,
        SPANS_SYSCALL_EXIT,
};

/* The metadata. */
void spans_metadata(const play *p);

void spans_add(GByteArray *events, unsigned id, uint64_t time);
void spans_call(GByteArray *events, uint64_t time, uint32_t ret, uint64_t duration);
void spans_text(GByteArray *events, uint64_t time, const char *text);

/*
 * 1000 job begins, 1500 step, 4500 a call of 1000, 6500 step ends, 8000 text,
 * 9000 step begins and never ends, 11000 the job ends; in thread 7/8.
 * 12000 an end without a begin, 13000 a begin without an end; in thread 7/9.
 */
void spans_standard(const play *p);
