/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>

#include "client/libtracectl-read/merge.h"

int merge_add(struct merge *merge, struct stream *stream) {
        size_t i = merge->n;

        if (merge->n == merge->capacity) {
                size_t capacity = merge->n > 0 ? 2 * merge->n : 16;
                struct stream **streams = realloc(merge->streams, capacity * sizeof(struct stream *));

                if (!streams)
                        return -ENOMEM;
                merge->streams = streams;
                merge->capacity = capacity;
        }
        merge->n++;
        for (; i > 0 && merge_is_before(stream, merge->streams[(i - 1) / 2]); i = (i - 1) / 2)
                merge->streams[i] = merge->streams[(i - 1) / 2];
        merge->streams[i] = stream;
        return 0;
}

struct stream *merge_second(const struct merge *merge) {
        if (merge->n < 2)
                return NULL;
        return merge->n > 2 && merge_is_before(merge->streams[2], merge->streams[1]) ? merge->streams[2] :
                                                                                       merge->streams[1];
}

void merge_settle(struct merge *merge) {
        struct stream *stream = merge->streams[0];
        size_t i = 0;

        for (;;) {
                size_t child = 2 * i + 1;

                if (child + 1 < merge->n && merge_is_before(merge->streams[child + 1], merge->streams[child]))
                        child++;
                if (child >= merge->n || !merge_is_before(merge->streams[child], stream))
                        break;
                merge->streams[i] = merge->streams[child];
                i = child;
        }
        merge->streams[i] = stream;
}

void merge_drop(struct merge *merge) {
        merge->streams[0] = merge->streams[--merge->n];
        if (merge->n > 0)
                merge_settle(merge);
}

void merge_done(struct merge *merge) {
        free(merge->streams);
        *merge = (struct merge) {};
}
