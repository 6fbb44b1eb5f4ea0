/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>

#include "client/libtracectl-read/event.h"
#include "client/libtracectl-read/export.h"
#include "client/libtracectl-read/merge.h"
#include "client/libtracectl-read/trace.h"

struct tracectl_reader {
        struct traces traces;
        struct merge merge;
        struct report report;
        struct problem problem;
        bool with_markers;
        bool is_running; /* the streams are at their first events */
        bool is_inside;  /* the first stream's event was handed out */
        tracectl_reader_event event;
};

_public_ int tracectl_reader_new(tracectl_reader **ret) {
        tracectl_reader *reader = calloc(1, sizeof(*reader));

        if (!reader)
                return -ENOMEM;
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

_public_ int tracectl_reader_open(tracectl_reader *reader, const char *path) {
        if (reader->is_running)
                return -EBUSY;
        reader->problem = (struct problem) {};
        return trace_find(&reader->traces, &reader->report, &reader->problem, path);
}

_public_ const char *tracectl_reader_get_error(const tracectl_reader *reader) {
        return reader->problem.text[0] != '\0' ? reader->problem.text : NULL;
}

static int start(tracectl_reader *reader) {
        reader->is_running = true;
        for (size_t i = 0; i < reader->traces.n; i++) {
                struct trace *trace = reader->traces.traces[i];

                for (size_t j = 0; j < trace->n_streams; j++) {
                        int r = stream_next(trace->streams[j], reader->with_markers);

                        if (r > 0)
                                r = merge_add(&reader->merge, trace->streams[j]);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

/* Takes the first stream to its next event. */
static int advance(tracectl_reader *reader) {
        int r = stream_next(merge_first(&reader->merge), reader->with_markers);

        if (r < 0)
                return r;
        if (r > 0)
                merge_settle(&reader->merge);
        else
                merge_drop(&reader->merge);
        return 0;
}

static int next(tracectl_reader *reader, tracectl_reader_event **ret) {
        struct stream *stream;
        int r = 0;

        if (!reader->is_running)
                r = start(reader);
        else if (reader->is_inside)
                r = advance(reader);
        reader->is_inside = false;
        while (r >= 0 && (stream = merge_first(&reader->merge))) {
                r = stream_read_event(stream);
                if (r > 0) {
                        reader->is_inside = true;
                        reader->event.stream = stream;
                        tracectl_reader_event_rewind(&reader->event, TRACECTL_SCOPE_FIELDS);
                        *ret = &reader->event;
                        return 1;
                }
                if (r == 0)
                        r = advance(reader);
        }
        return r;
}

_public_ int tracectl_reader_next(tracectl_reader *reader, tracectl_reader_event **ret) {
        int r = next(reader, ret);

        if (r < 0)
                problem_set(&reader->problem, r, "There is not enough memory to read on");
        return r;
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
