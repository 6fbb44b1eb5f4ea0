/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Running a program (program.h) over bytes that nobody vouches for. Positions
 * are bits from data on; data is aligned to TYPE_ALIGN_MAX in its packet. What
 * ends at limit may go on in the file, what ends at end does not.
 *
 * The values of fields become slots, in the order of the trace. They point into
 * data, so they are good until the window behind it moves.
 */

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/libtracectl-read/program.h"

#define DECODER_SLOTS_MAX 262144

/*
 * Arrays, structs and variants need not have a single bit. Those that a trace
 * may have in all: so many, and so many more for each bit that was read.
 */
#define DECODER_CREDIT (UINT64_C(1) << 20)
#define DECODER_CREDIT_BIT 8

struct slot {
        const struct op *op;
        uint64_t value;    /* an integer; a double's bits; a count of bytes or elements */
        uint64_t position; /* of the first bit of what is counted */
};

struct decoder {
        const uint8_t *data;
        uint64_t position, limit, end;
        uint64_t *registers;
        uint64_t time; /* of the clock that the event header is mapped to */
        uint64_t roles[_ROLE_MAX];
        uint32_t seen; /* bit ROLE_x: roles[] has it */
        uint64_t credit;
        struct slot *slots;
        size_t n_slots, capacity;
};

/*
 * 0, and position is behind the last field. -EAGAIN where more data is needed
 * than there is up to limit, -EBADMSG where it makes no sense, -E2BIG where it
 * is more than DECODER_SLOTS_MAX values, -ELOOP where credit is used up, -ENOMEM.
 */
int decode_run(struct decoder *decoder, const struct program *program);

/* Element i of a slot of OP_NUMBERS, as a slot's value. */
uint64_t decode_element(const uint8_t *data, const struct slot *slot, uint64_t i);

void decoder_done(struct decoder *decoder);

static inline bool decoder_has(const struct decoder *decoder, uint64_t position, uint64_t bits) {
        return position <= decoder->limit && bits <= decoder->limit - position;
}

/* What it means that decoder_has() says no. */
static inline int decoder_short(const struct decoder *decoder, uint64_t position, uint64_t bits) {
        return position <= decoder->end && bits <= decoder->end - position ? -EAGAIN : -EBADMSG;
}

/* A time of which only the low bits were recorded: less than once around since the last one. */
static inline void decoder_set_time(struct decoder *decoder, uint64_t low, unsigned bits) {
        decoder->time = bits < 64 ? decoder->time + ((low - decoder->time) & ((UINT64_C(1) << bits) - 1)) : low;
}
