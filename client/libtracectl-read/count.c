/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>

#include "client/libtracectl-read/export.h"
#include "client/libtracectl-read/reader.h"
#include "common/cleanup.h"

/* What the first stream has left. Sums do not care for the order, so it needs no merging. */
static int count_stream(tracectl_reader *reader, uint64_t *counts) {
        struct stream *stream = merge_first(&reader->merge);
        int r = 1;

        while (r > 0) {
                counts[stream->event->kind]++;
                r = stream_next(stream, reader->with_markers);
                while (r > 0) {
                        r = stream_read_event(stream);
                        if (r != 0)
                                break;
                        r = stream_next(stream, reader->with_markers);
                }
        }
        reader->is_read = false;
        return reader_settle(reader, r);
}

_public_ int tracectl_reader_count(tracectl_reader *reader,
                                   void (*function)(const char *name, int loglevel, uint64_t n, void *userdata),
                                   void *userdata) {
        _cleanup_free_ uint64_t *counts = calloc(reader->traces.n_kinds + 1, sizeof(*counts));
        int r;

        if (!counts)
                return -ENOMEM;
        while ((r = reader_find(reader)) > 0) {
                r = count_stream(reader, counts);
                if (r < 0)
                        break;
        }
        if (r < 0)
                return r;
        for (size_t i = 0; i < reader->traces.n; i++)
                for (const struct event_class *class = reader->traces.traces[i]->metadata->events; class;
                     class = class->next)
                        if (counts[class->kind] > 0)
                                function(class->name, class->loglevel, counts[class->kind], userdata);
        return 0;
}
