/* SPDX-License-Identifier: LGPL-2.1-or-later */
#undef NDEBUG

#include <errno.h>
#include <glib.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/tracectl/process.h"

static int prepare_nothing(void *userdata) {
        return 0;
}

static int prepare_variable(void *userdata) {
        return setenv("STATUS", userdata, 1);
}

static int prepare_fails(void *userdata) {
        return -EDOM;
}

static struct process start(const char *script, process_prepare_t prepare, const char *value) {
        struct process process = PROCESS_NULL;
        char *argv[] = { (char *) "sh", (char *) "-c", (char *) script, NULL };

        g_assert_cmpint(process_start("/bin/sh", argv, prepare, (void *) value, &process), ==, 0);
        g_assert_cmpint(process.pid, >, 0);
        return process;
}

static void test_status(void) {
        struct process process = start("exit $STATUS", prepare_variable, "42");
        siginfo_t how;

        g_assert_cmpint(process_wait(&process, -1, &how), ==, 0);
        g_assert_cmpint(how.si_code, ==, CLD_EXITED);
        g_assert_cmpint(how.si_status, ==, 42);
        g_assert_cmpint(process.pid, ==, 0);
        process_kill(&process, SIGKILL);
}

static void test_kill(void) {
        struct process process = start("exec tail -f /dev/null", prepare_nothing, NULL);
        siginfo_t how;

        process_kill(&process, SIGKILL);
        g_assert_cmpint(process_wait(&process, -1, &how), ==, 0);
        g_assert_cmpint(how.si_code, ==, CLD_KILLED);
        g_assert_cmpint(how.si_status, ==, SIGKILL);
}

static void test_timeout(void) {
        struct process process = PROCESS_NULL;
        char *argv[] = { (char *) "tail", (char *) "-f", (char *) "/dev/null", NULL };
        siginfo_t how;

        g_assert_cmpint(process_start("/usr/bin/tail", argv, prepare_nothing, NULL, &process), ==, 0);
        g_assert_cmpint(process_wait(&process, 10, &how), ==, -ETIMEDOUT);
        g_assert_cmpint(process.pid, >, 0);
        process_kill(&process, SIGTERM);
        g_assert_cmpint(process_wait(&process, -1, &how), ==, 0);
        g_assert_cmpint(how.si_status, ==, SIGTERM);
}

/* A failure before or in exec is the caller's, and leaves no child. */
static void test_failures(void) {
        struct process process = PROCESS_NULL;
        char *argv[] = { (char *) "x", NULL };

        g_assert_cmpint(process_start("/nonexistent", argv, prepare_nothing, NULL, &process), ==, -ENOENT);
        g_assert_cmpint(process_start("/etc/passwd", argv, prepare_nothing, NULL, &process), ==, -EACCES);
        g_assert_cmpint(process_start("/bin/sh", argv, prepare_fails, NULL, &process), ==, -EDOM);
        g_assert_cmpint(process.pid, ==, 0);
        g_assert_cmpint(waitpid(-1, NULL, WNOHANG), ==, -1);
        g_assert_cmpint(errno, ==, ECHILD);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/process/status", test_status);
        g_test_add_func("/process/kill", test_kill);
        g_test_add_func("/process/timeout", test_timeout);
        g_test_add_func("/process/failures", test_failures);
        return g_test_run();
}
