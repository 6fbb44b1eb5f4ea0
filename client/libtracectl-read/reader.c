/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>

#include "client/libtracectl-read/export.h"
#include "client/libtracectl-read/reader.h"
#include "client/libtracectl-read/seek.h"

_public_ int tracectl_reader_new(tracectl_reader **ret) {
        tracectl_reader *reader = calloc(1, sizeof(*reader));

        if (!reader)
                return -ENOMEM;
        reader->since = INT64_MIN;
        reader->until = INT64_MAX;
        *ret = reader;
        return 0;
}

_public_ void tracectl_reader_free(tracectl_reader *reader) {
        if (!reader)
                return;
        merge_done(&reader->merge);
        traces_done(&reader->traces);
        free(reader);
}

_public_ void tracectl_reader_set_report(tracectl_reader *reader, void (*function)(const char *, void *),
                                         void *userdata) {
        reader->report = (struct report) { .function = function, .userdata = userdata };
}

_public_ void tracectl_reader_set_markers(tracectl_reader *reader, int markers) {
        reader->with_markers = markers != 0;
}

_public_ void tracectl_reader_set_unordered(tracectl_reader *reader, int unordered) {
        reader->is_unordered = unordered != 0;
}

_public_ void tracectl_reader_set_range(tracectl_reader *reader, int64_t since, int64_t until) {
        reader->since = since;
        reader->until = until;
}

_public_ unsigned tracectl_reader_get_n_kinds(const tracectl_reader *reader) {
        return reader->traces.n_kinds;
}

_public_ void tracectl_reader_list_names(const tracectl_reader *reader,
                                         void (*function)(const char *event, const char *field, void *userdata),
                                         void *userdata) {
        for (size_t i = 0; i < reader->traces.n; i++)
                for (const struct event_class *event = reader->traces.traces[i]->metadata->events; event;
                     event = event->next) {
                        const struct type *fields = event->fields;

                        function(event->name, NULL, userdata);
                        for (const struct member *member = fields ? fields->compound.members : NULL; member;
                             member = member->next)
                                function(event->name, member_shown_name(member->name), userdata);
                }
}

_public_ int tracectl_reader_open(tracectl_reader *reader, const char *path) {
        if (reader->is_running)
                return -EBUSY;
        reader->problem = (struct problem) {};
        return trace_find(&reader->traces, &reader->report, &reader->problem, path);
}

_public_ const char *tracectl_reader_get_error(const tracectl_reader *reader) {
        return reader->problem.text[0] != '\0' ? reader->problem.text : NULL;
}

/* Takes a stream to its first event, and in among the others. */
static int add_stream(tracectl_reader *reader, struct stream *stream) {
        int r;

        if (stream->since < reader->since)
                stream->since = reader->since;
        stream->until = reader->until;
        if (reader->since != INT64_MIN)
                stream_seek(stream, reader->since);
        r = stream_next(stream, reader->with_markers);
        return r > 0 ? merge_add(&reader->merge, stream) : r;
}

/* Unordered, one stream at a time is among those to be merged. */
static int add_streams(tracectl_reader *reader) {
        while (reader->trace < reader->traces.n && !(reader->is_unordered && merge_first(&reader->merge))) {
                const struct trace *trace = reader->traces.traces[reader->trace];
                int r;

                if (reader->stream == trace->n_streams) {
                        reader->trace++;
                        reader->stream = 0;
                        continue;
                }
                r = add_stream(reader, trace->streams[reader->stream++]);
                if (r < 0)
                        return r;
        }
        return 0;
}

int reader_pass(tracectl_reader *reader) {
        reader->is_read = false;
        return stream_next(merge_first(&reader->merge), reader->with_markers);
}

int reader_settle(tracectl_reader *reader, int more) {
        if (more > 0)
                merge_settle(&reader->merge);
        else if (more == 0)
                merge_drop(&reader->merge);
        return more;
}

int reader_find(tracectl_reader *reader) {
        int r = 0;

        if (reader->is_inside) {
                reader->is_inside = false;
                r = reader_settle(reader, reader_pass(reader));
        }
        reader->is_running = true;
        while (r >= 0) {
                if (reader->is_read)
                        return 1;
                r = add_streams(reader);
                if (r < 0 || !merge_first(&reader->merge))
                        break;
                r = stream_read_event(merge_first(&reader->merge));
                reader->is_read = r > 0;
                if (r == 0)
                        r = reader_settle(reader, reader_pass(reader));
        }
        if (r < 0)
                problem_set(&reader->problem, r, "There is not enough memory to read on");
        return r;
}

_public_ int tracectl_reader_next(tracectl_reader *reader, tracectl_reader_event **ret) {
        int r = reader_find(reader);

        if (r <= 0)
                return r;
        reader->is_inside = true;
        record_take(&reader->record, merge_first(&reader->merge));
        event_set(&reader->event, &reader->record);
        *ret = &reader->event;
        return 1;
}

static uint64_t sum(const tracectl_reader *reader, uint64_t (*of)(const struct stream *stream)) {
        uint64_t total = 0;

        for (size_t i = 0; i < reader->traces.n; i++)
                for (size_t j = 0; j < reader->traces.traces[i]->n_streams; j++)
                        total += of(reader->traces.traces[i]->streams[j]);
        return total;
}

static uint64_t discarded(const struct stream *stream) {
        return stream->discarded;
}

static uint64_t packets_lost(const struct stream *stream) {
        return stream->packets_lost;
}

static uint64_t bytes_skipped(const struct stream *stream) {
        return stream->bytes_skipped;
}

_public_ uint64_t tracectl_reader_get_discarded(const tracectl_reader *reader) {
        return sum(reader, discarded);
}

_public_ uint64_t tracectl_reader_get_packets_lost(const tracectl_reader *reader) {
        return sum(reader, packets_lost);
}

_public_ uint64_t tracectl_reader_get_bytes_skipped(const tracectl_reader *reader) {
        return sum(reader, bytes_skipped);
}
