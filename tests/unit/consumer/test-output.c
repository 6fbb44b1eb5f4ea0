/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The output fails: what fits stays readable, the rest is counted, and recording goes on when it works again. */

#undef NDEBUG
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "consumer/stream-file.h"
#include "play-tracingd.h"

#define SUBBUF RING_SUBBUF_SIZE_MIN

static const struct definition paid = {
        .provider = "shop", .name = "paid", .n_fields = 1, .fields = { { DEFINITION_U64, "id" } },
};
static const uint32_t paid_id = 1;

struct fixture {
        struct play play;
        struct play_ring ring;
        uint64_t time, written;
};

static void set_up(struct fixture *f, const char *directory) {
        *f = (struct fixture) {};
        play_start(&f->play, directory);
        play_ring_new(&f->ring, 0, 1, 4, SUBBUF, f->play.created);
        g_assert_cmpint(play_rings(&f->play, 1, 0, "shared", "default", &f->ring), ==, 0);
        g_assert_cmpint(play_classes(&f->play, 1, 0, &paid, &paid_id, 1), ==, 0);
        f->time = f->play.created;
}

static void tear_down(struct fixture *f) {
        play_ring_done(&f->ring);
        play_done(&f->play);
}

/* n events by two threads in turn, then FLUSH. */
static void write_some(struct fixture *f, unsigned n) {
        for (unsigned i = 0; i < n; i++, f->written++)
                g_assert_true(play_ring_write(&f->ring, 0, f->time += 100, 1000 + (int32_t) (f->written / 50), paid_id,
                                              &f->written, sizeof(f->written)));
        g_assert_cmpint(play_flush(&f->play), ==, 0);
}

/* No file of the consumer may become larger than this. */
static void limit_files(struct fixture *f, rlim_t size) {
        struct rlimit limit = { size, RLIM_INFINITY };

        g_assert_cmpint(prlimit(f->play.pid, RLIMIT_FSIZE, &limit, NULL), ==, 0);
}

/* Everything adds up, and every event has its own thread, also behind a hole. */
static void assert_conserved(struct fixture *f) {
        struct consumer_status *s = f->play.status;
        g_autofree char *errors = NULL;
        g_auto(GStrv) lines = play_read_all(f->play.directory, &errors);
        uint64_t n = 0;
        int64_t tid = -1;

        for (char **line = lines; *line; line++) {
                const char *field = strstr(*line, "{ id = ");

                if (!field) {
                        field = strstr(*line, "tid = ");
                        g_assert_nonnull(field);
                        tid = g_ascii_strtoll(field + strlen("tid = "), NULL, 10);
                        continue;
                }
                g_assert_cmpint(tid, ==, 1000 + g_ascii_strtoll(field + strlen("{ id = "), NULL, 10) / 50);
                n++;
        }
        g_assert_cmpuint(n, ==, s->events);
        g_assert_cmpuint(s->events + s->lost_output + s->lost_ring, ==, f->written);
        g_assert_cmpuint(s->lost_garbage, ==, 0);
        if (s->lost_output > 0) {
                g_autofree char *expected = g_strdup_printf("discarded %" G_GUINT64_FORMAT " events", s->lost_output);

                g_assert_nonnull(strstr(errors, expected));
        }
}

static void test_file_limit(void) {
        struct fixture f;

        set_up(&f, NULL);
        write_some(&f, 70);
        g_assert_cmpint(f.play.status->output_error, ==, 0);
        limit_files(&f, 5000);
        for (int i = 0; i < 6; i++) {
                write_some(&f, 70);
                g_strfreev(play_read(f.play.directory, NULL));
        }
        g_assert_cmpint(f.play.status->output_error, ==, EFBIG);
        g_assert_cmpuint(f.play.status->lost_output, >, 0);
        limit_files(&f, RLIM_INFINITY);
        write_some(&f, 70);
        g_assert_cmpint(f.play.status->output_error, ==, 0);
        assert_conserved(&f);
        tear_down(&f);
}

/* The last packets are lost: an empty one at STOP tells of them as soon as the output works again. */
static void test_lost_at_the_end(void) {
        struct fixture f;

        set_up(&f, NULL);
        write_some(&f, 20);
        limit_files(&f, 100);
        write_some(&f, 30);
        g_assert_cmpuint(f.play.status->lost_output, ==, 30);
        g_assert_cmpint(play_stop(&f.play), ==, 0);
        g_assert_cmpint(f.play.status->output_error, ==, EFBIG);
        limit_files(&f, RLIM_INFINITY);
        g_assert_cmpint(play_stop(&f.play), ==, 0);
        g_assert_cmpint(f.play.status->output_error, ==, 0);
        assert_conserved(&f);
        tear_down(&f);
}

/* Metadata that cannot be written takes the packets that need it with it, and comes later as a whole. */
static void test_metadata(void) {
        const struct definition sent = { .provider = "shop", .name = "sent" };
        uint32_t sent_id = 2;
        struct fixture f;

        set_up(&f, NULL);
        limit_files(&f, 10);
        g_assert_cmpint(play_classes(&f.play, 1, 0, &sent, &sent_id, 1), ==, 0);
        g_assert_cmpint(f.play.status->output_error, ==, EFBIG);
        write_some(&f, 20);
        g_assert_cmpuint(f.play.status->lost_output, ==, 20);
        g_assert_cmpuint(f.play.status->packets, ==, 0);
        g_strfreev(play_read(f.play.directory, NULL));
        limit_files(&f, RLIM_INFINITY);
        write_some(&f, 20);
        g_assert_cmpuint(f.play.status->events, ==, 20);
        g_assert_cmpint(f.play.status->output_error, ==, 0);
        assert_conserved(&f);
        tear_down(&f);
}

/* Only the index file is in the way: the stream does not keep a packet that the index does not have. */
static void test_index(void) {
        g_autofree char *directory = g_dir_make_tmp("tracectl-consumer-XXXXXX", NULL), *index = NULL, *file = NULL;
        g_autofree char *stream = NULL;
        struct fixture f;
        struct stat st;

        index = g_build_filename(directory, "user", "1234", "shared", "index", NULL);
        file = g_build_filename(index, "default_0.idx", NULL);
        stream = g_build_filename(directory, "user", "1234", "shared", "default_0", NULL);
        g_assert_cmpint(g_mkdir_with_parents(index, 0700), ==, 0);
        g_assert_true(g_file_set_contents(file, "", -1, NULL));
        set_up(&f, directory);
        write_some(&f, 10);
        g_assert_cmpint(f.play.status->output_error, ==, EEXIST);
        g_assert_cmpint(stat(stream, &st), ==, 0);
        g_assert_cmpint(st.st_size, ==, 0);
        g_assert_cmpint(unlink(file), ==, 0);
        write_some(&f, 10);
        g_assert_cmpuint(f.play.status->events, ==, 10);
        g_assert_cmpuint(f.play.status->lost_output, ==, 10);
        g_assert_cmpint(f.play.status->output_error, ==, 0);
        g_assert_cmpint(stat(file, &st), ==, 0);
        /* The one with events, and before it an empty one from which readers count the lost. */
        g_assert_cmpint(st.st_size, ==, 16 + 2 * 72);
        tear_down(&f);
}

/* The disk is full when it comes to the index: the packet that it does not have is taken back. */
static void test_index_full(void) {
        struct consumer_status status = {};
        struct session session = { .output.status = &status };
        struct text classes = {};
        struct trace trace = { .session = &session, .classes = &classes, .metadata = FILE_INIT,
                               .counters = &session.totals };
        struct packet packet = { .begin = 1, .end = 2, .events = 3, .records = "12345678", .size = 8 };
        g_autofree char *path = NULL;
        struct stream_file file;
        struct stat st;

        stream_file_init(&file, &trace, "default", 0, 0);
        file.data.fd = g_file_open_tmp("stream-XXXXXX", &path, NULL);
        file.index = (struct file) { .fd = open("/dev/full", O_WRONLY | O_CLOEXEC), .size = 16 };
        g_assert_cmpint(file.index.fd, >=, 0);
        g_assert_cmpint(stream_file_write(&file, &packet), ==, -ENOSPC);
        g_assert_cmpint(fstat(file.data.fd, &st), ==, 0);
        g_assert_cmpint(st.st_size, ==, 0);
        g_assert_cmpint(status.output_error, ==, ENOSPC);
        g_assert_cmpuint(file.state.counters.lost_output, ==, 3);
        g_assert_cmpuint(file.state.counters.packets, ==, 0);
        g_assert_true(stream_file_owes(&file, 0));
        stream_file_done(&file);
        unlink(path);
}

/* The directory's trace has a file already that we would have to make: it stays as it is. */
static void test_in_the_way(void) {
        g_autofree char *directory = g_dir_make_tmp("tracectl-consumer-XXXXXX", NULL), *set = NULL, *file = NULL;
        g_autofree char *content = NULL;
        struct fixture f;

        set = g_build_filename(directory, "user", "1234", "shared", NULL);
        file = g_build_filename(set, "default_0", NULL);
        g_assert_cmpint(g_mkdir_with_parents(set, 0700), ==, 0);
        g_assert_true(g_file_set_contents(file, "mine", -1, NULL));
        set_up(&f, directory);
        write_some(&f, 10);
        g_assert_cmpint(f.play.status->output_error, ==, EEXIST);
        g_assert_cmpuint(f.play.status->lost_output, ==, 10);
        g_assert_true(g_file_get_contents(file, &content, NULL, NULL));
        g_assert_cmpstr(content, ==, "mine");
        tear_down(&f);
}

/* A disk that is really full. */
static void test_full_disk(void) {
        g_autofree char *directory = NULL;
        struct fixture f;

        if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
                g_test_skip("needs root, for a small file system of its own");
                return;
        }
        directory = g_dir_make_tmp("tracectl-consumer-XXXXXX", NULL);
        g_assert_cmpint(mount("tmpfs", directory, "tmpfs", 0, "size=64k"), ==, 0);
        set_up(&f, directory);
        while (f.play.status->lost_output == 0)
                write_some(&f, 100);
        g_assert_cmpint(f.play.status->output_error, ==, ENOSPC);
        g_assert_cmpuint(f.play.status->events, >, 500);
        g_strfreev(play_read(directory, NULL));
        write_some(&f, 100);
        g_assert_cmpint(mount(NULL, directory, NULL, MS_REMOUNT, "size=1m"), ==, 0);
        write_some(&f, 100);
        g_assert_cmpint(f.play.status->output_error, ==, 0);
        assert_conserved(&f);
        play_hang_up(&f.play);
        /* Nobody holds it any more. */
        g_assert_cmpint(umount(directory), ==, 0);
        tear_down(&f);
}

/* Appending is all or nothing, also where a part was written already. */
static void test_file(void) {
        struct rlimit before, limit = { 10, RLIM_INFINITY };
        struct file file = FILE_INIT;
        g_autofree char *path = NULL;
        struct iovec iov[2];
        struct stat st;

        signal(SIGXFSZ, SIG_IGN);
        file.fd = g_file_open_tmp("file-XXXXXX", &path, NULL);
        iov[0] = (struct iovec) { (void *) "12345", 5 };
        iov[1] = (struct iovec) { (void *) "678", 3 };
        g_assert_cmpint(file_append(&file, iov, 2), ==, 0);
        g_assert_cmpuint(file.size, ==, 8);
        g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &before), ==, 0);
        limit.rlim_max = before.rlim_max;
        g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
        iov[0] = (struct iovec) { (void *) "abcdef", 6 };
        g_assert_cmpint(file_append(&file, iov, 1), ==, -EFBIG);
        g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &before), ==, 0);
        g_assert_cmpuint(file.size, ==, 8);
        g_assert_cmpint(fstat(file.fd, &st), ==, 0);
        g_assert_cmpint(st.st_size, ==, 8);
        file_shrink(&file, 3);
        g_assert_cmpint(fstat(file.fd, &st), ==, 0);
        g_assert_cmpint(st.st_size, ==, 5);
        /* A file that cannot even be cut takes nothing more until it can. */
        close(file.fd);
        file.fd = open(path, O_RDONLY | O_CLOEXEC);
        iov[0] = (struct iovec) { (void *) "x", 1 };
        g_assert_cmpint(file_append(&file, iov, 1), ==, -EBADF);
        g_assert_cmpint(file_append(&file, iov, 1), ==, -EINVAL);
        file_done(&file);
        unlink(path);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/output/file", test_file);
        g_test_add_func("/output/file-limit", test_file_limit);
        g_test_add_func("/output/lost-at-the-end", test_lost_at_the_end);
        g_test_add_func("/output/metadata", test_metadata);
        g_test_add_func("/output/index", test_index);
        g_test_add_func("/output/index-full", test_index_full);
        g_test_add_func("/output/in-the-way", test_in_the_way);
        g_test_add_func("/output/full-disk", test_full_disk);
        return g_test_run();
}
