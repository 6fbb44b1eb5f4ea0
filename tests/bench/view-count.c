/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Counts the events of a trace by their kind, or with --each looks at each of them in no order: view-count [--each] DIR */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/libtracectl-read/tracectl-read.h"

static void print(const char *name, int loglevel, uint64_t n, void *userdata) {
        printf("%s %" PRIu64 "\n", name, n);
}

/* Events, and the span of their times. */
static int look(tracectl_reader *reader) {
        int64_t first = INT64_MAX, last = INT64_MIN;
        tracectl_reader_batch *batch;
        tracectl_reader_event *event;
        uint64_t n = 0;
        int r;

        if (tracectl_reader_batch_new(&batch) < 0)
                return -1;
        tracectl_reader_set_unordered(reader, 1);
        while ((r = tracectl_reader_fill_batch(reader, batch)) > 0)
                for (; (event = tracectl_reader_batch_next(batch)); n++) {
                        int64_t time = tracectl_reader_event_get_time(event);

                        first = time < first ? time : first;
                        last = time > last ? time : last;
                }
        tracectl_reader_batch_free(batch);
        printf("%" PRIu64 " %" PRIi64 "\n", n, n > 0 ? last - first : 0);
        return r;
}

int main(int argc, char *argv[]) {
        int each = argc > 1 && strcmp(argv[1], "--each") == 0;
        tracectl_reader *reader;
        int r;

        if (argc != 2 + each || tracectl_reader_new(&reader) < 0)
                return EXIT_FAILURE;
        r = tracectl_reader_open(reader, argv[1 + each]);
        if (r >= 0)
                r = each ? look(reader) : tracectl_reader_count(reader, print, NULL);
        if (r < 0)
                fprintf(stderr, "view-count: %s\n", tracectl_reader_get_error(reader));
        tracectl_reader_free(reader);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
