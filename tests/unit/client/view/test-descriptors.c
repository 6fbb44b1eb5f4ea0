/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/close_range.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>

#include "client/tracectl/syscalls/descriptors.h"

enum { A = 10, B = 11 }; /* processes */

static struct descriptors *descriptors;

static const char *what_is(int32_t pid, int64_t fd) {
        static struct text text;

        text_init(&text, -1);
        descriptors_add(descriptors, &text, pid, fd);
        text_add_char(&text, '\0');
        return text.data;
}

/* A call has returned; then names and values of its arguments, and NULL. */
static void call_with(int32_t pid, const char *name, const char *file, const int32_t *pair, int64_t result, va_list ap) {
        static const int32_t none[] = { -1, -1 };
        struct syscall_so_far arguments = { 0 };
        const char *argument;

        while ((argument = va_arg(ap, const char *)))
                syscall_so_far_add(&arguments, argument, strlen(argument), va_arg(ap, uint64_t));
        descriptors_take(descriptors, &(struct descriptor_call) {
                .pid = pid, .name = name, .arguments = &arguments, .pair = pair ? pair : none,
                .file = file, .file_size = file ? strlen(file) : 0, .result = result,
        });
}

static void call(int32_t pid, const char *name, const char *file, int64_t result, ...) {
        va_list ap;

        va_start(ap, result);
        call_with(pid, name, file, NULL, result, ap);
        va_end(ap);
}

static void call_pair(int32_t pid, const char *name, int32_t first, int32_t second, int64_t result, ...) {
        const int32_t pair[] = { first, second };
        va_list ap;

        va_start(ap, result);
        call_with(pid, name, NULL, pair, result, ap);
        va_end(ap);
}

#define NUMBER(n) ((uint64_t) (n))

static void open_file(int32_t pid, const char *file, int64_t fd, uint64_t flags) {
        call(pid, "openat", file, fd, "dfd", NUMBER(AT_FDCWD), "flags", flags, NULL);
}

static void test_made(void) {
        open_file(A, "/etc/passwd", 3, O_RDONLY);
        open_file(A, "/none", -ENOENT, O_RDONLY);
        call(A, "socket", NULL, 4, "family", NUMBER(AF_INET), "type", NUMBER(SOCK_STREAM), NULL);
        call(A, "accept4", NULL, 5, "fd", NUMBER(4), "flags", NUMBER(0), NULL);
        call(A, "memfd_create", "name", 6, "flags", NUMBER(0), NULL);
        call(A, "epoll_create1", NULL, 7, "flags", NUMBER(0), NULL);
        g_assert_cmpstr(what_is(A, 3), ==, "</etc/passwd>");
        g_assert_cmpstr(what_is(A, 4), ==, "<socket:AF_INET>");
        g_assert_cmpstr(what_is(A, 5), ==, "<socket:AF_INET>");
        g_assert_cmpstr(what_is(A, 6), ==, "<memfd:name>");
        g_assert_cmpstr(what_is(A, 7), ==, "<epoll>");
        /* What nobody has told, of whomever. */
        g_assert_cmpstr(what_is(A, 0), ==, "");
        g_assert_cmpstr(what_is(A, -1), ==, "");
        g_assert_cmpstr(what_is(A, AT_FDCWD), ==, "");
        g_assert_cmpstr(what_is(B, 3), ==, "");
        open_file(-1, "/etc/passwd", 3, O_RDONLY);
        g_assert_cmpstr(what_is(-1, 3), ==, "");
        /* No name was told of it: what there was before, it is not. */
        open_file(A, NULL, 3, O_RDONLY);
        g_assert_cmpstr(what_is(A, 3), ==, "");
        open_file(A, "a>\n", 3, O_RDONLY);
        g_assert_cmpstr(what_is(A, 3), ==, "<a\\>\\n>");
        /* A number that no table has. */
        open_file(A, "/far", INT64_C(1) << 40, O_RDONLY);
        g_assert_cmpstr(what_is(A, INT64_C(1) << 40), ==, "");
}

static void test_closed(void) {
        for (int fd = 3; fd < 10; fd++)
                open_file(A, "/file", fd, O_RDONLY);
        call(A, "close", NULL, 0, "fd", NUMBER(3), NULL);
        g_assert_cmpstr(what_is(A, 3), ==, "");
        /* It is closed although an error is told; but for this one. */
        call(A, "close", NULL, -EIO, "fd", NUMBER(4), NULL);
        g_assert_cmpstr(what_is(A, 4), ==, "");
        call(A, "close", NULL, -EBADF, "fd", NUMBER(5), NULL);
        g_assert_cmpstr(what_is(A, 5), ==, "</file>");
        call(A, "close_range", NULL, 0, "fd", NUMBER(6), "max_fd", NUMBER(7), "flags", NUMBER(0), NULL);
        g_assert_cmpstr(what_is(A, 6), ==, "");
        g_assert_cmpstr(what_is(A, 7), ==, "");
        g_assert_cmpstr(what_is(A, 8), ==, "</file>");
        call(A, "close_range", NULL, 0, "fd", NUMBER(8), "max_fd", NUMBER(~0U), "flags", NUMBER(0), NULL);
        g_assert_cmpstr(what_is(A, 9), ==, "");
        call(A, "exit_group", NULL, -1, "error_code", NUMBER(0), NULL);
        g_assert_cmpstr(what_is(A, 5), ==, "");
}

static void test_copied(void) {
        open_file(A, "/file", 3, O_RDONLY);
        call(A, "dup", NULL, 4, "fildes", NUMBER(3), NULL);
        call(A, "dup2", NULL, 5, "oldfd", NUMBER(4), "newfd", NUMBER(5), NULL);
        call(A, "fcntl", NULL, 10, "fd", NUMBER(3), "cmd", NUMBER(F_DUPFD), "arg", NUMBER(10), NULL);
        g_assert_cmpstr(what_is(A, 4), ==, "</file>");
        g_assert_cmpstr(what_is(A, 5), ==, "</file>");
        g_assert_cmpstr(what_is(A, 10), ==, "</file>");
        /* Over one that was known, by one that is not. */
        call(A, "dup2", NULL, 5, "oldfd", NUMBER(0), "newfd", NUMBER(5), NULL);
        g_assert_cmpstr(what_is(A, 5), ==, "");
        /* Onto itself, it stays. */
        call(A, "dup2", NULL, 4, "oldfd", NUMBER(4), "newfd", NUMBER(4), NULL);
        g_assert_cmpstr(what_is(A, 4), ==, "</file>");
        /* Another command's result is no descriptor. */
        call(A, "fcntl", NULL, 4, "fd", NUMBER(3), "cmd", NUMBER(F_GETFL), "arg", NUMBER(0), NULL);
        g_assert_cmpstr(what_is(A, 4), ==, "</file>");
}

static void test_exec(void) {
        open_file(A, "/kept", 3, O_RDONLY);
        open_file(A, "/closed", 4, O_RDONLY | O_CLOEXEC);
        call(A, "dup", NULL, 5, "fildes", NUMBER(4), NULL);
        call(A, "fcntl", NULL, 6, "fd", NUMBER(3), "cmd", NUMBER(F_DUPFD_CLOEXEC), "arg", NUMBER(0), NULL);
        open_file(A, "/closed", 7, O_RDONLY);
        call(A, "fcntl", NULL, 0, "fd", NUMBER(7), "cmd", NUMBER(F_SETFD), "arg", NUMBER(FD_CLOEXEC), NULL);
        open_file(A, "/kept", 8, O_RDONLY | O_CLOEXEC);
        call(A, "fcntl", NULL, 0, "fd", NUMBER(8), "cmd", NUMBER(F_SETFD), "arg", NUMBER(0), NULL);
        open_file(A, "/closed", 9, O_RDONLY);
        call(A, "close_range", NULL, 0, "fd", NUMBER(9), "max_fd", NUMBER(~0U), "flags", NUMBER(CLOSE_RANGE_CLOEXEC), NULL);
        call(A, "execve", "/none", -ENOENT, NULL);
        g_assert_cmpstr(what_is(A, 4), ==, "</closed>");
        call(A, "execve", "/bin/true", 0, NULL);
        for (int fd = 3; fd < 10; fd++)
                g_assert_cmpstr(what_is(A, fd), ==, fd == 3 || fd == 8 ? "</kept>" : fd == 5 ? "</closed>" : "");
}

static void test_fork(void) {
        open_file(A, "/file", 3, O_RDONLY);
        open_file(B, "/old", 4, O_RDONLY);
        descriptors_fork(descriptors, A, B);
        g_assert_cmpstr(what_is(B, 3), ==, "</file>");
        /* The number was another's before. */
        g_assert_cmpstr(what_is(B, 4), ==, "");
        /* From then on each has its own. */
        call(B, "close", NULL, 0, "fd", NUMBER(3), NULL);
        g_assert_cmpstr(what_is(A, 3), ==, "</file>");
        /* A thread is no copy. */
        descriptors_fork(descriptors, A, A);
        g_assert_cmpstr(what_is(A, 3), ==, "</file>");
        /* Of somebody who is not known. */
        descriptors_fork(descriptors, 99, B);
        g_assert_cmpstr(what_is(B, 3), ==, "");
}

static void test_pairs(void) {
        call_pair(A, "pipe2", 3, 4, 0, "flags", NUMBER(O_CLOEXEC), NULL);
        call_pair(A, "pipe", 5, 6, 0, NULL);
        call_pair(A, "socketpair", 7, 8, 0, "family", NUMBER(AF_UNIX), "type", NUMBER(SOCK_STREAM), NULL);
        g_assert_cmpstr(what_is(A, 3), ==, "<pipe:1>");
        g_assert_cmpstr(what_is(A, 4), ==, "<pipe:1>");
        g_assert_cmpstr(what_is(A, 6), ==, "<pipe:2>");
        g_assert_cmpstr(what_is(A, 8), ==, "<socket:AF_UNIX>");
        call(A, "execve", "/bin/true", 0, NULL);
        g_assert_cmpstr(what_is(A, 4), ==, "");
        g_assert_cmpstr(what_is(A, 5), ==, "<pipe:2>");
}

/* As many processes as there may be, and one more: what was known goes, and no more memory is taken. */
static void test_many(void) {
        for (int32_t pid = 1; pid <= 4096; pid++)
                open_file(pid, "/file", 3, O_RDONLY);
        g_assert_cmpstr(what_is(1, 3), ==, "</file>");
        open_file(5000, "/file", 3, O_RDONLY);
        g_assert_cmpstr(what_is(5000, 3), ==, "</file>");
        g_assert_cmpstr(what_is(1, 3), ==, "");
}

/* Names that are long, of numbers that are high: likewise. Only what lives counts. */
static void test_much(void) {
        g_autofree char *name = g_strnfill(4096, 'x');

        for (int32_t i = 0; i < 100000; i++)
                open_file(A, name, 3, O_RDONLY);
        open_file(A, "/file", 4, O_RDONLY);
        g_assert_cmpstr(what_is(A, 4), ==, "</file>");
        open_file(B, "/file", 4, O_RDONLY);
        for (int32_t pid = 100; pid < 180; pid++)
                open_file(pid, "/file", 65535, O_RDONLY);
        g_assert_cmpstr(what_is(179, 65535), ==, "</file>");
        g_assert_cmpstr(what_is(B, 4), ==, "");
        for (int32_t fd = 100; fd < 20000; fd++)
                open_file(A, name, fd, O_RDONLY);
        g_assert_cmpstr(what_is(A, 100), ==, "");
        g_assert_cmpuint(strlen(what_is(A, 19999)), ==, strlen(name) + 2);
}

static void run(gconstpointer test) {
        descriptors = descriptors_new();
        ((void (*)(void)) test)();
        descriptors = descriptors_free(descriptors);
}

int main(int argc, char *argv[]) {
        static const struct {
                const char *name;
                void (*test)(void);
        } tests[] = {
                { "/descriptors/made", test_made },     { "/descriptors/closed", test_closed },
                { "/descriptors/copied", test_copied }, { "/descriptors/exec", test_exec },
                { "/descriptors/fork", test_fork },     { "/descriptors/pairs", test_pairs },
                { "/descriptors/many", test_many },
                { "/descriptors/much", test_much },
        };

        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(tests); i++)
                g_test_add_data_func(tests[i].name, (gconstpointer) tests[i].test, run);
        return g_test_run();
}
