/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/tracectl/calibrate-measure.h"
#include "common/cleanup.h"
#include "protocol/definitions.h"

/* Medians of so many pieces, each short enough that most are not interrupted. */
#define PIECES 201
#define PER_PIECE 1000

/* Long enough for a processor that was asleep to be as fast as it gets, and for most of a ring to have been written to. */
#define WARM_UP_NSEC (150 * 1000 * 1000)

#define TEXT "a string of thirty-two bytes...."

static const struct tracectl_field number_fields[] = { { .name = "value", .type = DEFINITION_I64 } };
static const struct tracectl_field string_fields[] = { { .name = "text", .type = DEFINITION_STRING } };

#define EVENT(name_, fields_)                                                                                          \
        {                                                                                                              \
                .size = sizeof(struct tracectl_event), .abi = TRACECTL_ABI, .loglevel = TRACECTL_INFO, .n_fields = 1,  \
                .provider = "calibrate", .name = (name_), .fields = (fields_),                                         \
                .field_size = sizeof(struct tracectl_field), .file = "",                                               \
        }
static struct tracectl_event number_event = EVENT("number", number_fields);
static struct tracectl_event string_event = EVENT("string", string_fields);
static struct tracectl_event *const events[] = { &number_event, &string_event };

struct tracectl_object *calibration_object(void) {
        static struct tracectl_object object = {
                .size = sizeof(object),
                .abi = TRACECTL_ABI,
                .start = events,
                .stop = events + ARRAY_SIZE(events),
        };

        return &object;
}

static int compare(const void *a, const void *b) {
        double x = *(const double *) a, y = *(const double *) b;

        return x < y ? -1 : x > y;
}

typedef void (*work_t)(const struct tracepoints *tracepoints, enum trace_clock clock);

/* Of one call of what is in the work's loop, in nanoseconds. */
static double measure(work_t work, const struct tracepoints *tracepoints, enum trace_clock clock) {
        uint64_t start = trace_clock_read_monotonic(0);
        double pieces[PIECES];

        do
                work(tracepoints, clock);
        while (trace_clock_read_monotonic(0) - start < WARM_UP_NSEC);
        for (size_t i = 0; i < PIECES; i++) {
                uint64_t begin = trace_clock_read_monotonic(0);

                work(tracepoints, clock);
                pieces[i] = (double) (trace_clock_read_monotonic(0) - begin) / PER_PIECE;
        }
        qsort(pieces, PIECES, sizeof(pieces[0]), compare);
        return pieces[PIECES / 2];
}

static void read_clock(const struct tracepoints *unused, enum trace_clock clock) {
        for (unsigned i = 0; i < PER_PIECE; i++) {
                uint64_t ticks = trace_clock_read(clock, 0);

                __asm__ volatile("" : : "r"(ticks));
        }
}

/* What the statement in a program does; of an event that is off, the loop would be most of the time. */
static void record_number(const struct tracepoints *tracepoints, enum trace_clock unused) {
#pragma GCC unroll 10
        for (unsigned i = 0; i < PER_PIECE; i++) {
                if (tracepoint_is_on(&number_event)) {
                        int64_t value = i;

                        tracepoints->record_fixed(&number_event, &value, sizeof(value));
                }
                __asm__ volatile("" : : : "memory");
        }
}

static void record_string(const struct tracepoints *tracepoints, enum trace_clock unused) {
        const struct tracectl_span span = { TEXT, UINT32_MAX, TRACECTL_SPAN_STRING };

        for (unsigned i = 0; i < PER_PIECE; i++)
                if (tracepoint_is_on(&string_event))
                        tracepoints->record_spans(&string_event, &span, 1);
}

int calibration_measure_off(struct calibration *calibration) {
        calibration->clock = trace_clock_choose();
        calibration->clock_ns = measure(read_clock, NULL, calibration->clock);
        calibration->off_ns = measure(record_number, NULL, calibration->clock);
        return trace_clock_calibrate(calibration->clock, NULL, &calibration->info);
}

int calibration_measure_on(struct calibration *calibration, const struct tracepoints *tracepoints) {
        if (!tracepoint_is_on(&number_event) || !tracepoint_is_on(&string_event))
                return -ENODATA;
        calibration->number_ns = measure(record_number, tracepoints, calibration->clock);
        calibration->string_ns = measure(record_string, tracepoints, calibration->clock);
        return 0;
}
