/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Live streams as a consumer sends them, and as none would. */

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/libtracectl-read/tracectl-read.h"
#include "play-trace.h"
#include "protocol/ctf.h"
#include "protocol/stream.h"

#define ROUNDS 3000

typedef struct {
        tracectl_reader_live *live;
        int fd; /* the consumer's end */
} stream;

static const struct stream_hello HELLO = { STREAM_MAGIC, STREAM_MAJOR, STREAM_MINOR };

static stream *stream_new(void) {
        stream *s = g_new0(stream, 1);
        int fds[2];

        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
        s->fd = fds[1];
        g_assert_cmpint(tracectl_reader_live_new(fds[0], &s->live), ==, 0);
        return s;
}

static void stream_close(stream *s) {
        close(s->fd);
        s->fd = -1;
}

static void stream_free(stream *s) {
        if (s->fd >= 0)
                close(s->fd);
        tracectl_reader_live_free(s->live);
        g_free(s);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(stream, stream_free)

static void stream_send(const stream *s, const void *data, size_t size) {
        g_assert_cmpint(send(s->fd, data, size, MSG_NOSIGNAL), ==, (gssize) size);
}

static void add_frame(GByteArray *frames, uint32_t type, const void *data, size_t size) {
        struct stream_frame frame = { .type = type, .size = size };

        if (type == STREAM_METADATA || type == STREAM_PACKET)
                memset(frame.uuid, 7, sizeof(frame.uuid));
        g_byte_array_append(frames, (const guint8 *) &frame, sizeof(frame));
        if (size > 0)
                g_byte_array_append(frames, data, (guint) size);
}

static void add_sync(GByteArray *frames, uint64_t time) {
        add_frame(frames, STREAM_SYNC, &(struct stream_sync) { time, time + 1 }, sizeof(struct stream_sync));
}

/* A packet with an event of each time, whose number is the time. */
static void add_packet(GByteArray *frames, const struct play_packet *packet, const uint64_t *times, size_t n) {
        g_autoptr(GByteArray) events = play_events();
        g_autofree char *path = NULL, *data = NULL;
        g_autoptr(play) p = play_new();
        gsize size;

        for (size_t i = 0; i < n; i++) {
                play_extended(events, 1, times[i]);
                play_u64(events, times[i]);
        }
        play_packet(p, "s", packet, events);
        path = play_path(p, "s");
        g_assert_true(g_file_get_contents(path, &data, &size, NULL));
        add_frame(frames, STREAM_PACKET, data, size);
}

static GByteArray *frames_begin(void) {
        GByteArray *frames = g_byte_array_new();

        add_frame(frames, STREAM_HELLO, &HELLO, sizeof(HELLO));
        add_frame(frames, STREAM_METADATA, PLAY_METADATA, strlen(PLAY_METADATA));
        return frames;
}

/* The times of the next batch, with a blank behind each; NULL where there is none yet, and *ret_error where it fails. */
static char *take(const stream *s, int *ret_error) {
        g_autoptr(GString) text = g_string_new("");
        tracectl_reader_event *event;
        tracectl_reader *reader;
        int r;

        r = tracectl_reader_live_take(s->live, &reader);
        if (ret_error)
                *ret_error = r;
        else
                g_assert_cmpint(r, >=, 0);
        if (r <= 0)
                return NULL;
        while ((r = tracectl_reader_next(reader, &event)) > 0)
                g_string_append_printf(text, "%" G_GUINT64_FORMAT " ", tracectl_reader_event_get_ticks(event));
        return g_string_free(g_steal_pointer(&text), FALSE);
}

static void assert_batch(const stream *s, const char *expected) {
        g_autofree char *batch = take(s, NULL);

        g_assert_cmpstr(batch, ==, expected);
}

static void assert_error(const stream *s, int expected) {
        int r;

        g_assert_null(take(s, &r));
        g_assert_cmpint(r, ==, expected);
}

/* What goes on behind the time of a SYNC is in the next batch, and every event in one. */
static void test_batches(void) {
        const uint64_t early[] = { 10, 20, 30 }, late[] = { 15, 40 };
        g_autoptr(GByteArray) frames = frames_begin();
        g_autoptr(stream) s = stream_new();

        add_packet(frames, &(struct play_packet) { .begin = 10, .end = 30 }, early, G_N_ELEMENTS(early));
        add_packet(frames, &(struct play_packet) { .begin = 15, .end = 40, .cpu = 1 }, late, G_N_ELEMENTS(late));
        stream_send(s, frames->data, frames->len);
        assert_batch(s, NULL);
        g_byte_array_set_size(frames, 0);
        add_sync(frames, 25);
        stream_send(s, frames->data, frames->len);
        assert_batch(s, "10 15 20 ");
        g_assert_cmpint(tracectl_reader_live_get_time(s->live), ==, 26);
        assert_batch(s, NULL);
        g_byte_array_set_size(frames, 0);
        add_sync(frames, 100);
        stream_send(s, frames->data, frames->len);
        assert_batch(s, "30 40 ");
}

/* However it arrives. */
static void test_byte_by_byte(void) {
        const uint64_t times[] = { 10, 20 };
        g_autoptr(GByteArray) frames = frames_begin();
        g_autoptr(stream) s = stream_new();

        add_frame(frames, 77, "of a later version", 18);
        add_packet(frames, &(struct play_packet) { .begin = 10, .end = 20 }, times, G_N_ELEMENTS(times));
        add_sync(frames, 100);
        for (guint i = 0; i + 1 < frames->len; i++) {
                stream_send(s, frames->data + i, 1);
                assert_batch(s, NULL);
        }
        stream_send(s, frames->data + frames->len - 1, 1);
        assert_batch(s, "10 20 ");
}

/* Told of by the consumer, and by the packets; of these, what was lost before the first was lost to others. */
static void test_lost(void) {
        const uint64_t one[] = { 10 }, two[] = { 20 };
        g_autoptr(GByteArray) frames = frames_begin();
        g_autoptr(stream) s = stream_new();

        add_packet(frames, &(struct play_packet) { .begin = 10, .end = 10, .discarded = 5 }, one, 1);
        add_frame(frames, STREAM_LOST, &(struct stream_lost) { 2, 300 }, sizeof(struct stream_lost));
        add_packet(frames, &(struct play_packet) { .begin = 20, .end = 20, .sequence = 1, .discarded = 9 }, two, 1);
        add_frame(frames, STREAM_LOST, &(struct stream_lost) { 1, 50 }, sizeof(struct stream_lost));
        add_sync(frames, 100);
        stream_send(s, frames->data, frames->len);
        assert_batch(s, "10 20 ");
        g_assert_cmpuint(tracectl_reader_live_get_packets_lost(s->live), ==, 3);
        g_assert_cmpuint(tracectl_reader_live_get_events_lost(s->live), ==, 350);
        g_assert_cmpuint(tracectl_reader_live_get_discarded(s->live), ==, 4);
}

/* What has come is shown without a SYNC then, once; of half a frame, nothing. */
static void assert_end(uint64_t end) {
        const uint64_t times[] = { 10, 20 };
        g_autoptr(GByteArray) frames = frames_begin();
        g_autoptr(stream) s = stream_new();

        add_packet(frames, &(struct play_packet) { .begin = 10, .end = end }, times, G_N_ELEMENTS(times));
        stream_send(s, frames->data, frames->len);
        stream_send(s, frames->data, 20);
        stream_close(s);
        assert_batch(s, "10 20 ");
        assert_error(s, -EPIPE);
        assert_error(s, -EPIPE);
}

static void test_end(void) {
        assert_end(20);
        assert_end(UINT64_MAX);
}

static void assert_refused(uint32_t type, const void *data, size_t size, int error) {
        g_autoptr(GByteArray) frames = g_byte_array_new();
        g_autoptr(stream) s = stream_new();

        if (type != STREAM_HELLO)
                add_frame(frames, STREAM_HELLO, &HELLO, sizeof(HELLO));
        add_frame(frames, type, data, size);
        stream_send(s, frames->data, frames->len);
        assert_error(s, error);
}

static void test_refused(void) {
        static const struct stream_hello other = { STREAM_MAGIC + 1, STREAM_MAJOR, 0 };
        static const struct stream_hello later = { STREAM_MAGIC, STREAM_MAJOR + 1, 0 };
        static const struct ctf_packet packet;
        struct stream_frame large = { .type = STREAM_PACKET, .size = STREAM_FRAME_MAX + 1 };
        g_autoptr(stream) early = stream_new(), huge = stream_new();
        g_autoptr(GByteArray) frames = g_byte_array_new();

        assert_refused(STREAM_HELLO, &other, sizeof(other), -EBADMSG);
        assert_refused(STREAM_HELLO, &HELLO, sizeof(HELLO) - 1, -EBADMSG);
        assert_refused(STREAM_HELLO, &later, sizeof(later), -EPROTONOSUPPORT);
        assert_refused(STREAM_PACKET, &packet, sizeof(packet), -EBADMSG); /* of a trace that is not described */
        assert_refused(STREAM_SYNC, &HELLO, sizeof(HELLO), -EBADMSG);
        assert_refused(STREAM_LOST, &HELLO, sizeof(HELLO), -EBADMSG);
        assert_refused(STREAM_LOST, NULL, 0, -EBADMSG);

        add_sync(frames, 1);
        stream_send(early, frames->data, frames->len);
        assert_error(early, -EBADMSG);

        /* Before so much is waited for, or asked of the memory. */
        g_byte_array_set_size(frames, 0);
        add_frame(frames, STREAM_HELLO, &HELLO, sizeof(HELLO));
        g_byte_array_append(frames, (const guint8 *) &large, sizeof(large));
        stream_send(huge, frames->data, frames->len);
        assert_error(huge, -EBADMSG);
}

static void test_short_packet(void) {
        static const struct ctf_packet packet;
        g_autoptr(GByteArray) frames = frames_begin();
        g_autoptr(stream) s = stream_new();

        add_frame(frames, STREAM_PACKET, &packet, sizeof(packet) - 1);
        stream_send(s, frames->data, frames->len);
        assert_error(s, -EBADMSG);
}

/* Any bytes changed and the rest cut off: it ends, one way or the other. */
static void test_mutations(void) {
        const uint64_t times[] = { 10, 20, 30, 40 };
        g_autoptr(GByteArray) frames = frames_begin();
        g_autoptr(GRand) rand = g_rand_new_with_seed(20261121);
        guint begin = frames->len, n_ended = 0;

        add_packet(frames, &(struct play_packet) { .begin = 10, .end = 40 }, times, G_N_ELEMENTS(times));
        add_sync(frames, 25);
        add_frame(frames, STREAM_LOST, &(struct stream_lost) { 1, 1 }, sizeof(struct stream_lost));
        add_packet(frames, &(struct play_packet) { .begin = 10, .end = 40, .cpu = 1 }, times, G_N_ELEMENTS(times));
        add_sync(frames, 50);
        for (int i = 0; i < ROUNDS; i++) {
                g_autofree guint8 *data = g_memdup2(frames->data, frames->len);
                /* Mostly behind the metadata, which has tests of its own. */
                guint from = i % 4 == 0 ? 0 : begin, batches = 0;
                g_autoptr(stream) s = stream_new();
                int r = 0;

                for (int n = g_rand_int_range(rand, 1, 5); n > 0; n--)
                        data[g_rand_int_range(rand, (gint32) from, (gint32) frames->len)] =
                                g_rand_boolean(rand) ? 0xff : (guint8) g_rand_int(rand);
                stream_send(s, data, (size_t) g_rand_int_range(rand, (gint32) begin, (gint32) frames->len + 1));
                stream_close(s);
                while (r >= 0) {
                        g_free(take(s, &r));
                        g_assert_cmpuint(++batches, <, 10);
                }
                n_ended += r == -EPIPE;
        }
        /* Neither all nor none were refused, or this has not looked at much. */
        g_assert_cmpuint(n_ended, >, ROUNDS / 10);
        g_assert_cmpuint(n_ended, <, ROUNDS);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/live/batches", test_batches);
        g_test_add_func("/live/byte-by-byte", test_byte_by_byte);
        g_test_add_func("/live/lost", test_lost);
        g_test_add_func("/live/end", test_end);
        g_test_add_func("/live/refused", test_refused);
        g_test_add_func("/live/short-packet", test_short_packet);
        g_test_add_func("/live/mutations", test_mutations);
        return g_test_run();
}
