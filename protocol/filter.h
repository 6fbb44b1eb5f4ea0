/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Filter expressions: which of an event's records are wanted, by its fields and
 * contexts. tracingd reads the text (filter_compile), makes a program of it for
 * each event definition (filter_bind) and puts that into the view; the library
 * checks and runs it (filter-code.h) before anything is recorded.
 *
 * As in C, with C's precedences, from the weakest:
 *
 *     ||   &&   |   ^   &   == !=   < <= > >=   << >>   and before a value: ! - + ~
 *
 *     7  0x1f  0b101  017 (octal)      integers: signed, or unsigned where too large for that
 *     1.5  2e9  .5                     floating point
 *     "text"  'text'                   strings; * stands for any characters, \* for a star. Further
 *                                      \\ \" \' \n \r \t \xHH. No NUL
 *     id                               the field of that name
 *     $ctx.procname                    a context, protocol/context.h
 *     $app.shop:order                  a context that applications define themselves, by provider and name
 *     ( )
 *
 * - The event is wanted where the expression is neither 0 nor 0.0. && and ||
 *   look at their right side only where they must.
 * - Comparisons give 1 or 0, by value: -1 < 1 whatever the fields' types are,
 *   integers and floating point exactly. With NaN all are false but !=.
 * - Bit operations are for integers, of 64 bits, unsigned where one side is.
 *   << and >> by 64 or more shift everything out; by a negative count too.
 * - Strings (tp_str, tp_text, tp_bytes, procname) have == and != only. The
 *   pattern stands on either side. It matches the whole string, byte by byte.
 * - An event that lacks a field of the expression, or whose field has a type
 *   that the expression cannot use (a string compared with a number, an array),
 *   is never recorded by it, on whichever side of || the field stands. The same
 *   holds for a context that its application does not define.
 * - One evaluation looks at FILTER_STEPS_MAX (filter-code.h) bytes of strings
 *   at most (at some more than once, for a star); beyond that the event is not recorded.
 */

#include <stddef.h>
#include <stdint.h>

#include "protocol/definitions.h"

#define FILTER_TEXT_MAX 1023       /* bytes of an expression */
#define FILTER_NODES_MAX 128       /* values and operators of an expression */
#define FILTER_NESTING_MAX 32      /* parentheses and signs inside each other */
#define FILTER_BIND_MAX 16          /* expressions of any size that always fit into one bound program */

/* Where an expression is wrong. */
struct filter_error {
        unsigned position; /* of the byte, from 0; the text's length: its end */
        char message[160]; /* a sentence, without the position: "A closing parenthesis is missing." */
};

/* An expression, independent of events. Constant and counted: any thread may use it. */
struct filter_program;

/* -EINVAL and *error where text is no expression, -ENOMEM. */
int filter_compile(const char *text, struct filter_program **ret, struct filter_error *error);

struct filter_program *filter_program_ref(struct filter_program *program);
struct filter_program *filter_program_unref(struct filter_program *program);

static inline void filter_program_unrefp(struct filter_program **program) {
        if (*program)
                filter_program_unref(*program);
}

/* What the contexts that an application defines itself are. */
struct filter_application {
        /* Of "app:PROVIDER:NAME": enum definition_type, or 0 where it has none of this name. */
        unsigned (*type)(const char *name, const void *userdata);
        const void *userdata;
};

/*
 * Makes what the library of application (NULL: one without contexts) runs for event, which passes where one of the n
 * expressions is true, and writes it to buffer: *ret_size bytes, a multiple
 * of 8. FILTER_CODE_SIZE_MAX (filter-code.h) are always enough room. Returns 1;
 * 0 where no record of this event could pass: then it is not to be recorded at
 * all; -E2BIG where it is too large for buffer or for a filter.
 */
int filter_bind(struct filter_program *const *programs, size_t n, const struct definition *event,
                const struct filter_application *application, void *buffer, size_t size, size_t *ret_size);
