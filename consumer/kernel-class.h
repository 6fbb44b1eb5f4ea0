/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How a record of one kernel event becomes an event of the trace: pieces of
 * known place that are copied, then what its words point to. Fields of known
 * place come first in the trace, in the order of the format, the others behind
 * them. Made once from the format; read by the drainer's one thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "consumer/kernel-format.h"
#include "consumer/text.h"

/* Where the event header has its longer forms, see kernel-metadata.c. */
#define KERNEL_ID_COMPACT_MAX 29
#define KERNEL_ID_MEDIUM 30
#define KERNEL_ID_EXTENDED 31
#define KERNEL_HEADER_MAX 13

/* A thread's number has 22 bits at most (PID_MAX_LIMIT); the trace has this many bytes of it. */
#define KERNEL_TID_SIZE 3

/* Copies go on for less than this behind their ends, on both sides. */
#define KERNEL_SLACK 64

/* Bytes of the record that are fields of the trace as well, one behind the other. */
struct kernel_copy {
        uint16_t from, size;
};

/* A 32-bit number that is another in the trace. */
struct kernel_bias {
        uint16_t at; /* behind the header and the thread */
        int16_t subtract;
};

struct kernel_tail {
        uint16_t at; /* of the word, or of the bytes */
        uint8_t kind;
        uint8_t element;
        bool is_relative;
};

struct kernel_class {
        uint32_t id;         /* in the trace */
        uint16_t pid_at;
        uint16_t min_size;   /* of a record */
        uint16_t fixed_size; /* of all copies */
        uint8_t n_copies, n_biases, n_tails;
        struct kernel_copy copies[KERNEL_FIELDS_MAX];
        struct kernel_bias biases[8];
        struct kernel_tail tails[KERNEL_FIELDS_MAX];
};

/*
 * Makes the class of system:name and appends its description to the metadata.
 * id and stream are those of the trace. -ENOMEM, or -EBADMSG for fields that no record has room
 * for, with nothing appended.
 */
int kernel_class_new(const char *system, const struct kernel_format *format, uint32_t id, uint32_t stream,
                     struct text *metadata, struct kernel_class **ret);

/* Writes what the tails of a record say. NULL where they point out of it, or there is no room. */
char *kernel_class_put_tails(const struct kernel_class *class, const char *record, uint32_t size, char *to,
                             const char *end);

/*
 * Writes thread and fields of a record of size bytes, of which at least
 * min_size are there. The caller sees to it that there is room for
 * KERNEL_TID_SIZE + fixed_size + KERNEL_SLACK bytes before end. Returns what is
 * behind, or NULL as above.
 */
static inline char *kernel_class_put(const struct kernel_class *class, const char *record, uint32_t size, char *to,
                                     const char *end) {
        char *fields = to + KERNEL_TID_SIZE;

        memcpy(to, record + class->pid_at, sizeof(uint32_t));
        to = fields;
        for (unsigned i = 0; i < class->n_copies; i++) {
                const char *from = record + class->copies[i].from;
                uint32_t n = class->copies[i].size;

                /* In words, since most pieces have one to five. */
                for (uint32_t done = 0; done < n; done += sizeof(uint64_t))
                        memcpy(to + done, from + done, sizeof(uint64_t));
                to += n;
        }
        for (unsigned i = 0; i < class->n_biases; i++) {
                uint32_t value;

                memcpy(&value, fields + class->biases[i].at, sizeof(value));
                value -= (uint32_t) class->biases[i].subtract;
                memcpy(fields + class->biases[i].at, &value, sizeof(value));
        }
        return class->n_tails == 0 ? to : kernel_class_put_tails(class, record, size, to, end);
}
