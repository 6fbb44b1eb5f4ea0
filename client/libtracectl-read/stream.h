/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One stream file of a trace: its packets one after another, and in them the
 * event that comes next. What cannot be read is skipped up to the next packet
 * that can be found, counted, and reported once a stream. Belongs to its trace
 * and needs its metadata; one thread at a time.
 */

#include <stdbool.h>
#include <stdint.h>

#include "client/libtracectl-read/decode.h"
#include "client/libtracectl-read/metadata.h"
#include "client/libtracectl-read/report.h"
#include "client/libtracectl-read/window.h"

struct stream {
        const struct metadata *metadata;
        const struct report *report;
        struct threads *threads; /* of a trace of the kernel: its table; or NULL */
        char *path;
        size_t number;        /* among those of all traces: the order of what happened at the same time */
        int64_t since, until; /* nanoseconds; other events are passed over */
        struct window window;
        uint64_t file_size;
        struct decoder decoder; /* its data is the window's */
        uint64_t slid;          /* bits from the packet's beginning to the window's */

        /* the packet */
        const struct stream_class *class;
        bool in_packet;
        bool has_begun; /* with the first packet that is wanted */
        bool has_sequence;
        uint64_t packet_offset, packet_end; /* in the file */
        uint64_t sequence;
        uint64_t last_discarded;
        int32_t cpu; /* -1: unknown */

        /* the event */
        uint64_t event_at; /* its first bit, counted from the packet's beginning */
        const struct event_class *event;
        int64_t ns; /* since the epoch */
        const uint8_t *bytes;  /* of the values: of an event with a layout just they, else where they begin */
        size_t n_bytes;
        bool has_slots;        /* its values are slots of the decoder: there is no layout */
        size_t n_context_slots;
        bool has_thread;
        int32_t pid, tid; /* pid is -1 where the threads' table has to say it */

        /* what is not there */
        uint64_t discarded, packets_lost, bytes_skipped;
        bool has_reported;
};

/* Opens a file of a directory. path is for sentences. */
int stream_new(const struct metadata *metadata, const struct report *report, int directory_fd, const char *name,
               const char *path, struct stream **ret);

/* Of a file that is open, taken over also on failure. */
int stream_new_fd(const struct metadata *metadata, const struct report *report, int fd, const char *path,
                  struct stream **ret);

struct stream *stream_free(struct stream *stream);

/*
 * Goes to the next event: event, ns, decoder.time and the thread are known then.
 * tracectl:thread, and a state dump of tracectl's, are among them only with_markers. 1, 0 at the end, -ENOMEM.
 */
int stream_next(struct stream *stream, bool with_markers);

/*
 * Reads the values of the event: bytes, and has_slots is known; then also
 * decoder.slots, the first n_context_slots of them its contexts'. 1; 0 where it
 * is broken, and so the event is none after all; -ENOMEM.
 */
int stream_read_event(struct stream *stream);

/* For packet.c: decodes programs one after another, and makes the window move along. ret_start: where they began. */
int stream_run(struct stream *stream, const struct program *const *programs, size_t n, uint64_t *ret_start);

/* Makes more of the packet readable behind the decoder's position, which changes its number. 0 or -errno. */
int stream_load_more(struct stream *stream);

/* Gives up on the packet, or where its end is unknown, on the rest of the file. */
void stream_skip(struct stream *stream, const char *why);
