/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the metadata of one trace says: its clocks, streams and events, and the
 * decode programs made of their types. Made once by metadata_load(), constant
 * from then on.
 */

#include <stdbool.h>
#include <stdint.h>

#include "client/libtracectl-read/arena.h"
#include "client/libtracectl-read/clock.h"
#include "client/libtracectl-read/problem.h"
#include "client/libtracectl-read/program.h"
#include "client/libtracectl-read/threads.h"
#include "client/libtracectl-read/type.h"

#define EVENT_CLASS_DIRECT 1024 /* ids below this are found by index */

struct event_class {
        struct event_class *next;
        uint64_t id, stream_id;
        const char *name;
        const char *machine; /* of the trace, which says it first; or NULL */
        int loglevel; /* -1: none */
        bool is_thread; /* tracectl:thread */
        bool is_state;  /* of a state dump */
        enum thread_news news; /* in a trace of the kernel */
        const struct type *context, *fields;
        struct program *context_program, *fields_program;
        const struct layout *layout; /* or NULL */
        const struct clock *clock;   /* its stream's */
        unsigned kind;               /* its number among those of all traces of a reader */
};

struct stream_class {
        struct stream_class *next;
        uint64_t id;
        bool has_id;
        const struct type *packet_context, *event_header, *event_context;
        struct program *packet_context_program, *event_header_program, *event_context_program;
        bool has_compact_header; /* protocol/ctf.h: the event header can be read without its program */
        const struct clock *clock;
        size_t n_events;
        struct event_class **events; /* by id */
        struct event_class *direct[EVENT_CLASS_DIRECT];
};

struct metadata {
        struct arena arena;
        bool is_big_endian, has_uuid;
        bool hides_state; /* tracectl's, where the state dump is for the reader alone */
        bool is_kernel; /* its events say which thread they are of, not which process */
        bool is_cut; /* its last declaration is not whole, and left out */
        const char *machine; /* that it was recorded on; NULL: it does not say */
        uint8_t uuid[16];
        const struct type *packet_header;
        struct program *packet_header_program;
        struct clock *clocks;
        struct stream_class *streams;
        struct event_class *events; /* in the order of the text, reversed */
        unsigned n_registers;       /* that a stream needs for the programs */
        unsigned first_kind, n_kinds;
};

/*
 * Reads a metadata file, plain text or packetized. path is for the sentence in
 * problem, which is set on failure.
 */
int metadata_load(int directory_fd, const char *path, struct problem *problem, struct metadata **ret);

/* The same of a text, plain. */
int metadata_parse(const char *text, size_t size, const char *path, struct problem *problem, struct metadata **ret);

struct metadata *metadata_free(struct metadata *metadata);

struct stream_class *metadata_find_stream(const struct metadata *metadata, uint64_t id);

/* Numbers the events from first on. */
void metadata_number_kinds(struct metadata *metadata, unsigned first);

/* NULL where the stream has no event of this id. */
const struct event_class *stream_class_find_event(const struct stream_class *stream, uint64_t id);
