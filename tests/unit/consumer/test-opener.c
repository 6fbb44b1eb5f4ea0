/* SPDX-License-Identifier: LGPL-2.1-or-later */

#undef NDEBUG
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/datagram.h"
#include "consumer/opener.h"
#include "consumer/output.h"

struct fixture {
        char *path;
        int directory;
        struct opener opener;
};

static void set_up(struct fixture *f, gconstpointer data) {
        f->path = g_dir_make_tmp("opener-XXXXXX", NULL);
        f->directory = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        g_assert_cmpint(f->directory, >=, 0);
        f->opener = (struct opener) { .directory = f->directory };
}

static void tear_down(struct fixture *f, gconstpointer data) {
        const char *argv[] = { "rm", "-rf", "--", f->path, NULL };

        close(f->directory);
        g_assert_true(g_spawn_sync(NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL,
                                   NULL));
        g_free(f->path);
}

static struct request stream_request(void) {
        return (struct request) { .kind = REQUEST_STREAM, .uid = 7, .cpu = 3, .set = "shared", .channel = "default" };
}

static void assert_opens(struct fixture *f, const struct request *q, const char *path) {
        struct stat st;
        int fd;

        g_assert_cmpint(opener_open(&f->opener, q, &fd), ==, 0);
        g_assert_cmpint(write(fd, "x", 1), ==, 1);
        close(fd);
        g_assert_cmpint(fstatat(f->directory, path, &st, 0), ==, 0);
        g_assert_cmpint(st.st_mode, ==, S_IFREG | 0600);
        g_assert_cmpint(st.st_size, ==, 1);
}

static void test_paths(struct fixture *f, gconstpointer data) {
        struct request q = stream_request();
        struct stat st;

        assert_opens(f, &q, "user/7/shared/default_3");
        q.kind = REQUEST_INDEX;
        assert_opens(f, &q, "user/7/shared/index/default_3.idx");
        strcpy(q.snapshot, "snapshot-1");
        q.uid = UINT32_MAX;
        q.cpu = 4095;
        assert_opens(f, &q, "snapshot-1/user/4294967295/shared/index/default_4095.idx");
        q = (struct request) { .kind = REQUEST_METADATA, .uid = 7, .set = "shared" };
        assert_opens(f, &q, "user/7/shared/metadata");
        g_assert_cmpint(fstatat(f->directory, "user/7/shared/index", &st, 0), ==, 0);
        g_assert_cmpint(st.st_mode, ==, S_IFDIR | 0700);
        g_assert_cmpint(fstatat(f->directory, "user", &st, 0), ==, 0);
        g_assert_cmpint(st.st_mode, ==, S_IFDIR | 0700);
}

static void assert_refused(struct fixture *f, const struct request *q, int r) {
        int fd = -2;

        g_assert_cmpint(opener_open(&f->opener, q, &fd), ==, r);
        g_assert_cmpint(fd, ==, -2);
}

static void test_hostile_names(struct fixture *f, gconstpointer data) {
        g_autofree char *long_name = g_strnfill(65, 'a');
        const char *const names[] = {
                "", ".", "..", "../x", "a/b", "/", "/etc", ".hidden", "-o", "a b", "a\nb", "a\\b", "\xc3\xa4",
                long_name,
        };
        g_autoptr(GDir) dir = NULL;

        for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
                struct request q = stream_request();

                strcpy(q.set, names[i]);
                assert_refused(f, &q, -EBADMSG);
                q = stream_request();
                strcpy(q.channel, names[i]);
                assert_refused(f, &q, -EBADMSG);
                q = stream_request();
                strcpy(q.snapshot, names[i]);
                if (names[i][0])
                        assert_refused(f, &q, -EBADMSG);
        }
        dir = g_dir_open(f->path, 0, NULL);
        g_assert_null(g_dir_read_name(dir));
}

static void test_broken_requests(struct fixture *f, gconstpointer data) {
        struct request q = stream_request();

        memset(q.set, 'a', sizeof(q.set));
        assert_refused(f, &q, -EBADMSG);
        q = stream_request();
        memset(q.channel, 'a', sizeof(q.channel));
        assert_refused(f, &q, -EBADMSG);
        q = stream_request();
        memset(q.snapshot, 'a', sizeof(q.snapshot));
        assert_refused(f, &q, -EBADMSG);
        q = stream_request();
        q.cpu = 4096;
        assert_refused(f, &q, -EBADMSG);
        q = stream_request();
        q.kind = 0;
        assert_refused(f, &q, -EBADMSG);
        q.kind = REQUEST_REMOVE + 1;
        assert_refused(f, &q, -EBADMSG);
        q.kind = REQUEST_METADATA;
        assert_refused(f, &q, -EBADMSG);
}

static void test_something_in_the_way(struct fixture *f, gconstpointer data) {
        struct request q = stream_request();

        assert_opens(f, &q, "user/7/shared/default_3");
        assert_refused(f, &q, -EEXIST);
        g_assert_cmpint(symlinkat("/tmp", f->directory, "user/8"), ==, 0);
        q.uid = 8;
        assert_refused(f, &q, -ENOTDIR);
        q.uid = 7;
        g_assert_cmpint(symlinkat("elsewhere", f->directory, "user/7/shared/default_4"), ==, 0);
        q.cpu = 4;
        assert_refused(f, &q, -EEXIST);
        strcpy(q.snapshot, "file");
        close(openat(f->directory, "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
        assert_refused(f, &q, -ENOTDIR);
}

static struct request change(enum request_kind kind, const char *name) {
        struct request q = { .kind = kind };

        strcpy(q.snapshot, name);
        return q;
}

static int do_change(struct fixture *f, enum request_kind kind, const char *name) {
        struct request q = change(kind, name);

        return opener_change(&f->opener, &q);
}

/* Only in a resumed session, and only a plain file of our own. */
static void test_existing(struct fixture *f, gconstpointer data) {
        struct request q = stream_request();
        struct stat st;
        int fd;

        assert_opens(f, &q, "user/7/shared/default_3");
        q.existing = 1;
        assert_refused(f, &q, -EPERM);
        f->opener.resumed = true;
        g_assert_cmpint(opener_open(&f->opener, &q, &fd), ==, 0);
        g_assert_cmpint(fstat(fd, &st), ==, 0);
        g_assert_cmpint(st.st_size, ==, 1);
        g_assert_cmpint(fcntl(fd, F_GETFL) & O_ACCMODE, ==, O_RDWR);
        close(fd);
        q.existing = 2;
        assert_refused(f, &q, -EBADMSG);
        q.existing = 1;
        q.cpu = 4;
        assert_refused(f, &q, -ENOENT);
        g_assert_cmpint(symlinkat("default_3", f->directory, "user/7/shared/default_4"), ==, 0);
        assert_refused(f, &q, -ELOOP);
        q.cpu = 5;
        g_assert_cmpint(mkfifoat(f->directory, "user/7/shared/default_5", 0600), ==, 0);
        assert_refused(f, &q, -EPERM);
        q.cpu = 3;
        g_assert_cmpint(linkat(f->directory, "user/7/shared/default_3", f->directory, "linked", 0), ==, 0);
        assert_refused(f, &q, -EPERM);
}

static void test_move(struct fixture *f, gconstpointer data) {
        struct request q = stream_request();
        struct stat st;

        g_assert_cmpint(do_change(f, REQUEST_MOVE, "chunk-0"), ==, 0);
        assert_opens(f, &q, "user/7/shared/default_3");
        g_assert_cmpint(do_change(f, REQUEST_PREPARE, "chunk-1"), ==, 0);
        g_assert_cmpint(do_change(f, REQUEST_PREPARE, "chunk-1"), ==, 0);
        g_assert_cmpint(fstatat(f->directory, "chunk-1", &st, 0), ==, 0);
        g_assert_cmpuint(st.st_mode, ==, S_IFDIR | 0700);
        g_assert_cmpint(do_change(f, REQUEST_MOVE, "chunk-1"), ==, 0);
        g_assert_cmpint(fstatat(f->directory, "chunk-1/user/7/shared/default_3", &st, 0), ==, 0);
        g_assert_cmpint(fstatat(f->directory, "user", &st, 0), ==, -1);
        g_assert_cmpint(do_change(f, REQUEST_MOVE, "chunk-1"), ==, 0);
        g_assert_cmpint(do_change(f, REQUEST_PREPARE, "chunk-1"), ==, -EEXIST);
        assert_opens(f, &q, "user/7/shared/default_3");
        g_assert_cmpint(do_change(f, REQUEST_MOVE, "chunk-1"), ==, -EEXIST);
        g_assert_cmpint(symlinkat("/tmp", f->directory, "link"), ==, 0);
        g_assert_cmpint(do_change(f, REQUEST_MOVE, "link"), ==, -ENOTDIR);
        g_assert_cmpint(do_change(f, REQUEST_PREPARE, "link"), ==, -ENOTDIR);
}

static void test_remove(struct fixture *f, gconstpointer data) {
        struct request q = stream_request();
        struct stat st;
        int fd;

        g_assert_cmpint(do_change(f, REQUEST_REMOVE, ""), ==, 0);
        assert_opens(f, &q, "user/7/shared/default_3");
        q.kind = REQUEST_INDEX;
        assert_opens(f, &q, "user/7/shared/index/default_3.idx");
        strcpy(q.snapshot, "snapshot-1");
        assert_opens(f, &q, "snapshot-1/user/7/shared/index/default_3.idx");
        g_assert_cmpint(do_change(f, REQUEST_REMOVE, ""), ==, 0);
        g_assert_cmpint(fstatat(f->directory, "user", &st, 0), ==, -1);
        g_assert_cmpint(do_change(f, REQUEST_REMOVE, "snapshot-1"), ==, -EPERM);
        f->opener.resumed = true;
        g_assert_cmpint(do_change(f, REQUEST_REMOVE, "no-such"), ==, 0);
        g_assert_cmpint(do_change(f, REQUEST_REMOVE, "snapshot-1"), ==, 0);
        g_assert_cmpint(fstatat(f->directory, "snapshot-1/user", &st, 0), ==, -1);
        g_assert_cmpint(fstatat(f->directory, "snapshot-1", &st, 0), ==, 0);
        /* A link is removed, not followed. */
        fd = openat(f->directory, "mine", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        close(fd);
        g_assert_cmpint(mkdirat(f->directory, "user", 0700), ==, 0);
        g_assert_cmpint(symlinkat("..", f->directory, "user/7"), ==, 0);
        g_assert_cmpint(do_change(f, REQUEST_REMOVE, ""), ==, 0);
        g_assert_cmpint(fstatat(f->directory, "mine", &st, 0), ==, 0);
        /* Somebody has made directories that are deeper than ours. */
        g_assert_cmpint(mkdirat(f->directory, "user", 0700), ==, 0);
        g_assert_cmpint(mkdirat(f->directory, "user/1", 0700), ==, 0);
        g_assert_cmpint(mkdirat(f->directory, "user/1/2", 0700), ==, 0);
        g_assert_cmpint(mkdirat(f->directory, "user/1/2/3", 0700), ==, 0);
        g_assert_cmpint(mkdirat(f->directory, "user/1/2/3/4", 0700), ==, 0);
        g_assert_cmpint(do_change(f, REQUEST_REMOVE, ""), ==, -ENOTEMPTY);
}

static void test_hostile_changes(struct fixture *f, gconstpointer data) {
        struct request q = change(REQUEST_PREPARE, "chunk-1");

        g_assert_cmpint(do_change(f, REQUEST_PREPARE, ""), ==, -EBADMSG);
        g_assert_cmpint(do_change(f, REQUEST_MOVE, ""), ==, -EBADMSG);
        g_assert_cmpint(do_change(f, REQUEST_MOVE, "../x"), ==, -EBADMSG);
        g_assert_cmpint(do_change(f, REQUEST_REMOVE, ".."), ==, -EBADMSG);
        g_assert_cmpint(do_change(f, REQUEST_REMOVE + 1, "x"), ==, -EBADMSG);
        strcpy(q.set, "shared");
        g_assert_cmpint(opener_change(&f->opener, &q), ==, -EBADMSG);
        q = stream_request();
        g_assert_cmpint(opener_change(&f->opener, &q), ==, -EBADMSG);
        q = change(REQUEST_PREPARE, "chunk-1");
        assert_refused(f, &q, -EBADMSG);
}

/* Over the socket: broken datagrams are answered, and the end of the other side ends it. */
static void test_serve(struct fixture *f, gconstpointer data) {
        struct output output = {};
        struct request q = stream_request();
        int pair[2], fds[DATAGRAM_FDS_MAX], fd, status;
        struct reply reply;
        size_t n_fds;
        pid_t pid;

        g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), ==, 0);
        pid = fork();
        g_assert_cmpint(pid, >=, 0);
        if (pid == 0) {
                close(pair[0]);
                _exit(opener_serve(&f->opener, pair[1]) == 0 ? 0 : 1);
        }
        close(pair[1]);
        output.opener = pair[0];
        g_assert_cmpint(output_open(&output, &q, &fd), ==, 0);
        close(fd);
        g_assert_cmpint(output_open(&output, &q, &fd), ==, -EEXIST);
        g_assert_cmpint(datagram_send(pair[0], "x", 1, NULL, 0, 0), ==, 0);
        g_assert_cmpint(datagram_recv(pair[0], &reply, sizeof(reply), fds, &n_fds, 0), ==, sizeof(reply));
        g_assert_cmpint(reply.error, ==, EBADMSG);
        q.cpu = 5;
        g_assert_cmpint(datagram_send(pair[0], &q, sizeof(q), &pair[0], 1, 0), ==, 0);
        g_assert_cmpint(datagram_recv(pair[0], &reply, sizeof(reply), fds, &n_fds, 0), ==, sizeof(reply));
        g_assert_cmpint(reply.error, ==, EBADMSG);
        g_assert_cmpint(output_open(&output, &q, &fd), ==, 0);
        close(fd);
        close(pair[0]);
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_cmpint(status, ==, 0);
}

/* The drainer's side does not believe an answer that makes no sense. */
static void test_strange_answers(struct fixture *f, gconstpointer data) {
        struct request q = stream_request();
        struct output output = {};
        struct reply reply = {};
        int pair[2], fd;

        g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), ==, 0);
        output.opener = pair[0];
        g_assert_cmpint(datagram_send(pair[1], &reply, sizeof(reply), NULL, 0, 0), ==, 0);
        g_assert_cmpint(output_open(&output, &q, &fd), ==, -EPROTO);
        g_assert_cmpint(datagram_send(pair[1], "x", 1, NULL, 0, 0), ==, 0);
        g_assert_cmpint(output_open(&output, &q, &fd), ==, -EPROTO);
        reply.error = -1;
        g_assert_cmpint(datagram_send(pair[1], &reply, sizeof(reply), NULL, 0, 0), ==, 0);
        g_assert_cmpint(output_open(&output, &q, &fd), ==, -EPROTO);
        close(pair[0]);
        close(pair[1]);
}

/* No packet is counted as lost for the want of an opener: the drainer ends, before it asks and while it waits. */
static void test_opener_dies(struct fixture *f, gconstpointer data) {
        struct request q = stream_request();

        for (int asked = 0; asked < 2; asked++) {
                int pair[2], status, fd;
                pid_t pid;

                g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), ==, 0);
                pid = fork();
                g_assert_cmpint(pid, >=, 0);
                if (pid == 0) {
                        struct output output = { .opener = pair[0] };

                        close(pair[1]);
                        (void) output_open(&output, &q, &fd);
                        _exit(EXIT_SUCCESS);
                }
                close(pair[0]);
                if (asked)
                        g_assert_cmpint(read(pair[1], &q, sizeof(q)), ==, sizeof(q));
                close(pair[1]);
                g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
                g_assert_true(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_FAILURE);
        }
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add("/opener/paths", struct fixture, NULL, set_up, test_paths, tear_down);
        g_test_add("/opener/hostile-names", struct fixture, NULL, set_up, test_hostile_names, tear_down);
        g_test_add("/opener/broken-requests", struct fixture, NULL, set_up, test_broken_requests, tear_down);
        g_test_add("/opener/in-the-way", struct fixture, NULL, set_up, test_something_in_the_way, tear_down);
        g_test_add("/opener/existing", struct fixture, NULL, set_up, test_existing, tear_down);
        g_test_add("/opener/move", struct fixture, NULL, set_up, test_move, tear_down);
        g_test_add("/opener/remove", struct fixture, NULL, set_up, test_remove, tear_down);
        g_test_add("/opener/hostile-changes", struct fixture, NULL, set_up, test_hostile_changes, tear_down);
        g_test_add("/opener/serve", struct fixture, NULL, set_up, test_serve, tear_down);
        g_test_add("/opener/strange-answers", struct fixture, NULL, set_up, test_strange_answers, tear_down);
        g_test_add("/opener/dies", struct fixture, NULL, set_up, test_opener_dies, tear_down);
        return g_test_run();
}
