/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A program with one thread, which itself takes the first answer of the only
 * daemon that wants to trace, and hands the connection over: what it finds
 * afterwards among its descriptors, and what happens where the daemon does not
 * answer as it should. The program is a child of the test, which plays the daemon.
 */

#undef NDEBUG

#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/single_threaded.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/tracer/world.h"
#include "tracer/sanitizer.h"
#include "tracer/wait.h"

static unsigned count_descriptors(void) {
        DIR *dir = opendir("/proc/self/fd");
        unsigned n = 0;

        g_assert_nonnull(dir);
        while (readdir(dir))
                n++;
        closedir(dir);
        return n;
}

/* Leaves room for that many more descriptors, all numbers below being taken. */
static void limit_descriptors(unsigned room) {
        struct rlimit limit = { 0 };
        int next = dup(0);

        g_assert_cmpint(next, >=, 0);
        close(next);
        limit.rlim_cur = limit.rlim_max = (rlim_t) next + room;
        g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &limit), ==, 0);
}

static unsigned register_and_count_descriptors(void) {
        unsigned before = count_descriptors();

        program_register();
        return count_descriptors() - before;
}

/* A program: registers, has those events on at last, traces and ends. now: before program_register() returns. */
static pid_t start_program(unsigned room, bool now, unsigned events) {
        pid_t pid = fork();

        g_assert_cmpint(pid, >=, 0);
        if (pid > 0)
                return pid;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        g_assert_true(__libc_single_threaded);
        if (room > 0) {
                limit_descriptors(room);
                program_register();
        } else {
                g_assert_cmpuint(register_and_count_descriptors(), ==, 0);
        }
        if (!now)
                world_wait_until_enabled(events);
        g_assert_cmpuint(program_enabled(), ==, events);
        program_trace(3);
        _exit(0);
}

static void assert_ends_well(pid_t pid) {
        int status;

        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_cmpint(status, ==, 0);
}

static void records_at_once(void) {
        struct world w;
        pid_t pid;

        world_init(&w);
        fake_want(&w.system, true);
        pid = start_program(0, true, PROGRAM);
        fake_accept(&w.system);
        fake_apply(&w.system, HANDSHAKE_READY, true);
        assert_ends_well(pid);
        g_assert_cmpuint(fake_consume(&w.system), ==, 2);
        world_done(&w);
}

/* What comes next is the helper's. */
static void hands_over(void) {
        struct world w;
        pid_t pid;

        world_init(&w);
        fake_want(&w.system, true);
        pid = start_program(0, false, PROGRAM);
        fake_accept(&w.system);
        fake_apply(&w.system, HANDSHAKE_READY, false);
        /* The program ends when its events are on, which may be before it has answered. */
        (void) fake_send_view(&w.system, HANDSHAKE_CONFIG, true);
        assert_ends_well(pid);
        g_assert_cmpuint(fake_consume(&w.system), ==, 2);
        world_done(&w);
}

/* Who has waited in vain himself does not wait as long again. */
static void waits_once(void) {
        const gint64 bound = 2 * G_USEC_PER_SEC;
        struct world w;
        gint64 begin;

        world_init(&w);
        wait_config.answer_msec = (int) (bound / 1000);
        fake_want(&w.system, true);
        begin = g_get_monotonic_time();
        program_register();
        g_assert_cmpint(g_get_monotonic_time() - begin, >=, bound);
        g_assert_cmpint(g_get_monotonic_time() - begin, <, 2 * bound);
        world_done(&w);
}

/* What was waited for in vain is not waited for in a child either, which has one thread again. */
static void child_does_not_wait(void) {
        struct world w;
        gint64 begin;
        pid_t pid;

        world_init(&w);
        wait_config.answer_msec = WAIT_ANSWER_MSEC;
        fake_want(&w.system, true);
        program_register();
        wait_config.answer_msec = FAKE_TIMEOUT_MSEC;
        begin = g_get_monotonic_time();
        pid = fork();
        g_assert_cmpint(pid, >=, 0);
        if (pid == 0) {
                g_assert_cmpint(g_get_monotonic_time() - begin, <, FAKE_TIMEOUT_MSEC * 1000);
                _exit(0);
        }
        assert_ends_well(pid);
        world_done(&w);
}

static void registers(struct world *w, unsigned room) {
        pid_t pid = start_program(room, true, PROGRAM);
        struct handshake h;

        if (room > 0) {
                fake_accept(&w->system);
                g_assert_true(fake_send_view(&w->system, HANDSHAKE_READY, true));
                g_assert_false(fake_receive(&w->system, &h));
                fake_hang_up(&w->system);
        }
        fake_accept(&w->system);
        fake_apply(&w->system, HANDSHAKE_READY, true);
        assert_ends_well(pid);
        g_assert_cmpuint(fake_consume(&w->system), ==, 2);
        fake_hang_up(&w->system);
}

/* Who has connected before, and is gone without a word, is nobody. */
static void comes_after_another(void) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        struct world w;
        int fd;

        world_init(&w);
        fake_want(&w.system, true);
        fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        snprintf(address.sun_path, sizeof(address.sun_path), "%s/" TRACECTL_REGISTER_NAME, w.system.directory);
        g_assert_cmpint(connect(fd, (struct sockaddr *) &address, sizeof(address)), ==, 0);
        close(fd);
        registers(&w, 0);
        world_done(&w);
}

/* The answer comes when nobody waits any more, on the same connection. */
static void answers_late(void) {
        int gone_on[2];
        struct world w;
        char byte;
        pid_t pid;

        world_init(&w);
        wait_config.answer_msec = WAIT_ANSWER_MSEC;
        fake_want(&w.system, true);
        g_assert_cmpint(pipe(gone_on), ==, 0);
        pid = fork();
        g_assert_cmpint(pid, >=, 0);
        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                g_assert_cmpuint(register_and_count_descriptors(), ==, 0);
                g_assert_cmpint(write(gone_on[1], "", 1), ==, 1);
                world_trace_for_ever();
        }
        fake_accept(&w.system);
        g_assert_cmpint(read(gone_on[0], &byte, 1), ==, 1);
        fake_apply(&w.system, HANDSHAKE_READY, true);
        while (fake_consume(&w.system) == 0)
                sched_yield();
        g_assert_false(fake_is_called(&w.system, 0));
        g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
        g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
        close(gone_on[0]);
        close(gone_on[1]);
        world_done(&w);
}

static unsigned enabled_in_handler = ~0U;

static void on_signal(int signal) {
        enabled_in_handler = program_enabled();
}

static void register_and_be_told(void) {
        const struct timespec none = { 0 };
        sigset_t sent;

        sigemptyset(&sent);
        sigaddset(&sent, SIGUSR2);
        signal(SIGUSR1, on_signal);
        sigprocmask(SIG_BLOCK, &sent, NULL);
        program_register();
        g_assert_cmpuint(enabled_in_handler, ==, PROGRAM);
        /* The program's own mask is as it was. */
        g_assert_cmpint(sigtimedwait(&sent, NULL, &none), ==, SIGUSR2);
        program_trace(3);
}

/* A handler would find locks taken, by the thread that it interrupts: it comes when the answer is in force. */
static void is_sent_signals(void) {
        struct world w;
        pid_t pid;

        world_init(&w);
        fake_want(&w.system, true);
        pid = fork();
        g_assert_cmpint(pid, >=, 0);
        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                register_and_be_told();
                _exit(0);
        }
        fake_accept(&w.system);
        fake_wait_asleep(pid, SYS_recvmsg);
        g_assert_cmpint(kill(pid, SIGUSR1), ==, 0);
        g_assert_cmpint(kill(pid, SIGUSR2), ==, 0);
        fake_apply(&w.system, HANDSHAKE_READY, true);
        assert_ends_well(pid);
        g_assert_cmpuint(fake_consume(&w.system), ==, 2);
        world_done(&w);
}

/* A refusal: nobody wants it, and the program goes on. */
static void is_hung_up(void) {
        struct world w;
        pid_t pid;

        world_init(&w);
        fake_want(&w.system, true);
        pid = start_program(0, true, 0);
        fake_accept(&w.system);
        fake_refuse(&w.system);
        assert_ends_well(pid);
        g_assert_cmpuint(fake_consume(&w.system), ==, 0);
        world_done(&w);
}

/* Room for the connection, but not for what comes with the answer: the helper, which has more, begins anew. */
static void has_few_descriptors(void) {
        struct world w;

        world_init(&w);
        fake_want(&w.system, true);
        /* The first one tells its definitions, for which it needs a descriptor. */
        for (unsigned room = 0; room <= 3; room++)
                registers(&w, room);
        world_done(&w);
}

/* A child of fork() is such a process, too, whatever its parent was. */
static void child_of_fork(void) {
        struct fake_daemon of_child;
        struct world w;
        pid_t pid;

        world_init(&w);
        program_register();
        world_join(&w.user);
        pid = fork();
        if (pid == 0) {
                g_assert_cmpuint(program_enabled(), ==, PROGRAM);
                program_trace(3);
                _exit(0);
        }
        of_child = w.user;
        of_child.connection = -1;
        fake_accept(&of_child);
        fake_apply(&of_child, HANDSHAKE_READY, true);
        assert_ends_well(pid);
        g_assert_cmpuint(fake_consume(&w.user), ==, 2);
        fake_hang_up(&of_child);
        world_done(&w);
}

static const struct world_test tests[] = {
        { "records-at-once", records_at_once, false },
        { "hands-over", hands_over, false },
        { "waits-once", waits_once, false },
        { "child-does-not-wait", child_does_not_wait, false },
        { "comes-after-another", comes_after_another, false },
        { "answers-late", answers_late, false },
        { "is-sent-signals", is_sent_signals, false },
        { "is-hung-up", is_hung_up, false },
        { "has-few-descriptors", has_few_descriptors, false },
        { "child-of-fork", child_of_fork, false },
};

int main(int argc, char **argv) {
        /* The sanitizer's own thread: nobody is alone. */
        if (on_tsan())
                return 77;
        return world_run_tests(argc, argv, tests, G_N_ELEMENTS(tests));
}
