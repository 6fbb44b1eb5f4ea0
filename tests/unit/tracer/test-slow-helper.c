/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A program with one thread hands its connection over to a helper that is slow:
 * the test, which plays the daemon as well, traces the program, and holds the
 * helper where it has just come to be, or between two of its system calls.
 */

#undef NDEBUG

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/tracer/world.h"
#include "tracer/sanitizer.h"

/* What one end of it says, the other waits for: a byte. */
struct meeting {
        int fds[2];
};

static void say(struct meeting *m) {
        g_assert_cmpint(write(m->fds[1], "", 1), ==, 1);
}

static void hear(struct meeting *m) {
        char byte;

        g_assert_cmpint(read(m->fds[0], &byte, 1), ==, 1);
}

struct slow {
        struct world w;
        struct meeting seized, registered;
        pid_t program, helper;
};

static void run_program(struct slow *s) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        hear(&s->seized);
        program_register();
        g_assert_cmpuint(program_enabled(), ==, PROGRAM);
        say(&s->registered);
        program_register_plugin();
        g_assert_cmpuint(program_enabled(), ==, PROGRAM | EVENT_PLUGIN);
        program_trace(3);
        _exit(0);
}

static int wait_for_stop(pid_t pid) {
        int status;

        g_assert_cmpint(waitpid(pid, &status, __WALL), ==, pid);
        g_assert_true(WIFSTOPPED(status));
        return status;
}

/* Where it has been made and does not run yet. */
static void hold_helper(struct slow *s) {
        unsigned long tid;

        g_assert_cmpint(wait_for_stop(s->program) >> 8, ==, SIGTRAP | PTRACE_EVENT_CLONE << 8);
        g_assert_cmpint(ptrace(PTRACE_GETEVENTMSG, s->program, NULL, &tid), ==, 0);
        s->helper = (pid_t) tid;
        wait_for_stop(s->helper);
        g_assert_cmpint(ptrace(PTRACE_CONT, s->program, NULL, NULL), ==, 0);
}

/* To the next entry of a system call, whose number it returns, or the next exit. */
static long go_on(struct slow *s) {
        struct __ptrace_syscall_info info;

        g_assert_cmpint(ptrace(PTRACE_SYSCALL, s->helper, NULL, NULL), ==, 0);
        g_assert_cmpint(WSTOPSIG(wait_for_stop(s->helper)), ==, SIGTRAP | 0x80);
        g_assert_cmpint(ptrace(PTRACE_GET_SYSCALL_INFO, s->helper, sizeof(info), &info), >, 0);
        return info.op == PTRACE_SYSCALL_INFO_ENTRY ? (long) info.entry.nr : -1;
}

static void let_go_until_left(struct slow *s, long nr) {
        while (go_on(s) != nr)
                ;
        g_assert_cmpint((int) go_on(s), ==, -1);
}

static void start_traced(struct slow *s) {
        const int options = PTRACE_O_TRACECLONE | PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL;

        g_assert_cmpint(pipe(s->seized.fds), ==, 0);
        g_assert_cmpint(pipe(s->registered.fds), ==, 0);
        s->program = fork();
        g_assert_cmpint(s->program, >=, 0);
        if (s->program == 0)
                run_program(s);
        g_assert_cmpint(ptrace(PTRACE_SEIZE, s->program, NULL, options), ==, 0);
        say(&s->seized);
}

/*
 * The helper has taken the connection, and cannot be woken yet: what changes then, while the program waits for the
 * answer to it, the helper finds out when it goes on. Until it has taken it, the program waits for that.
 */
static void changes_before_it_can_be_woken(void) {
        struct slow s;
        int status;

        world_init(&s.w);
        g_unsetenv("XDG_RUNTIME_DIR");
        fake_want(&s.w.system, true);
        start_traced(&s);
        hold_helper(&s);
        fake_accept(&s.w.system);
        fake_apply(&s.w.system, HANDSHAKE_READY, true);
        fake_wait_asleep(s.program, SYS_futex);
        let_go_until_left(&s, SYS_close_range);
        let_go_until_left(&s, SYS_futex);
        hear(&s.registered);
        fake_wait_asleep(s.program, SYS_futex);
        g_assert_cmpint(ptrace(PTRACE_DETACH, s.helper, NULL, NULL), ==, 0);
        fake_take_events(&s.w.system);
        fake_apply(&s.w.system, HANDSHAKE_CONFIG, true);
        g_assert_cmpint(waitpid(s.program, &status, 0), ==, s.program);
        g_assert_cmpint(status, ==, 0);
        g_assert_cmpuint(fake_consume(&s.w.system), ==, 3);
        world_done(&s.w);
}

static const struct world_test tests[] = {
        { "changes-before-it-can-be-woken", changes_before_it_can_be_woken, .needs_ptrace = true },
};

int main(int argc, char **argv) {
        /* The sanitizer's own thread: nobody is alone. */
        if (on_tsan())
                return 77;
        return world_run_tests(argc, argv, tests, G_N_ELEMENTS(tests));
}
