/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where the trace goes: the kinds of OUTPUT, and the two ways in which the consumer gets its socket. */

#undef NDEBUG
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/program.h"
#include "play-tracingd.h"

/* The answer to OUTPUT, and the path. */
static int output(struct play *p, uint32_t kind, const char *path, char **ret_path) {
        struct consumer_output m = { .kind = kind };

        g_strlcpy(m.path, path, sizeof(m.path));
        play_send(p, CONSUMER_OUTPUT, &m, sizeof(m), NULL, 0);
        return play_answer(p, ret_path);
}

static void assert_private_directory(const char *path) {
        struct stat st;

        g_assert_cmpint(lstat(path, &st), ==, 0);
        g_assert_cmpuint(st.st_mode, ==, S_IFDIR | 0700);
}

/* Errors are answered, and another OUTPUT may come. */
static void test_directory(void) {
        g_autofree char *made = NULL, *deep = NULL, *file = NULL, *path = NULL;
        struct play p;

        play_start_silent(&p, NULL);
        made = g_build_filename(p.directory, "made", NULL);
        deep = g_build_filename(p.directory, "no", "such", NULL);
        file = g_build_filename(p.directory, "file", NULL);
        g_assert_true(g_file_set_contents(file, "", -1, NULL));
        g_assert_cmpint(output(&p, CONSUMER_OUTPUT_DIRECTORY, "relative", NULL), ==, EBADMSG);
        g_assert_cmpint(output(&p, CONSUMER_OUTPUT_DIRECTORY, "", NULL), ==, EBADMSG);
        g_assert_cmpint(output(&p, CONSUMER_OUTPUT_DIRECTORY, deep, NULL), ==, ENOENT);
        g_assert_cmpint(output(&p, CONSUMER_OUTPUT_DIRECTORY, file, &path), ==, ENOTDIR);
        g_assert_cmpstr(path, ==, "");
        g_free(path);
        g_assert_cmpint(output(&p, 99, "", NULL), ==, EBADMSG);
        g_assert_cmpint(output(&p, CONSUMER_OUTPUT_FD, "", NULL), ==, EBADMSG);
        g_assert_cmpint(output(&p, CONSUMER_OUTPUT_DIRECTORY, made, &path), ==, 0);
        g_assert_cmpstr(path, ==, made);
        assert_private_directory(made);
        play_done(&p);
}

static int output_in_folder(struct play *p, const char *folder, const char *name) {
        struct consumer_output m = { .kind = CONSUMER_OUTPUT_DIRECTORY, .flags = CONSUMER_FOLDER };
        g_autofree char *path = g_build_filename(folder, name, NULL);

        g_strlcpy(m.path, path, sizeof(m.path));
        play_send(p, CONSUMER_OUTPUT, &m, sizeof(m), NULL, 0);
        return play_answer(p, NULL);
}

/* The folder is made once, and may hold anything. */
static void test_directory_in_a_folder(void) {
        g_autofree char *folder = NULL, *deep = NULL;
        struct play plays[2];

        for (size_t i = 0; i < G_N_ELEMENTS(plays); i++) {
                g_autofree char *name = g_strdup_printf("trace-%zu", i), *made = NULL;

                play_start_silent(&plays[i], NULL);
                if (i == 0) {
                        folder = g_build_filename(plays[0].directory, "folder", NULL);
                        deep = g_build_filename(folder, "no", "such", NULL);
                }
                made = g_build_filename(folder, name, NULL);
                g_assert_cmpint(output_in_folder(&plays[i], deep, name), ==, ENOENT);
                g_assert_cmpint(output_in_folder(&plays[i], folder, name), ==, 0);
                assert_private_directory(folder);
                assert_private_directory(made);
        }
        play_done(&plays[1]);
        play_done(&plays[0]);
}

static void test_directory_exists(void) {
        g_autofree char *path = NULL;
        struct play p;

        play_start_silent(&p, NULL);
        g_assert_cmpint(output(&p, CONSUMER_OUTPUT_DIRECTORY, p.directory, &path), ==, 0);
        g_assert_cmpstr(path, ==, p.directory);
        play_done(&p);
}

static void test_fd(void) {
        g_autofree char *path = NULL;
        struct play p;

        play_start_silent(&p, NULL);
        play_send_output(&p, 0);
        g_assert_cmpint(play_answer(&p, &path), ==, 0);
        g_assert_cmpstr(path, ==, p.directory);
        play_done(&p);
}

static void test_state(void) {
        g_autofree char *state = g_dir_make_tmp("tracectl-state-XXXXXX", NULL), *list = NULL, *path = NULL;
        g_autofree char *expected = g_build_filename(state, "shop", NULL);
        g_autofree char *link = g_build_filename(state, "link", NULL);
        struct play p;

        list = g_strdup_printf("/nonexistent:%s", state);
        g_setenv("STATE_DIRECTORY", list, TRUE);
        play_start_silent(&p, NULL);
        g_unsetenv("STATE_DIRECTORY");
        g_assert_cmpint(symlink(p.directory, link), ==, 0);
        g_assert_cmpint(output(&p, CONSUMER_OUTPUT_STATE, "", NULL), ==, EBADMSG);
        g_assert_cmpint(output(&p, CONSUMER_OUTPUT_STATE, "../shop", NULL), ==, EBADMSG);
        g_assert_cmpint(output(&p, CONSUMER_OUTPUT_STATE, "link", NULL), ==, ENOTDIR);
        g_assert_cmpint(output(&p, CONSUMER_OUTPUT_STATE, "shop", &path), ==, 0);
        g_assert_cmpstr(path, ==, expected);
        assert_private_directory(expected);
        play_done(&p);
        g_assert_cmpint(g_rmdir(expected), ==, 0);
        g_assert_cmpint(g_unlink(link), ==, 0);
        g_assert_cmpint(g_rmdir(state), ==, 0);
}

static void test_no_state(void) {
        struct play p;

        g_unsetenv("STATE_DIRECTORY");
        play_start_silent(&p, NULL);
        g_assert_cmpint(output(&p, CONSUMER_OUTPUT_STATE, "shop", NULL), ==, EINVAL);
        play_done(&p);
}

/* Runs the consumer as systemd does, with LISTEN_PID as it should be or not. */
static pid_t start_activated(int listening, bool well) {
        g_autofree char *script = NULL;
        posix_spawn_file_actions_t actions;
        char *path;
        pid_t pid;

        g_assert_cmpint(program_find("consumer", "tracectl-consumer", &path), ==, 0);
        script = g_strdup_printf("LISTEN_FDS=1 LISTEN_PID=%s exec \"$0\" 2>/dev/null", well ? "$$" : "1");
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, listening, 3);
        posix_spawn_file_actions_addclosefrom_np(&actions, 4);
        g_assert_cmpint(posix_spawn(&pid, "/bin/sh", &actions, NULL,
                                    (char *[]) { (char *) "sh", (char *) "-c", script, path, NULL }, environ),
                        ==, 0);
        posix_spawn_file_actions_destroy(&actions);
        free(path);
        return pid;
}

static int listen_at(const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

        g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
        g_assert_cmpint(bind(fd, (struct sockaddr *) &address, sizeof(address)), ==, 0);
        g_assert_cmpint(listen(fd, 1), ==, 0);
        return fd;
}

static int connect_to(const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

        g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
        g_assert_cmpint(connect(fd, (struct sockaddr *) &address, sizeof(address)), ==, 0);
        return fd;
}

static void test_activated(void) {
        g_autofree char *path = NULL;
        struct play p = { .status_fd = -1, .directory = g_dir_make_tmp("tracectl-consumer-XXXXXX", NULL) };
        int listening;

        path = g_build_filename(p.directory, "socket", NULL);
        listening = listen_at(path);
        p.socket = connect_to(path);
        p.pid = start_activated(listening, true);
        close(listening);
        play_send_output(&p, 0);
        g_assert_cmpint(play_answer(&p, NULL), ==, 0);
        play_done(&p);
}

static void test_not_activated(void) {
        g_autofree char *directory = g_dir_make_tmp("tracectl-consumer-XXXXXX", NULL), *path = NULL;
        int listening, status;
        pid_t pid;

        path = g_build_filename(directory, "socket", NULL);
        listening = listen_at(path);
        pid = start_activated(listening, false);
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
        close(listening);
        g_assert_cmpint(g_unlink(path), ==, 0);
        g_assert_cmpint(g_rmdir(directory), ==, 0);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/place/directory", test_directory);
        g_test_add_func("/place/directory-in-a-folder", test_directory_in_a_folder);
        g_test_add_func("/place/directory-exists", test_directory_exists);
        g_test_add_func("/place/fd", test_fd);
        g_test_add_func("/place/state", test_state);
        g_test_add_func("/place/no-state", test_no_state);
        g_test_add_func("/place/activated", test_activated);
        g_test_add_func("/place/not-activated", test_not_activated);
        return g_test_run();
}
