/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <fcntl.h>
#include <glib.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "client/tracectl/syscalls/names.h"

static struct text text;

/* What is written of an argument; the one before it, NULL: there is none. */
static const char *written_after(const char *before, uint64_t value_before, const char *call, const char *name,
                                 uint64_t value) {
        struct syscall_so_far so_far = { 0 };
        const struct syscall_argument *argument;

        if (before)
                syscall_so_far_add(&so_far, before, strlen(before), value_before);
        argument = syscall_names_find(call, name, strlen(name), &so_far);
        if (!argument)
                return NULL;
        text_init(&text, -1);
        syscall_names_add(&text, argument, value);
        text_add_char(&text, '\0');
        return text.data;
}

static const char *written(const char *call, const char *name, uint64_t value) {
        return written_after(NULL, 0, call, name, value);
}

static void test_sums(void) {
        g_assert_cmpstr(written("openat", "flags", O_RDONLY | O_CLOEXEC), ==, "O_RDONLY|O_CLOEXEC");
        g_assert_cmpstr(written("openat", "flags", O_WRONLY | O_TRUNC | O_CREAT), ==, "O_WRONLY|O_CREAT|O_TRUNC");
        /* Those of several bits contain others. */
        g_assert_cmpstr(written("open", "flags", O_RDWR | O_SYNC), ==, "O_RDWR|O_SYNC");
        g_assert_cmpstr(written("open", "flags", O_RDWR | O_DSYNC), ==, "O_RDWR|O_DSYNC");
        g_assert_cmpstr(written("mmap", "prot", PROT_READ | PROT_EXEC), ==, "PROT_READ|PROT_EXEC");
        g_assert_cmpstr(written("mprotect", "prot", PROT_NONE), ==, "PROT_NONE");
        g_assert_cmpstr(written("mmap", "flags", MAP_PRIVATE | MAP_ANONYMOUS), ==, "MAP_PRIVATE|MAP_ANONYMOUS");
        g_assert_cmpstr(written("socket", "type", SOCK_DGRAM | SOCK_CLOEXEC), ==, "SOCK_DGRAM|SOCK_CLOEXEC");
        g_assert_cmpstr(written("access", "mode", 0), ==, "F_OK");
        g_assert_cmpstr(written("newfstatat", "flag", 0), ==, "0");
        g_assert_cmpstr(written("sendto", "flags", UINT64_C(0x80000000)), ==, "0x80000000");
        g_assert_cmpstr(written("sendto", "flags", UINT64_C(0x80004000)), ==, "MSG_NOSIGNAL|0x80000000");
        g_assert_cmpstr(written("sendto", "flags", UINT64_C(0x500004000)), ==, "MSG_NOSIGNAL|0x500000000");
}

static void test_ones(void) {
        g_assert_cmpstr(written("lseek", "whence", SEEK_END), ==, "SEEK_END");
        g_assert_cmpstr(written("lseek", "whence", 99), ==, "0x63");
        g_assert_cmpstr(written("clock_gettime", "which_clock", 1), ==, "CLOCK_MONOTONIC");
        /* An int with its sign, as the kernel may list it. */
        g_assert_cmpstr(written("getrusage", "who", UINT64_MAX), ==, "RUSAGE_CHILDREN");
        g_assert_cmpstr(written("getrusage", "who", UINT32_MAX), ==, "RUSAGE_CHILDREN");
        g_assert_cmpstr(syscall_names_one("socket", "family", AF_UNIX), ==, "AF_UNIX");
        g_assert_null(syscall_names_one("socket", "family", 9999));
        g_assert_null(syscall_names_one("read", "count", 1));
}

static void test_numbers(void) {
        g_assert_cmpstr(written("chmod", "mode", 04755), ==, "04755");
        g_assert_cmpstr(written("mknod", "mode", S_IFIFO | 0600), ==, "S_IFIFO|0600");
        g_assert_cmpstr(written("wait4", "upid", UINT32_MAX), ==, "-1");
        g_assert_cmpstr(written("openat", "dfd", (uint32_t) AT_FDCWD), ==, "AT_FDCWD");
        g_assert_cmpstr(written("openat", "dfd", (uint64_t) AT_FDCWD), ==, "AT_FDCWD");
        g_assert_cmpstr(written("mmap", "fd", UINT64_MAX), ==, "-1");
        g_assert_cmpstr(written("brk", "ret", 0x1234000), ==, "0x1234000");
        g_assert_null(written("read", "count", 1));
}

static void test_signals(void) {
        g_assert_cmpstr(written("kill", "sig", SIGKILL), ==, "SIGKILL");
        g_assert_cmpstr(written("kill", "sig", 0), ==, "0");
        g_assert_cmpstr(written("rt_sigaction", "sig", 32), ==, "SIGRTMIN");
        g_assert_cmpstr(written("rt_sigaction", "sig", 33), ==, "SIGRT_1");
        g_assert_cmpstr(written("kill", "sig", 99), ==, "0x63");
        g_assert_cmpstr(written("clone", "clone_flags", CLONE_VM | CLONE_VFORK | SIGCHLD), ==,
                        "SIGCHLD|CLONE_VM|CLONE_VFORK");
}

/* What an argument is depends on one before it. */
static void test_conditions(void) {
        g_assert_cmpstr(written_after("cmd", F_SETFL, "fcntl", "arg", O_RDWR | O_NONBLOCK), ==, "O_RDWR|O_NONBLOCK");
        g_assert_cmpstr(written_after("cmd", F_SETFD, "fcntl", "arg", FD_CLOEXEC), ==, "FD_CLOEXEC");
        g_assert_null(written_after("cmd", F_DUPFD, "fcntl", "arg", 10));
        g_assert_null(written("fcntl", "arg", 10));
        g_assert_cmpstr(written_after("level", SOL_SOCKET, "setsockopt", "optname", SO_REUSEADDR), ==, "SO_REUSEADDR");
        /* 0 of one family is IPPROTO_IP, and of another no protocol of IP's. */
        g_assert_cmpstr(written_after("family", AF_INET, "socket", "protocol", 0), ==, "IPPROTO_IP");
        g_assert_null(written_after("family", AF_UNIX, "socket", "protocol", 0));
}

static void assert_distinct(const struct syscall_part *part) {
        for (size_t i = 0; i < part->n_constants; i++)
                for (size_t j = 0; j < i; j++)
                        if (part->constants[i].value == part->constants[j].value)
                                g_error("%s and %s are the same", part->constants[i].name, part->constants[j].name);
}

/* The list: a number has one name, calls lie side by side, and each set has something in it. */
static void test_list(void) {
        size_t n;
        const struct syscall_argument *all = syscall_names_all(&n);

        g_assert_cmpuint(n, >, 100);
        for (size_t i = 0; i < n; i++) {
                g_assert_cmpint(i > 0 ? strcmp(all[i - 1].call, all[i].call) : 0, <=, 0);
                if (all[i].parts->kind == SYSCALL_PART_END)
                        g_error("nothing is known of %s.%s", all[i].call, all[i].name);
                for (const struct syscall_part *part = all[i].parts; part->kind != SYSCALL_PART_END; part++)
                        assert_distinct(part);
        }
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/syscall-names/sums", test_sums);
        g_test_add_func("/syscall-names/ones", test_ones);
        g_test_add_func("/syscall-names/numbers", test_numbers);
        g_test_add_func("/syscall-names/signals", test_signals);
        g_test_add_func("/syscall-names/conditions", test_conditions);
        g_test_add_func("/syscall-names/list", test_list);
        return g_test_run();
}
