/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Each case runs in a child, which the filter stays on for good. */

#undef NDEBUG
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fd.h"
#include "consumer/sandbox.h"

static void run(int (*inside)(int fd)) {
        int fd, status;
        pid_t pid;

        g_assert_cmpint(memfd_new_shared("test", 4096, &fd), ==, 0);
        pid = fork();
        g_assert_cmpint(pid, >=, 0);
        if (pid == 0)
                _exit(sandbox_enter() < 0 ? 100 : inside(fd));
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        close(fd);
        g_assert_true(WIFEXITED(status));
        g_assert_cmpint(WEXITSTATUS(status), ==, 0);
}

/* As the filter refuses, and nothing else here does. */
static bool is_refused(long r) {
        return r == -1 && errno == EPERM;
}

static int try_files(int fd) {
        if (!is_refused(open("/dev/null", O_RDONLY | O_CLOEXEC)))
                return 1;
        if (!is_refused(openat(AT_FDCWD, "/", O_RDONLY | O_CLOEXEC)))
                return 2;
        if (!is_refused(syscall(SYS_openat2, AT_FDCWD, "/", NULL, 0)))
                return 3;
        if (!is_refused(unlink("/nonexistent")))
                return 4;
        if (!is_refused(syscall(SYS_memfd_create, "x", 0)))
                return 5;
        return 0;
}

static int try_network(int fd) {
        struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "/nonexistent" };

        if (!is_refused(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)))
                return 1;
        if (!is_refused(connect(fd, (struct sockaddr *) &address, sizeof(address))))
                return 2;
        return 0;
}

static int try_processes(int fd) {
        char *argv[] = { (char *) "true", NULL };

        if (!is_refused(execve("/bin/true", argv, NULL)))
                return 1;
        if (!is_refused(syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0)))
                return 2;
        if (!is_refused(syscall(SYS_clone3, NULL, 0)))
                return 3;
        if (!is_refused(ptrace(PTRACE_TRACEME, 0, NULL, NULL)))
                return 4;
        if (!is_refused(kill(1, 0)))
                return 5;
        if (!is_refused(prctl(PR_SET_DUMPABLE, 1)))
                return 6;
        return 0;
}

static int try_memory(int fd) {
        void *p;

        p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (p == MAP_FAILED || munmap(p, 4096) < 0)
                return 1;
        if (!is_refused((long) mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)))
                return 2;
        p = malloc(64 << 20);
        if (!p)
                return 3;
        free(p);
        return 0;
}

/* What the drainer's own work is made of. */
static int try_work(int fd) {
        struct iovec iov = { (void *) "x", 1 };
        uint64_t size;
        sigset_t set;

        if (memfd_check_shared(fd, &size) < 0 || size != 4096)
                return 1;
        if (pwritev_full(fd, &iov, 1, 0) < 0)
                return 2;
        if (ftruncate(fd, 4096) < 0)
                return 3;
        if (sigpending(&set) < 0)
                return 4;
        if (!is_refused(fcntl(fd, F_DUPFD, 0)))
                return 5;
        return 0;
}

static void test_files(void) {
        run(try_files);
}

static void test_network(void) {
        run(try_network);
}

static void test_processes(void) {
        run(try_processes);
}

static void test_memory(void) {
        run(try_memory);
}

static void test_work(void) {
        run(try_work);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/sandbox/files", test_files);
        g_test_add_func("/sandbox/network", test_network);
        g_test_add_func("/sandbox/processes", test_processes);
        g_test_add_func("/sandbox/memory", test_memory);
        g_test_add_func("/sandbox/work", test_work);
        return g_test_run();
}
