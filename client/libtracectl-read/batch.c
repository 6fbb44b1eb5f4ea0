/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/libtracectl-read/export.h"
#include "client/libtracectl-read/reader.h"

/* So many that handing a batch to another thread costs nothing, so few that all is still in the cache then. */
#define BATCH_RECORDS 1024
#define BATCH_BYTES ((size_t) 64 << 10)
#define BATCH_SLOTS 4096

/* Records point into bytes and slots, which do not move while there are any. */
struct tracectl_reader_batch {
        struct record records[BATCH_RECORDS];
        size_t n_records, next;
        uint8_t *bytes;
        size_t n_bytes, bytes_capacity;
        struct slot *slots;
        size_t n_slots, slots_capacity;
        tracectl_reader_event event;
};

_public_ int tracectl_reader_batch_new(tracectl_reader_batch **ret) {
        tracectl_reader_batch *batch = calloc(1, sizeof(*batch));

        if (!batch)
                return -ENOMEM;
        *ret = batch;
        return 0;
}

_public_ void tracectl_reader_batch_free(tracectl_reader_batch *batch) {
        if (!batch)
                return;
        free(batch->bytes);
        free(batch->slots);
        free(batch);
}

/* Room in an empty batch for what may be more than usual, and no less than usual again after it. */
static int resize(void *array, size_t *capacity, size_t wanted, size_t usual, size_t size) {
        void **data = array, *fresh;

        if (wanted < usual)
                wanted = usual;
        if (*capacity == wanted)
                return 0;
        fresh = malloc(wanted * size);
        if (!fresh)
                return -ENOMEM;
        free(*data);
        *data = fresh;
        *capacity = wanted;
        return 0;
}

static int make_room(tracectl_reader_batch *batch, const struct stream *stream) {
        size_t n_slots = stream->has_slots ? stream->decoder.n_slots : 0;
        int r;

        r = resize(&batch->bytes, &batch->bytes_capacity, stream->n_bytes, BATCH_BYTES, 1);
        return r < 0 ? r : resize(&batch->slots, &batch->slots_capacity, n_slots, BATCH_SLOTS, sizeof(struct slot));
}

static bool has_room(const tracectl_reader_batch *batch, const struct stream *stream) {
        return batch->n_records < BATCH_RECORDS && stream->n_bytes <= batch->bytes_capacity - batch->n_bytes &&
               (!stream->has_slots || stream->decoder.n_slots <= batch->slots_capacity - batch->n_slots);
}

/* The slots' positions count from the batch's bytes on. */
static void add_slots(tracectl_reader_batch *batch, const struct stream *stream, struct record *record) {
        uint64_t from = 8 * (uint64_t) (stream->bytes - stream->decoder.data);
        uint64_t to = 8 * (uint64_t) batch->n_bytes;
        struct slot *slots = batch->slots + batch->n_slots;

        memcpy(slots, record->slots, record->n_slots * sizeof(*slots));
        for (size_t i = 0; i < record->n_slots; i++)
                if (slots[i].position >= from)
                        slots[i].position += to - from;
        record->data = batch->bytes;
        record->slots = slots;
        batch->n_slots += record->n_slots;
}

static void add(tracectl_reader_batch *batch, const struct stream *stream) {
        struct record *record = &batch->records[batch->n_records++];

        record_take(record, stream);
        if (record->has_slots && record->n_slots > 0)
                add_slots(batch, stream, record);
        record->bytes = batch->bytes + batch->n_bytes;
        memcpy(batch->bytes + batch->n_bytes, stream->bytes, stream->n_bytes);
        batch->n_bytes += stream->n_bytes;
}

/* Events of the first stream, as long as it stays the first. 1, or what reader_settle() says; -ENOBUFS: it is full. */
static int add_run(tracectl_reader_batch *batch, tracectl_reader *reader) {
        struct stream *stream = merge_first(&reader->merge);
        const struct stream *rival = merge_second(&reader->merge);
        int r;

        for (;;) {
                if (!has_room(batch, stream))
                        return -ENOBUFS;
                add(batch, stream);
                r = reader_pass(reader);
                if (r <= 0 || (rival && merge_is_before(rival, stream)))
                        return reader_settle(reader, r);
                r = stream_read_event(stream);
                if (r < 0)
                        return r;
                if (r == 0)
                        return reader_settle(reader, reader_pass(reader));
                reader->is_read = true;
        }
}

_public_ int tracectl_reader_fill_batch(tracectl_reader *reader, tracectl_reader_batch *batch) {
        int r;

        batch->n_records = batch->next = batch->n_bytes = batch->n_slots = 0;
        r = reader_find(reader);
        if (r <= 0)
                return r;
        r = make_room(batch, merge_first(&reader->merge));
        while (r >= 0) {
                r = add_run(batch, reader);
                if (r >= 0)
                        r = reader_find(reader);
                if (r == 0)
                        break;
        }
        if (r == -ENOMEM)
                problem_set(&reader->problem, r, "There is not enough memory to read on");
        return r < 0 && r != -ENOBUFS ? r : 1;
}

_public_ tracectl_reader_event *tracectl_reader_batch_next(tracectl_reader_batch *batch) {
        if (batch->next == batch->n_records)
                return NULL;
        event_set(&batch->event, &batch->records[batch->next++]);
        return &batch->event;
}
