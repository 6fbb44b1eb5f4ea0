/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Events as a trace of Perfetto: a track for each process and below it one for
 * each thread (without threads, one for each CPU), spans as slices on it,
 * everything else as instants, fields as debug annotations. What an end gave up
 * ends there, too; what is open at the end of the trace has no end, and the
 * viewer says so.
 *
 * The numbers are those of Perfetto's protos/perfetto/trace/: trace.proto,
 * trace_packet.proto, clock_snapshot.proto, track_event/track_event.proto,
 * track_descriptor.proto, process_descriptor.proto, thread_descriptor.proto and
 * debug_annotation.proto.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/tracectl/output-event.h"
#include "client/tracectl/pairs.h"
#include "client/tracectl/protobuf.h"
#include "client/tracectl/view-output.h"

enum { TRACE_PACKET = 1 };

enum {
        PACKET_CLOCK_SNAPSHOT = 6,
        PACKET_TIMESTAMP = 8,
        PACKET_SEQUENCE = 10,
        PACKET_TRACK_EVENT = 11,
        PACKET_SEQUENCE_FLAGS = 13,
        PACKET_CLOCK = 58,
        PACKET_TRACK = 60,
};

enum { SNAPSHOT_CLOCK = 1, SNAPSHOT_PRIMARY = 2, CLOCK_ID = 1, CLOCK_TIME = 2 };
enum { BUILTIN_REALTIME = 1, BUILTIN_MONOTONIC = 3 };
enum { TRACK_UUID = 1, TRACK_NAME = 2, TRACK_PROCESS = 3, TRACK_THREAD = 4, TRACK_PARENT = 5 };
enum { PROCESS_PID = 1, PROCESS_NAME = 6, THREAD_PID = 1, THREAD_TID = 2, THREAD_NAME = 5 };
enum { EVENT_ANNOTATION = 4, EVENT_TYPE = 9, EVENT_TRACK = 11, EVENT_CATEGORY = 22, EVENT_NAME = 23 };
enum { SLICE_BEGIN = 1, SLICE_END = 2, INSTANT = 3 };

enum {
        ANNOTATION_UINT = 3,
        ANNOTATION_INT = 4,
        ANNOTATION_DOUBLE = 5,
        ANNOTATION_STRING = 6,
        ANNOTATION_NAME = 10,
        ANNOTATION_DICT = 11,
        ANNOTATION_ARRAY = 12,
};

#define SEQUENCE 1
#define INCREMENTAL_STATE_CLEARED 1

/* Numbers of tracks, which no two may have in common. */
#define UUID_OF_PROCESSES (UINT64_C(1) << 32)
#define UUID_OF_TRACKS (UINT64_C(2) << 32)

/* Levels of fields; what is deeper is left out. */
#define DEPTH_MAX 32

struct output_perfetto {
        struct pairs pairs;
        struct protobuf packet;
        bool has_snapshot;
        struct names pids; /* whose processes are written, as bytes */
};

static int begin(const struct view_output_options *options, struct text *text, void **ret) {
        *ret = calloc(1, sizeof(struct output_perfetto));
        return *ret ? 0 : -ENOMEM;
}

/* A packet that is complete goes out. */
static int end_packet(struct protobuf *packet, struct text *text) {
        int r;

        protobuf_add_u64(packet, PACKET_SEQUENCE, SEQUENCE);
        protobuf_end(packet);
        r = packet->error;
        if (r >= 0)
                text_add(text, (const char *) packet->data, packet->size);
        protobuf_clear(packet);
        return r;
}

static void add_clock(struct protobuf *packet, uint32_t clock, uint64_t time) {
        protobuf_begin(packet, SNAPSHOT_CLOCK);
        protobuf_add_u64(packet, CLOCK_ID, clock);
        protobuf_add_u64(packet, CLOCK_TIME, time);
        protobuf_end(packet);
}

/* The first packet: times are those of the day, and what the trace's own clock said at the first event. */
static int add_snapshot(struct output_perfetto *output, struct text *text, const tracectl_reader_event *event) {
        const char *clock = tracectl_reader_event_get_clock_name(event);
        int64_t time = tracectl_reader_event_get_time(event);
        struct protobuf *packet = &output->packet;

        protobuf_begin(packet, TRACE_PACKET);
        protobuf_add_u64(packet, PACKET_SEQUENCE_FLAGS, INCREMENTAL_STATE_CLEARED);
        protobuf_begin(packet, PACKET_CLOCK_SNAPSHOT);
        add_clock(packet, BUILTIN_REALTIME, time > 0 ? (uint64_t) time : 0);
        if (clock && strcmp(clock, "monotonic") == 0 &&
            tracectl_reader_event_get_clock_frequency(event) == 1000000000)
                add_clock(packet, BUILTIN_MONOTONIC, tracectl_reader_event_get_ticks(event));
        protobuf_add_u64(packet, SNAPSHOT_PRIMARY, BUILTIN_REALTIME);
        protobuf_end(packet);
        output->has_snapshot = true;
        return end_packet(packet, text);
}

static uint64_t process_uuid(const struct track *track) {
        return UUID_OF_PROCESSES | (uint32_t) track->pid;
}

static int add_process(struct output_perfetto *output, struct text *text, const struct track *track,
                       const char *name, size_t size) {
        struct protobuf *packet = &output->packet;
        uint32_t n = output->pids.n;
        int64_t number = names_add(&output->pids, (const char *) &track->pid, sizeof(track->pid));

        if (number < n)
                return number < 0 ? (int) number : 0;
        protobuf_begin(packet, TRACE_PACKET);
        protobuf_begin(packet, PACKET_TRACK);
        protobuf_add_u64(packet, TRACK_UUID, process_uuid(track));
        protobuf_begin(packet, TRACK_PROCESS);
        protobuf_add_i64(packet, PROCESS_PID, track->pid);
        if (size > 0)
                protobuf_add_string(packet, PROCESS_NAME, name, size);
        protobuf_end(packet);
        protobuf_end(packet);
        return end_packet(packet, text);
}

static void add_thread(struct protobuf *packet, const struct track *track, const char *name, size_t size) {
        protobuf_add_u64(packet, TRACK_PARENT, process_uuid(track));
        protobuf_begin(packet, TRACK_THREAD);
        protobuf_add_i64(packet, THREAD_PID, track->pid);
        protobuf_add_i64(packet, THREAD_TID, track->tid);
        if (size > 0)
                protobuf_add_string(packet, THREAD_NAME, name, size);
        protobuf_end(packet);
}

/* Before a track's first event. */
static int add_track(struct output_perfetto *output, struct text *text, uint32_t number,
                     tracectl_reader_event *event) {
        const struct track *track = &output->pairs.tracks.items[number];
        struct protobuf *packet = &output->packet;
        const char *name = NULL;
        size_t size = 0;
        int r;

        (void) output_find_process(event, &name, &size);
        if (track->is_thread) {
                r = add_process(output, text, track, name, size);
                if (r < 0)
                        return r;
        }
        protobuf_begin(packet, TRACE_PACKET);
        protobuf_begin(packet, PACKET_TRACK);
        protobuf_add_u64(packet, TRACK_UUID, UUID_OF_TRACKS | number);
        if (track->is_thread)
                add_thread(packet, track, name, size);
        else {
                char cpu[32];
                int n = track->cpu >= 0 ? snprintf(cpu, sizeof(cpu), "CPU %i", (int) track->cpu)
                                        : snprintf(cpu, sizeof(cpu), "unknown");

                protobuf_add_string(packet, TRACK_NAME, cpu, (size_t) n);
        }
        protobuf_end(packet);
        return end_packet(packet, text);
}

static void add_value(struct protobuf *packet, const tracectl_field *field) {
        bool is_integer = field->type == TRACECTL_FIELD_UNSIGNED || field->type == TRACECTL_FIELD_SIGNED;

        if (is_integer && field->label)
                protobuf_add_string(packet, ANNOTATION_STRING, field->label, strlen(field->label));
        else if (field->type == TRACECTL_FIELD_UNSIGNED)
                protobuf_add_u64(packet, ANNOTATION_UINT, field->u);
        else if (field->type == TRACECTL_FIELD_SIGNED)
                protobuf_add_i64(packet, ANNOTATION_INT, field->i);
        else if (field->type == TRACECTL_FIELD_DOUBLE)
                protobuf_add_double(packet, ANNOTATION_DOUBLE, field->d);
        else
                protobuf_add_string(packet, ANNOTATION_STRING, field->string.data, field->string.size);
}

/* Structures are dictionaries, arrays are arrays, both of annotations. */
static void add_annotations(struct protobuf *packet, tracectl_reader_event *event) {
        bool is_array[DEPTH_MAX];
        const tracectl_field *field;
        unsigned depth = 0, n_left_out = 0;

        while ((field = tracectl_reader_event_next_field(event))) {
                bool opens = field->type == TRACECTL_FIELD_STRUCT || field->type == TRACECTL_FIELD_ARRAY;

                if (field->type == TRACECTL_FIELD_CLOSE) {
                        if (n_left_out > 0)
                                n_left_out--;
                        else {
                                protobuf_end(packet);
                                depth--;
                        }
                        continue;
                }
                if (field->is_length || n_left_out > 0 || (opens && depth == DEPTH_MAX)) {
                        n_left_out += opens;
                        continue;
                }
                protobuf_begin(packet, depth == 0             ? EVENT_ANNOTATION :
                                       is_array[depth - 1] ? ANNOTATION_ARRAY :
                                                                ANNOTATION_DICT);
                if (field->name && !(depth > 0 && is_array[depth - 1]))
                        protobuf_add_string(packet, ANNOTATION_NAME, field->name, field->name_size);
                if (opens)
                        is_array[depth++] = field->type == TRACECTL_FIELD_ARRAY;
                else {
                        add_value(packet, field);
                        protobuf_end(packet);
                }
        }
}

/* Up to the fields. */
static void begin_event(struct output_perfetto *output, unsigned type, int64_t time, uint32_t track) {
        struct protobuf *packet = &output->packet;

        protobuf_begin(packet, TRACE_PACKET);
        protobuf_add_u64(packet, PACKET_TIMESTAMP, time > 0 ? (uint64_t) time : 0);
        protobuf_add_u64(packet, PACKET_CLOCK, BUILTIN_REALTIME);
        protobuf_begin(packet, PACKET_TRACK_EVENT);
        protobuf_add_u64(packet, EVENT_TYPE, type);
        protobuf_add_u64(packet, EVENT_TRACK, UUID_OF_TRACKS | track);
}

static void add_name(struct protobuf *packet, const struct name *name) {
        const char *colon = memchr(name->data, ':', name->size);

        protobuf_add_string(packet, EVENT_NAME, name->data, name->size);
        if (colon)
                protobuf_add_string(packet, EVENT_CATEGORY, name->data, (size_t) (colon - name->data));
}

static int end_event(struct output_perfetto *output, struct text *text) {
        protobuf_end(&output->packet);
        return end_packet(&output->packet, text);
}

static int add_end(struct output_perfetto *output, struct text *text, const struct pair_event *pair) {
        begin_event(output, SLICE_END, pair->time, pair->track);
        return end_event(output, text);
}

static int add_pair(struct output_perfetto *output, struct text *text, const struct pair_event *pair,
                    tracectl_reader_event *event) {
        bool is_whole = pair->kind == PAIR_WHOLE, is_end = pair->kind == PAIR_END;
        unsigned type = is_end ? SLICE_END : is_whole || pair->kind == PAIR_BEGIN ? SLICE_BEGIN : INSTANT;
        int r = 0;

        for (size_t i = 0; i < pair->n_abandoned && r >= 0; i++)
                r = add_end(output, text, pair);
        if (r < 0)
                return r;
        begin_event(output, type, is_whole ? pair_event_begin(pair) : pair->time, pair->track);
        if (!is_end)
                add_name(&output->packet,
                         &output->pairs.names.items[pair->kind == PAIR_NONE ? pair->event : pair->span]);
        tracectl_reader_event_rewind(event, TRACECTL_SCOPE_CONTEXT);
        add_annotations(&output->packet, event);
        tracectl_reader_event_rewind(event, TRACECTL_SCOPE_FIELDS);
        add_annotations(&output->packet, event);
        r = end_event(output, text);
        return r >= 0 && is_whole ? add_end(output, text, pair) : r;
}

static int add_event(void *state, struct text *text, tracectl_reader_event *event) {
        struct output_perfetto *output = state;
        uint32_t n_tracks = output->pairs.tracks.n;
        struct pair_event pair;
        int r;

        r = pairs_add(&output->pairs, event, &pair);
        if (r >= 0 && !output->has_snapshot)
                r = add_snapshot(output, text, event);
        if (r >= 0 && pair.track >= n_tracks)
                r = add_track(output, text, pair.track, event);
        return r < 0 ? r : add_pair(output, text, &pair, event);
}

static void output_free(void *state) {
        struct output_perfetto *output = state;

        if (!output)
                return;
        protobuf_done(&output->packet);
        names_done(&output->pids);
        pairs_done(&output->pairs);
        free(output);
}

const struct view_output view_output_perfetto = {
        .name = "perfetto",
        .is_bytes = true,
        .begin = begin,
        .event = add_event,
        .free = output_free,
};
