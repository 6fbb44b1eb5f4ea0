/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/tracer/world.h"
#include "tracer/sanitizer.h"
#include "tracer/wait.h"

static uint64_t payload_size(uint32_t id, const char *payload, uint64_t room) {
        /* The string event is the second of the first object: it comes last but for what was there before. */
        if (room >= 8 + sizeof(PROGRAM_STRING) && memcmp(payload + 8, PROGRAM_STRING, sizeof(PROGRAM_STRING)) == 0)
                return 8 + sizeof(PROGRAM_STRING);
        return 8;
}

void world_init(struct world *w) {
        w->directory = g_dir_make_tmp("tracectl-daemons-XXXXXX", NULL);
        w->system_directory = g_build_filename(w->directory, "system", NULL);
        w->user_directory = g_build_filename(w->directory, TRACECTL_RUN, NULL);
        fake_init(&w->system, w->system_directory, 0, 1);
        fake_init(&w->user, w->user_directory, 0, 11);
        w->system.reader.payload_size = w->user.reader.payload_size = payload_size;
        wait_config.system_run = w->system_directory;
        wait_config.system_owner = getuid();
        /* The daemons of most tests come back without telling the page. */
        wait_config.restart_msec = 10;
        wait_config.answer_msec = FAKE_TIMEOUT_MSEC;
        g_setenv("XDG_RUNTIME_DIR", w->directory, TRUE);
        g_unsetenv("TRACECTL_SOCKET");
}

void world_done(struct world *w) {
        fake_done(&w->system);
        fake_done(&w->user);
        rmdir(w->directory);
}

void world_assert_recorded(struct world *w, uint64_t system, uint64_t user) {
        program_trace(7);
        g_assert_cmpuint(fake_consume(&w->system), ==, system);
        g_assert_cmpuint(fake_consume(&w->user), ==, user);
}

void world_join(struct fake_daemon *f) {
        fake_want(f, true);
        fake_accept(f);
        fake_apply(f, HANDSHAKE_READY, true);
}

void world_wait_until_enabled(unsigned events) {
        for (gint64 until = g_get_monotonic_time() + FAKE_TIMEOUT_MSEC * 1000; program_enabled() != events;) {
                g_assert_cmpint(g_get_monotonic_time(), <, until);
                sched_yield();
        }
}

_Noreturn void world_trace_for_ever(void) {
        /* Also where the test fails. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
                program_trace(9);
                g_usleep(1000);
        }
}

void world_end(struct fake_daemon *f) {
        fake_want(f, false);
        fake_hang_up(f);
}

gpointer world_register(gpointer unused) {
        program_register();
        return GUINT_TO_POINTER(program_enabled());
}

gpointer world_register_plugin(gpointer unused) {
        program_register_plugin();
        return GUINT_TO_POINTER(program_enabled());
}

/* Refused to some users, and to everybody who has another root folder. */
static bool may_make_user_namespace(void) {
        pid_t pid = fork();
        int status;

        if (pid == 0)
                _exit(syscall(SYS_unshare, CLONE_NEWUSER) < 0);
        return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* Refused where a filter of system calls, or the kernel's strictest setting, forbids it to everybody. */
static bool may_trace(void) {
        pid_t pid = fork();
        bool may;

        if (pid == 0)
                for (;;)
                        pause();
        may = pid > 0 && ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_EXITKILL) == 0;
        return pid > 0 && kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid && may;
}

static void run(gconstpointer data) {
        const struct world_test *test = data;

        if (test->needs_root && getuid() != 0)
                g_test_skip("needs root");
        else if (test->needs_user_namespace && !may_make_user_namespace())
                g_test_skip("needs the right to make a user namespace");
        else if (test->needs_ptrace && !may_trace())
                g_test_skip("needs ptrace");
        else if (test->not_on_tsan && on_tsan())
                g_test_skip("does not hold below the thread sanitizer");
        else
                fake_in_process(test->func);
}

int world_run_tests(int argc, char **argv, const struct world_test *tests, guint n) {
        g_test_init(&argc, &argv, NULL);
        for (guint i = 0; i < n; i++) {
                g_autofree char *path = g_strconcat("/daemons/", tests[i].name, NULL);

                g_test_add_data_func(path, &tests[i], run);
        }
        return g_test_run();
}
