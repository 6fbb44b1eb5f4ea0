/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A live stream of any form, as who follows a session reads it. An input is
 * pieces: a byte of type and options, two bytes of size, so many bytes, which
 * are a frame's, or are sent as they are. After each piece, and when nothing more
 * comes, all batches are taken and read.
 */

#undef NDEBUG

#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/libtracectl-read/tracectl-read.h"
#include "protocol/stream.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/reader-seeds.h"

#define BATCHES_MAX 100

/* Of a piece, beside its type. */
enum {
        TYPES = 7, /* enum stream_frame_type; 0: no frame */
        OTHER_TRACE = 8,
        WRONG_SIZE = 16, /* the frame says that it is longer */
        MORE = 32, /* nothing is read before the next piece */
};

static void read_batch(tracectl_reader *reader) {
        tracectl_reader_event *event;

        while (tracectl_reader_next(reader, &event) > 0)
                while (tracectl_reader_event_next_field(event))
                        ;
}

/* False where no more will come. */
static bool read_batches(tracectl_reader_live *live) {
        tracectl_reader *reader;
        int r = 1;

        for (unsigned i = 0; i < BATCHES_MAX && r > 0; i++) {
                r = tracectl_reader_live_take(live, &reader);
                if (r > 0)
                        read_batch(reader);
        }
        return r >= 0;
}

static bool send_all(int fd, const void *data, size_t size) {
        return send(fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t) size;
}

static bool send_piece(int fd, struct fuzz_input *input, uint8_t options) {
        size_t size = fuzz_take_u8(input) | (size_t) fuzz_take_u8(input) << 8;
        struct stream_frame frame = { .type = options & TYPES };

        size = MIN(size, input->size);
        frame.size = size + (options & WRONG_SIZE ? 9 : 0);
        if (frame.type == STREAM_METADATA || frame.type == STREAM_PACKET)
                memset(frame.uuid, options & OTHER_TRACE ? 8 : 7, sizeof(frame.uuid));
        if (frame.type > 0 && !send_all(fd, &frame, sizeof(frame)))
                return false;
        return size == 0 || send_all(fd, fuzz_take(input, size), size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct fuzz_input input = { data, size };
        tracectl_reader_live *live;
        bool good = true;
        int pair[2];

        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
        g_assert_cmpint(tracectl_reader_live_new(pair[0], &live), ==, 0);
        while (good && input.size > 0) {
                uint8_t options = fuzz_take_u8(&input);

                good = send_piece(pair[1], &input, options);
                if (good && !(options & MORE))
                        good = read_batches(live);
        }
        close(pair[1]);
        if (good)
                (void) read_batches(live);
        tracectl_reader_live_free(live);
        return 0;
}

static void put(GByteArray *input, uint8_t options, const void *data, size_t size) {
        const uint8_t head[] = { options, (uint8_t) size, (uint8_t) (size >> 8) };

        g_byte_array_append(input, head, sizeof(head));
        g_byte_array_append(input, data, (guint) size);
}

/* A trace, its packets together and then each again, in two batches and a last one. */
static void add_stream(fuzz_add add, const GByteArray *trace) {
        const struct stream_hello hello = { .magic = STREAM_MAGIC, .major = STREAM_MAJOR, .minor = STREAM_MINOR };
        const struct stream_sync early = { .time = 1500, .realtime = 5 }, late = { .time = 5000, .realtime = 6 };
        const struct stream_lost lost = { .packets = 1, .events = 3 };
        size_t n = trace->data[0] | (size_t) trace->data[1] << 8;
        const guint8 *metadata = trace->data + 4, *packets = metadata + n;
        size_t n_packets = trace->len - 4 - n;
        g_autoptr(GByteArray) input = g_byte_array_new();

        put(input, STREAM_HELLO | MORE, &hello, sizeof(hello));
        put(input, STREAM_METADATA, metadata, n);
        put(input, STREAM_PACKET, packets, n_packets);
        put(input, STREAM_SYNC, &early, sizeof(early));
        put(input, STREAM_METADATA | OTHER_TRACE | MORE, metadata, n);
        put(input, STREAM_PACKET | OTHER_TRACE | MORE, packets, n_packets / 3);
        put(input, STREAM_LOST, &lost, sizeof(lost));
        put(input, STREAM_SYNC, &late, sizeof(late));
        put(input, STREAM_PACKET, packets, n_packets);
        put(input, 0, "\x04", 1);
        add(input->data, input->len);
}

void fuzz_seeds(fuzz_add add) {
        g_autoptr(GByteArray) compact = reader_seed_compact(), plain = reader_seed_plain();

        add_stream(add, compact);
        add_stream(add, plain);
}
