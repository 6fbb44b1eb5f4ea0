/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Rings in files, as tracingd gets them: what the consumer brings, when it has brought all, and what it cannot bring.
 * And rings of which a restart has left a part.
 */

#undef NDEBUG

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/hash.h"
#include "protocol/ring.h"
#include "service/domain/recording.h"

static const struct model_channel channel = { .name = "c", .id = 3, .n_subbufs = 2, .subbuf_size = 4096 };

/* A file as the owner's consumer makes them. */
static int make_file(uint64_t size) {
        int fd = open(g_get_tmp_dir(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

        g_assert_cmpint(fd, >=, 0);
        g_assert_no_errno(ftruncate(fd, (off_t) size));
        return fd;
}

static void assert_refused(struct stream *s, uid_t owner, int ring, int positions) {
        int fds[2] = { ring, positions };

        g_assert_cmpint(stream_give_files(s, owner, fds), ==, -EBADMSG);
        g_assert_false(s->is_made);
        g_assert_cmpint(fds[0], ==, ring);
        g_assert_cmpint(fds[1], ==, positions);
        g_assert_cmpint(s->ring_fd, ==, -1);
        g_assert_cmpint(s->positions_readonly_fd, ==, -1);
}

static void test_give(void) {
        int ring, positions, small, directory, pipes[2], fds[2];
        struct user_domain *d = NULL;
        struct stream *s = NULL;

        g_assert_cmpint(user_domain_new(&d), ==, 0);
        g_assert_cmpint(stream_new_in_files(d, &channel, getuid(), false, &s), ==, 0);
        ring = make_file(s->bytes);
        positions = make_file(sizeof(struct ring_positions));
        small = make_file(s->bytes - 1);
        directory = open(g_get_tmp_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        g_assert_no_errno(pipe2(pipes, O_CLOEXEC));
        assert_refused(s, getuid(), -1, -1);
        assert_refused(s, getuid(), ring, -1);
        assert_refused(s, getuid(), small, positions);
        assert_refused(s, getuid(), directory, positions);
        assert_refused(s, getuid(), pipes[0], positions);
        assert_refused(s, getuid(), ring, pipes[0]);
        /* Another user could cut it off. */
        assert_refused(s, getuid() + 1, ring, positions);
        fds[0] = ring;
        fds[1] = positions;
        g_assert_cmpint(stream_give_files(s, getuid(), fds), ==, 0);
        g_assert_true(s->is_made);
        g_assert_cmpint(fds[0], ==, -1);
        g_assert_cmpint(fds[1], ==, -1);
        g_assert_cmpint(s->ring_fd, ==, ring);
        g_assert_cmpint(s->positions_readonly_fd, ==, positions);
        /* A successor of the consumer brings them again: those that programs have stay. */
        fds[0] = small;
        fds[1] = directory;
        g_assert_cmpint(stream_give_files(s, getuid(), fds), ==, 0);
        g_assert_cmpint(fds[0], ==, small);
        g_assert_cmpint(s->ring_fd, ==, ring);
        stream_unref(s);
        close(small);
        close(directory);
        close(pipes[0]);
        close(pipes[1]);
        user_domain_free(d);
}

static struct sender *make_sender(int *ret_consumer) {
        struct sender *s = NULL;
        int pair[2];

        g_assert_no_errno(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
        g_assert_cmpint(sender_new(pair[0], &s), ==, 0);
        *ret_consumer = pair[1];
        return s;
}

static uint64_t say(struct sender *s, uint32_t type) {
        struct consumer_header message = { .type = type, .size = sizeof(message) };
        uint64_t serial = 0;

        g_assert_cmpint(sender_send(s, &message, NULL, 0, &serial), ==, 0);
        return serial;
}

static void test_note_done(void) {
        uint64_t rings, files, classes;
        struct sender *s;
        int consumer;

        s = make_sender(&consumer);
        rings = say(s, CONSUMER_RINGS);
        g_assert_false(sender_has_done(s, rings));
        /* Applications that write to memory need not wait for it. */
        g_assert_false(sender_note_done(s, rings));
        g_assert_true(sender_has_done(s, rings));
        files = say(s, CONSUMER_RING_FILES);
        classes = say(s, CONSUMER_CLASSES);
        g_assert_false(sender_note_done(s, files));
        g_assert_true(sender_has_done(s, files));
        g_assert_false(sender_has_done(s, classes));
        /* What is no description is not waited for. */
        (void) say(s, CONSUMER_FLUSH);
        g_assert_true(sender_note_done(s, classes));
        /* An answer that comes again takes nothing back. */
        g_assert_true(sender_note_done(s, rings));
        g_assert_true(sender_has_done(s, classes));
        classes = say(s, CONSUMER_CLASSES);
        g_assert_false(sender_note_done(s, files));
        g_assert_true(sender_note_done(s, classes));
        sender_unref(s);
        close(consumer);
}

static struct event_definitions *define(void) {
        const struct definition event = { .provider = "p", .name = "e", .loglevel = 6 };
        size_t offset = sizeof(struct definitions_header);
        struct event_definitions *d = NULL;
        char buffer[4096] = { 0 };
        int fd = -1;

        g_assert_cmpint(definitions_append(buffer, sizeof(buffer), &offset, &event), ==, 0);
        definitions_finish(buffer, 1, offset);
        g_assert_cmpint(memfd_new_constant("definitions", buffer, offset, &fd), ==, 0);
        g_assert_cmpint(event_definitions_new(fd, hash_bytes(HASH_INIT, buffer, offset), &d), ==, 0);
        close(fd);
        return d;
}

/* What an application of uid in a compartment of its own writes to. */
static struct stream *prepare(struct recording *r, struct user_domain *d, uid_t uid, struct event_definitions *definitions) {
        const struct compartment_process process = { getpid(), -1, uid, 64, 1 };
        const uint32_t event = 0;
        struct recording_request q = { .channel = &channel, .definitions = definitions, .events = &event, .n_events = 1 };
        struct stream *stream = NULL;
        struct compartment_key key;
        uint64_t serial;
        uint32_t id;

        compartment_read(&d->compartments, &process, &key);
        g_assert_cmpint(compartment_get(&d->compartments, &key, &q.compartment), ==, 0);
        g_assert_cmpint(recording_prepare(r, &q, &id, &stream, &serial), ==, 0);
        compartment_unref(q.compartment);
        return stream;
}

static void assert_problem(struct sender *s, const char *wanted) {
        char *problem = sender_take_problem(s);

        g_assert_cmpstr(problem, ==, wanted);
        free(problem);
}

static void test_take_files(void) {
        struct event_definitions *definitions = define();
        struct stream *mine, *others;
        struct user_domain *d = NULL;
        struct recording *r = NULL;
        int consumer, fds[2];
        struct sender *s;

        s = make_sender(&consumer);
        g_assert_cmpint(user_domain_new(&d), ==, 0);
        g_assert_cmpint(recording_new(d, getuid(), "s", true, s, &r), ==, 0);
        mine = prepare(r, d, getuid(), definitions);
        others = prepare(r, d, getuid() + 1, definitions);
        g_assert_true(mine->in_files && !mine->is_made);
        g_assert_false(others->in_files);
        fds[0] = make_file(mine->bytes);
        fds[1] = make_file(sizeof(struct ring_positions));
        /* Answers to something else. */
        g_assert_false(recording_take_files(r, mine->asked + 100, 0, fds));
        g_assert_false(recording_take_files(r, others->serial, ENOSPC, fds));
        assert_problem(s, NULL);
        g_assert_cmpint(fds[0], >=, 0);
        g_assert_true(recording_take_files(r, mine->asked, ENOSPC, (int[]) { -1, -1 }));
        assert_problem(s, "its ring buffers cannot be put into files: No space left on device");
        g_assert_true(recording_take_files(r, mine->asked, 0, (int[]) { fds[1], fds[0] }));
        assert_problem(s, "its ring buffers cannot be put into files: Bad message");
        g_assert_false(mine->is_made);
        g_assert_true(recording_take_files(r, mine->asked, 0, fds));
        assert_problem(s, NULL);
        g_assert_true(mine->is_made);
        g_assert_cmpint(fds[0], ==, -1);
        g_assert_cmpint(fds[1], ==, -1);
        stream_unref(mine);
        stream_unref(others);
        recording_unref(r);
        event_definitions_unref(definitions);
        sender_unref(s);
        close(consumer);
        user_domain_free(d);
}

static void restore(struct recording *r, struct user_domain *d, uint64_t set, uint32_t channel_id, bool is_there) {
        const struct consumer_rings message = {
                .header = { .type = CONSUMER_RINGS, .size = sizeof(message), .serial = set * 10 + channel_id },
                .set = set,
                .stream = channel_id,
                .uid = getuid(),
                .word_size = 64,
        };
        const struct record_rings more = { .size = sizeof(more), .word_size = 64, .ring = set * 10 + channel_id,
                                           .uid = getuid() };
        struct stream_remains remains = { .ring_id = more.ring, .ring_fd = -1, .positions_fd = -1 };
        struct stream *made = NULL;
        bool lost;

        g_assert_cmpint(stream_new(d, &channel, getuid(), false, &made), ==, 0);
        if (is_there) {
                remains.ring_fd = fcntl(made->ring_fd, F_DUPFD_CLOEXEC, 3);
                remains.positions_fd = fcntl(made->positions_fd, F_DUPFD_CLOEXEC, 3);
        }
        g_assert_cmpint(recording_restore_rings(r, &message, &more, &remains, &lost), ==, 0);
        g_assert_true(lost == !is_there);
        stream_unref(made);
}

/* A set of two channels, of which an earlier tracingd's rings are there or lost: one that is lost is enough. */
static void test_lost(void) {
        struct user_domain *d = NULL;
        struct recording *r = NULL;
        struct sender *s;
        int consumer;

        s = make_sender(&consumer);
        g_assert_cmpint(user_domain_new(&d), ==, 0);
        g_assert_cmpint(recording_new(d, getuid(), "s", false, s, &r), ==, 0);
        for (uint64_t i = 0; i < 4; i++) {
                restore(r, d, i + 1, 1, i & 1);
                restore(r, d, i + 1, 2, i & 2);
                g_assert_true(recording_is_lost(r, i + 1) == (i < 3));
        }
        recording_unref(r);
        sender_unref(s);
        close(consumer);
        user_domain_free(d);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/ring-files/give", test_give);
        g_test_add_func("/ring-files/note-done", test_note_done);
        g_test_add_func("/ring-files/take-files", test_take_files);
        g_test_add_func("/ring-files/lost", test_lost);
        return g_test_run();
}
