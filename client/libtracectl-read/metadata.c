/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/libtracectl-read/metadata-file.h"
#include "client/libtracectl-read/parser.h"
#include "common/cleanup.h"

DEFINE_CLEANUP(struct metadata *, metadata_free)

int metadata_parse(const char *text, size_t size, const char *path, struct problem *problem, struct metadata **ret) {
        _cleanup_(metadata_freep) struct metadata *metadata = NULL;
        struct parser parser = { .path = path, .problem = problem };
        int r;

        metadata = calloc(1, sizeof(*metadata));
        if (!metadata)
                return problem_set(problem, -ENOMEM, "There is not enough memory to read %s", path);
        metadata->is_big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
        parser.metadata = metadata;
        parser.lexer = (struct lexer) LEXER_INIT(text, size);
        r = parse_metadata(&parser);
        if (r >= 0)
                r = programs_compile(metadata, path, problem);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(metadata);
        return 0;
}

int metadata_load(int directory_fd, const char *path, struct problem *problem, struct metadata **ret) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r;

        r = metadata_file_read(directory_fd, path, problem, &text, &size);
        return r < 0 ? r : metadata_parse(text, size, path, problem, ret);
}

struct metadata *metadata_free(struct metadata *metadata) {
        if (metadata) {
                arena_done(&metadata->arena);
                free(metadata);
        }
        return NULL;
}

struct stream_class *metadata_find_stream(const struct metadata *metadata, uint64_t id) {
        for (struct stream_class *stream = metadata->streams; stream; stream = stream->next)
                if (stream->id == id)
                        return stream;
        return NULL;
}

void metadata_number_kinds(struct metadata *metadata, unsigned first) {
        metadata->first_kind = first;
        metadata->n_kinds = 0;
        for (struct event_class *event = metadata->events; event; event = event->next)
                event->kind = first + metadata->n_kinds++;
}

static int compare_id(const void *key, const void *element) {
        uint64_t id = *(const uint64_t *) key, other = (*(struct event_class *const *) element)->id;

        return (id > other) - (id < other);
}

const struct event_class *stream_class_find_event(const struct stream_class *stream, uint64_t id) {
        struct event_class **found;

        if (id < EVENT_CLASS_DIRECT)
                return stream->direct[id];
        found = bsearch(&id, stream->events, stream->n_events, sizeof(struct event_class *), compare_id);
        return found ? *found : NULL;
}
