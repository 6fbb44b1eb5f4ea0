/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * libtracectl-read: the events of CTF 1.8 traces, those of tracectl and those
 * of other tracers, in the order of their time.
 *
 *     tracectl_reader *reader;
 *     tracectl_reader_event *event;
 *
 *     if (tracectl_reader_new(&reader) < 0)
 *             ...
 *     if (tracectl_reader_open(reader, "shop-20261121-034500") < 0)
 *             puts(tracectl_reader_get_error(reader));
 *     while (tracectl_reader_next(reader, &event) > 0)
 *             puts(tracectl_reader_event_get_name(event));
 *     tracectl_reader_free(reader);
 *
 * A reader may be used by one thread at a time. It belongs to whoever made it;
 * everything that it hands out belongs to it, and what belongs to an event is
 * good until the next tracectl_reader_next(). It needs the same memory for a
 * trace of any length. No trace, however broken, does more than end early; but
 * its texts are as they were recorded: escape them before they get to a
 * terminal. Functions that can fail return a negative errno.
 */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tracectl_reader tracectl_reader;
typedef struct tracectl_reader_event tracectl_reader_event;

int tracectl_reader_new(tracectl_reader **ret);

/* Accepts NULL. */
void tracectl_reader_free(tracectl_reader *reader);

/* function gets a sentence about each part of a trace that cannot be read, while the rest is. */
void tracectl_reader_set_report(tracectl_reader *reader, void (*function)(const char *sentence, void *userdata),
                                void *userdata);

/*
 * With markers not 0, tracectl:thread, which says whose events follow in a stream, and the state dump that a trace of
 * the kernel begins with, are events like the others.
 */
void tracectl_reader_set_markers(tracectl_reader *reader, int markers);

/*
 * Opens all traces in and below a directory: each with a file `metadata`. To be
 * called before tracectl_reader_next(); several times to merge several.
 */
int tracectl_reader_open(tracectl_reader *reader, const char *path);

/* A sentence about what failed last, or NULL. */
const char *tracectl_reader_get_error(const tracectl_reader *reader);

/* The next event. 1, 0 at the end. */
int tracectl_reader_next(tracectl_reader *reader, tracectl_reader_event **ret);

/* Up to now: events that the tracer discarded, packets that are missing, bytes that made no sense. */
uint64_t tracectl_reader_get_discarded(const tracectl_reader *reader);
uint64_t tracectl_reader_get_packets_lost(const tracectl_reader *reader);
uint64_t tracectl_reader_get_bytes_skipped(const tracectl_reader *reader);

const char *tracectl_reader_event_get_name(const tracectl_reader_event *event);

/* Nanoseconds since the epoch. */
int64_t tracectl_reader_event_get_time(const tracectl_reader_event *event);

/* The same as the trace has it: of the clock's counter, as often a second as its frequency; 0 if there is no clock. */
uint64_t tracectl_reader_event_get_ticks(const tracectl_reader_event *event);
uint64_t tracectl_reader_event_get_clock_frequency(const tracectl_reader_event *event);
const char *tracectl_reader_event_get_clock_name(const tracectl_reader_event *event); /* NULL if there is no clock */

/*
 * By how many nanoseconds the clocks of two processors can differ, as the tracer
 * has measured it: of two events of different processors that are closer, either
 * may have been first. 0 where the trace does not say.
 */
uint64_t tracectl_reader_event_get_clock_error(const tracectl_reader_event *event);

/*
 * Who recorded it. 1, or 0 where the trace does not say. Events of the kernel say
 * the thread; pid is -1 where the trace has not said of which process that is.
 */
int tracectl_reader_event_get_thread(const tracectl_reader_event *event, int32_t *ret_pid, int32_t *ret_tid);

/* -1 where the trace does not say. */
int tracectl_reader_event_get_cpu(const tracectl_reader_event *event);
int tracectl_reader_event_get_loglevel(const tracectl_reader_event *event);

/* The kind of machine that it was recorded on, as uname(2) calls it; NULL where the trace does not say. */
const char *tracectl_reader_event_get_machine(const tracectl_reader_event *event);

/* The file that it is from. */
const char *tracectl_reader_event_get_stream(const tracectl_reader_event *event);

enum tracectl_field_type {
        TRACECTL_FIELD_UNSIGNED = 1,
        TRACECTL_FIELD_SIGNED,
        TRACECTL_FIELD_DOUBLE,
        TRACECTL_FIELD_STRING,
        TRACECTL_FIELD_STRUCT, /* its fields follow, up to TRACECTL_FIELD_CLOSE */
        TRACECTL_FIELD_ARRAY,  /* its elements follow, up to TRACECTL_FIELD_CLOSE */
        TRACECTL_FIELD_CLOSE,
};

/* May grow at its end in later versions; only the library makes one. */
typedef struct tracectl_field {
        enum tracectl_field_type type;
        uint8_t base;      /* in which an integer is meant to be shown: 2, 8, 10, 16 */
        uint8_t bits;      /* of an integer */
        uint8_t is_length; /* 1: it only says how long a later array or string is */
        const char *name;  /* NULL for an element of an array */
        size_t name_size;
        const char *label; /* of an integer that is one of an enumeration; or NULL */
        union {
                uint64_t u;
                int64_t i;
                double d;
                struct {
                        const char *data; /* not terminated, and may have NULs in it */
                        size_t size;
                } string;
                uint64_t n_elements;
        };
} tracectl_field;

enum tracectl_field_scope {
        TRACECTL_SCOPE_CONTEXT, /* what a tracer adds to every event */
        TRACECTL_SCOPE_FIELDS,  /* what the program recorded */
};

/* Goes to the first field of a scope; a new event is at that of TRACECTL_SCOPE_FIELDS. */
void tracectl_reader_event_rewind(tracectl_reader_event *event, enum tracectl_field_scope scope);

/* The next field, or NULL. */
const tracectl_field *tracectl_reader_event_next_field(tracectl_reader_event *event);

/*
 * For those who want to be fast.
 *
 * With unordered not 0, the streams come one after another instead of merged,
 * each in the order in which it was written: for sums, whose order does not
 * matter. To be called before tracectl_reader_next().
 */
void tracectl_reader_set_unordered(tracectl_reader *reader, int unordered);

/*
 * Only events from since on, and before until, both in nanoseconds since the
 * epoch. What was before is not read: where the trace has an index, the
 * beginning is found by that. What was discarded is counted from the first
 * packet on that has such an event. To be called before tracectl_reader_next().
 */
void tracectl_reader_set_range(tracectl_reader *reader, int64_t since, int64_t until);

/*
 * Goes through what is left, and gives function the number of events of each
 * kind that there is one of, and its log level, or -1; the same name may come
 * several times, of several traces. 0, or a negative errno.
 */
int tracectl_reader_count(tracectl_reader *reader,
                          void (*function)(const char *name, int loglevel, uint64_t n, void *userdata), void *userdata);

/*
 * The kind of an event: those with the same number have the same name, log
 * level and fields, and belong to one stream of one trace. From 0 up to what
 * the reader says, which is final when the last trace has been opened.
 */
unsigned tracectl_reader_event_get_kind(const tracectl_reader_event *event);
unsigned tracectl_reader_get_n_kinds(const tracectl_reader *reader);

/*
 * What the open traces can have, whether or not they do: calls function with the
 * name of each kind of event, field NULL, and then once for each of its fields.
 * The texts are the reader's, and stay as long as it does.
 */
void tracectl_reader_list_names(const tracectl_reader *reader,
                                void (*function)(const char *event, const char *field, void *userdata), void *userdata);

/*
 * Many events at once. They are copies: another thread may look at them while
 * the reader goes on, also when it has ended; the reader has to stay, and so
 * does what belongs to it. One thread at a time for each batch.
 */
typedef struct tracectl_reader_batch tracectl_reader_batch;

int tracectl_reader_batch_new(tracectl_reader_batch **ret);

/* Accepts NULL. */
void tracectl_reader_batch_free(tracectl_reader_batch *batch);

/* Puts the next events of the reader into the batch, instead of what was in it. 1, 0 at the end: it is empty. */
int tracectl_reader_fill_batch(tracectl_reader *reader, tracectl_reader_batch *batch);

/* The next event of the batch, good until the next call; NULL at the end. The same methods as for others. */
tracectl_reader_event *tracectl_reader_batch_next(tracectl_reader_batch *batch);

/*
 * How the values of an event lie in memory: all in this machine's order, each
 * right behind the one before, not aligned. First the contexts, then the fields.
 */
typedef struct tracectl_layout_field {
        enum tracectl_field_type type;    /* no struct: a number, a string, an array of numbers */
        enum tracectl_field_type element; /* of an array */
        uint8_t size;                     /* bytes of a number, an element, a character */
        uint8_t base, is_length;          /* as in a tracectl_field */
        uint8_t is_terminated;            /* 1: a string with a NUL behind it */
        uint8_t is_padded;                /* 1: a string that ends early if there is a NUL in it */
        uint8_t count_size;               /* bytes of the unsigned number right before it that says how many; or 0: */
        uint64_t count;                   /* so many */
        const char *name;
        size_t name_size;
        const void *labels; /* NULL, or for tracectl_reader_layout_get_label() */
} tracectl_layout_field;

typedef struct tracectl_layout {
        size_t n_contexts, n_fields; /* the latter of both together */
        const tracectl_layout_field *fields;
        size_t size; /* of what has a constant size */
        int is_variable;
} tracectl_layout;

/* NULL if it is not so; then, and always, there is tracectl_reader_event_next_field(). */
const tracectl_layout *tracectl_reader_event_get_layout(const tracectl_reader_event *event);

/* The values of an event with a layout: as many bytes as the layout says. */
const void *tracectl_reader_event_get_bytes(const tracectl_reader_event *event);

/* The label of a value of an enumeration, or NULL. */
const char *tracectl_reader_layout_get_label(const tracectl_layout_field *field, uint64_t value);

/*
 * The events of a session while it is recorded, from a stream that
 * tracectl_session_open_stream() of libtracectl has opened. Whoever is too slow
 * loses events, and can ask how many; the recording does not wait for him.
 *
 *     tracectl_reader_live *live;
 *     tracectl_reader *reader;
 *
 *     while (poll(&(struct pollfd) { .fd = tracectl_reader_live_get_fd(live), .events = POLLIN }, 1, -1) >= 0 &&
 *            (r = tracectl_reader_live_take(live, &reader)) >= 0)
 *             while (r > 0 && tracectl_reader_next(reader, &event) > 0)
 *                     puts(tracectl_reader_event_get_name(event));
 */
typedef struct tracectl_reader_live tracectl_reader_live;

/* fd is taken over on success. */
int tracectl_reader_live_new(int fd, tracectl_reader_live **ret);

/* Accepts NULL. */
void tracectl_reader_live_free(tracectl_reader_live *live);

/* Readable when there is something to take. */
int tracectl_reader_live_get_fd(const tracectl_reader_live *live);

/*
 * Takes what has come, without waiting. 1: a reader of the events that follow
 * those of the last one, in the order of time; it is good until the next call,
 * and not for tracectl_reader_free(). 0: none yet. -EPIPE: the end of the stream;
 * -EBADMSG, -EPROTONOSUPPORT: it is none, or of another version.
 */
int tracectl_reader_live_take(tracectl_reader_live *live, tracectl_reader **ret);

/* When what the last batch ends with was sent: nanoseconds since the epoch, 0 before the first. */
int64_t tracectl_reader_live_get_time(const tracectl_reader_live *live);

/* Up to now: events that the tracer discarded; packets, and events in them, that came faster than they were taken. */
uint64_t tracectl_reader_live_get_discarded(const tracectl_reader_live *live);
uint64_t tracectl_reader_live_get_packets_lost(const tracectl_reader_live *live);
uint64_t tracectl_reader_live_get_events_lost(const tracectl_reader_live *live);

#ifdef __cplusplus
}
#endif
