/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdlib.h>
#include <string.h>

#include "client/libtracectl-read/bits.h"
#include "client/libtracectl-read/decode.h"

/* A loop that is being run; first is its first operation. */
struct loop {
        uint32_t first;
        uint64_t left;
};

struct run {
        struct decoder *decoder;
        uint32_t next;
        unsigned n_loops;
        uint64_t work; /* that need not have taken any bit */
        struct loop loops[PROGRAM_DEPTH_MAX];
};

static int add_slot(struct decoder *decoder, const struct op *op, uint64_t value, uint64_t position) {
        if (decoder->n_slots == decoder->capacity) {
                size_t capacity = decoder->capacity > 0 ? 2 * decoder->capacity : 64;
                struct slot *slots;

                if (capacity > DECODER_SLOTS_MAX)
                        return -E2BIG;
                slots = realloc(decoder->slots, capacity * sizeof(*slots));
                if (!slots)
                        return -ENOMEM;
                decoder->slots = slots;
                decoder->capacity = capacity;
        }
        decoder->slots[decoder->n_slots++] = (struct slot) { .op = op, .value = value, .position = position };
        return 0;
}

static void set_role(struct decoder *decoder, const struct op *op, uint64_t value) {
        decoder->roles[op->role] = value;
        decoder->seen |= UINT32_C(1) << op->role;
        if (op->role == ROLE_TIME)
                decoder_set_time(decoder, value, op->bits);
}

static uint64_t read_bits(const struct op *op, const uint8_t *data, uint64_t position) {
        uint64_t value = bits_read(data, position, op->bits, op->is_big_endian);

        return op->is_signed ? bits_extend_sign(value, op->bits) : value;
}

/* A double, whatever it was recorded as. */
static uint64_t read_float(const struct op *op, const uint8_t *data, uint64_t position) {
        uint64_t bits = bits_read(data, position, op->bits, op->is_big_endian);

        if (op->bits == 32) {
                uint32_t narrow = (uint32_t) bits;
                float f;
                double d;

                memcpy(&f, &narrow, sizeof(f));
                d = (double) f;
                memcpy(&bits, &d, sizeof(bits));
        }
        return bits;
}

#define READ(type)                                                                                             \
        ({                                                                                                     \
                type _v;                                                                                       \
                                                                                                               \
                memcpy(&_v, p, sizeof(_v));                                                                    \
                (uint64_t) (int64_t) _v;                                                                       \
        })

static uint64_t read_number(const struct op *op, const uint8_t *data, uint64_t position) {
        const uint8_t *p = data + position / 8;

        switch (op->code) {
        case OP_U8:
                return *p;
        case OP_U16:
                return READ(uint16_t);
        case OP_U32:
                return READ(uint32_t);
        case OP_U64:
        case OP_S64:
                return READ(uint64_t);
        case OP_S8:
                return READ(int8_t);
        case OP_S16:
                return READ(int16_t);
        case OP_S32:
                return READ(int32_t);
        case OP_FLOAT:
                return read_float(op, data, position);
        default:
                return read_bits(op, data, position);
        }
}

static int run_number(struct decoder *decoder, const struct op *op) {
        uint64_t value;

        if (!decoder_has(decoder, decoder->position, op->bits))
                return decoder_short(decoder, decoder->position, op->bits);
        value = read_number(op, decoder->data, decoder->position);
        decoder->registers[op->store] = value;
        if (op->role != ROLE_NONE)
                set_role(decoder, op, value);
        decoder->position += op->bits;
        return add_slot(decoder, op, value, 0);
}

static int run_string(struct decoder *decoder, const struct op *op) {
        uint64_t start = decoder->position / 8, limit = decoder->limit / 8;
        const uint8_t *end;

        if (decoder->position > decoder->limit || start >= limit)
                return decoder_short(decoder, decoder->position, 8);
        end = memchr(decoder->data + start, '\0', limit - start);
        if (!end)
                return decoder->limit < decoder->end ? -EAGAIN : -EBADMSG;
        decoder->position = ((uint64_t) (end - decoder->data) + 1) * 8;
        return add_slot(decoder, op, (uint64_t) (end - decoder->data) - start, start * 8);
}

static uint64_t count_of(const struct decoder *decoder, const struct op *op) {
        return op->load != 0 ? decoder->registers[op->load] : op->count;
}

static uint64_t stride_of(const struct op *op) {
        return (op->bits + (uint64_t) op->align_mask) & ~(uint64_t) op->align_mask;
}

/* Texts and arrays of numbers: one slot, whatever their length. */
static int run_array(struct decoder *decoder, const struct op *op) {
        uint64_t count = count_of(decoder, op), stride = op->code == OP_TEXT ? 8 : stride_of(op);
        uint64_t start = decoder->position, bits = 0, size;

        if (count > 0) {
                if (start > decoder->end || count - 1 > (decoder->end - start) / stride)
                        return -EBADMSG;
                bits = (count - 1) * stride + (op->code == OP_TEXT ? 8 : op->bits);
        }
        if (!decoder_has(decoder, start, bits))
                return decoder_short(decoder, start, bits);
        decoder->position += bits;
        if (op->role == ROLE_UUID)
                set_role(decoder, op, start);
        size = count;
        if (op->code == OP_TEXT && op->is_padded)
                size = strnlen((const char *) decoder->data + start / 8, count);
        return add_slot(decoder, op, size, start);
}

static int run_variant(struct run *run, const struct op *op) {
        uint64_t tag = run->decoder->registers[op->load];

        for (uint32_t i = 0; i < op->n_choices; i++) {
                const struct choice *choice = &op->choices[i];
                bool fits;

                if (op->is_signed)
                        fits = (int64_t) tag >= (int64_t) choice->low && (int64_t) tag <= (int64_t) choice->high;
                else
                        fits = tag >= choice->low && tag <= choice->high;
                run->work++;
                if (fits) {
                        run->next = choice->target;
                        return 0;
                }
        }
        return -EBADMSG;
}

static int run_loop(struct run *run, const struct op *op) {
        uint64_t count = count_of(run->decoder, op);
        int r;

        r = add_slot(run->decoder, op, count, 0);
        if (r < 0)
                return r;
        if (count == 0)
                run->next = op->target;
        else
                run->loops[run->n_loops++] = (struct loop) { .first = run->next, .left = count };
        return 0;
}

static void run_next(struct run *run) {
        struct loop *loop = &run->loops[run->n_loops - 1];

        if (--loop->left > 0)
                run->next = loop->first;
        else
                run->n_loops--;
}

static int run_control(struct run *run, const struct op *op) {
        /* Alignment alone may lead out of what is there. */
        if (!decoder_has(run->decoder, run->decoder->position, 0))
                return decoder_short(run->decoder, run->decoder->position, 0);
        switch (op->code) {
        case OP_STRUCT:
        case OP_CLOSE:
                return add_slot(run->decoder, op, 0, 0);
        case OP_LOOP:
                return run_loop(run, op);
        case OP_NEXT:
                run_next(run);
                return 0;
        case OP_VARIANT:
                return run_variant(run, op);
        default: /* OP_JUMP */
                run->next = op->target;
                return 0;
        }
}

static int run_all(struct run *run, const struct program *program) {
        struct decoder *decoder = run->decoder;

        for (;;) {
                const struct op *op = &program->ops[run->next++];
                int r;

                decoder->position = (decoder->position + op->align_mask) & ~(uint64_t) op->align_mask;
                if (op->code == OP_END)
                        return 0;
                if (op->code <= OP_FLOAT)
                        r = run_number(decoder, op);
                else if (op->code == OP_STRING)
                        r = run_string(decoder, op);
                else if (++run->work > decoder->credit)
                        r = -ELOOP;
                else if (op->code <= OP_NUMBERS)
                        r = run_array(decoder, op);
                else
                        r = run_control(run, op);
                if (r < 0)
                        return r;
        }
}

int decode_run(struct decoder *decoder, const struct program *program) {
        uint64_t position = decoder->position;
        struct run run;
        int r;

        /* The places for loops stay as they are: clearing them would cost more than a small event. */
        run.decoder = decoder;
        run.next = 0;
        run.n_loops = 0;
        run.work = 0;
        r = run_all(&run, program);
        /* With more data it is run again, but only as often as the file has windows. */
        if (r == -EAGAIN)
                return r;
        if (r >= 0)
                decoder->credit += DECODER_CREDIT_BIT * (decoder->position - position);
        decoder->credit -= run.work < decoder->credit ? run.work : decoder->credit;
        return r;
}

uint64_t decode_element(const uint8_t *data, const struct slot *slot, uint64_t i) {
        const struct op *op = slot->op;
        uint64_t position = slot->position + i * stride_of(op);

        return op->is_float ? read_float(op, data, position) : read_bits(op, data, position);
}

void decoder_done(struct decoder *decoder) {
        free(decoder->slots);
        decoder->slots = NULL;
        decoder->n_slots = decoder->capacity = 0;
}
