/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A process of a certain kind, one event at least from each part of it:
 *
 *   kinds plain          one event and the end
 *   kinds small-stacks   threads with 64 KiB of stack, or the least there is, with strings and formatted events
 *   kinds thread-ends    a thread that traces in the destructor of its own data
 *   kinds spawn          a program started by posix_spawn(), and one by fork() and exec()
 *   kinds daemon         a child that goes through daemon(); waits for its end
 *   kinds chroot         goes into the current directory, and has a child there
 *   kinds no-files       may have no more than three files
 *   kinds exit           ends by _exit() with status 3
 *   kinds killed         ends by SIGKILL
 *   kinds crashed        ends by SIGSEGV, from a handler that traces
 *   kinds stepped        calls step(), for a debugger to go through
 *   kinds threads-come   threads that begin and end while others trace, some of them detached
 *   kinds vfork          a program started by vfork(), whose child traces before
 *   kinds clone          a child of the bare system call, which traces and then executes a program
 *   kinds unshare        leaves its parent's files and folders, and, where it may, its user namespace
 *   kinds no-rseq        behind a filter of system calls that refuses rseq
 *   kinds no-membarrier  behind one that refuses membarrier
 *   kinds server         has workers that give up root, each of which looks for what is root's
 *   kinds texts          strings that are longer than most sub-buffers
 *
 * Prints nothing but what goes wrong. It is linked as a program of every kind,
 * statically and for other processors, too.
 */

#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRACECTL_SHORT_NAMES
#include <tracectl/tracepoint.h>

#include "kinds.h"

#define THREADS 8

extern char **environ;

void step(void);

void check(int ok, const char *what) {
        if (!ok) {
                perror(what);
                exit(1);
        }
}

void wait_for(pid_t pid) {
        int status;

        check(waitpid(pid, &status, 0) == pid && status == 0, "child");
}

static void *small_stack(void *unused) {
        static const char text[] = "a string of some length, as they are";

        tracectl_trace(kinds, small_stack, tp_str(text, text), tp_u64(number, 7));
        tracef("formatted %s", text);
        return NULL;
}

static void small_stacks(const char *self) {
        long least = sysconf(_SC_THREAD_STACK_MIN);
        pthread_t threads[THREADS];
        pthread_attr_t attr;

        pthread_attr_init(&attr);
        check(pthread_attr_setstacksize(&attr, least > 65536 ? (size_t) least : 65536) == 0, "pthread_attr_setstacksize");
        for (unsigned i = 0; i < THREADS; i++)
                check(pthread_create(&threads[i], &attr, small_stack, NULL) == 0, "pthread_create");
        for (unsigned i = 0; i < THREADS; i++)
                pthread_join(threads[i], NULL);
}

static pthread_key_t key;

static void last_of_thread(void *unused) {
        tracectl_trace(kinds, last_of_thread);
}

static void *ending_thread(void *unused) {
        pthread_setspecific(key, &key);
        return NULL;
}

static void thread_ends(const char *self) {
        pthread_t t;

        check(pthread_key_create(&key, last_of_thread) == 0, "pthread_key_create");
        check(pthread_create(&t, NULL, ending_thread, NULL) == 0, "pthread_create");
        pthread_join(t, NULL);
}

static void spawn(const char *self) {
        char *arguments[] = { (char *) self, (char *) "plain", NULL };
        pid_t pid;

        check(posix_spawn(&pid, self, NULL, NULL, arguments, environ) == 0, "posix_spawn");
        wait_for(pid);
        pid = fork();
        if (pid == 0) {
                execv(self, arguments);
                _exit(127);
        }
        wait_for(pid);
}

static void become_daemon(const char *self) {
        int ends[2];
        char byte;
        pid_t pid;

        check(pipe(ends) == 0, "pipe");
        pid = fork();
        if (pid == 0) {
                check(daemon(1, 1) == 0, "daemon");
                tracectl_trace(kinds, daemon);
                exit(0);
        }
        wait_for(pid);
        close(ends[1]);
        /* The daemon has the other end, and says nothing. */
        check(read(ends[0], &byte, 1) == 0, "read");
}

static void enter_root(const char *self) {
        pid_t pid;

        check(chroot(".") == 0, "chroot");
        tracectl_trace(kinds, below_root);
        pid = fork();
        if (pid == 0) {
                tracectl_trace(kinds, child_below_root);
                _exit(0);
        }
        wait_for(pid);
}

static void on_crash(int sig) {
        tracectl_trace(kinds, crash, tp_i32(signal, sig));
        signal(sig, SIG_DFL);
}

void __attribute__((noinline)) step(void) {
        tracectl_trace(kinds, stepped, tp_u64(number, 1));
}

static void end(const char *self) {
        _exit(3);
}

static void be_killed(const char *self) {
        kill(getpid(), SIGKILL);
}

static void crash(const char *self) {
        signal(SIGSEGV, on_crash);
        raise(SIGSEGV);
        raise(SIGSEGV);
}

static void be_stepped(const char *self) {
        step();
}

static void be_plain(const char *self) {
}

/* Only descriptors 0 to 2, before there is a library that could have any. */
static void have_three_files(char *argv[]) {
        const struct rlimit limit = { 3, 3 };

        if (!getenv("KINDS_LIMITED")) {
                /* The dynamic linker needs one. */
                close(0);
                check(setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
                setenv("KINDS_LIMITED", "1", 1);
                execv("/proc/self/exe", argv);
                check(0, "execv");
        }
        tracectl_trace(kinds, limited);
        check(dup(1) == 0 && dup(1) < 0, "dup");
}

static const struct {
        const char *name;
        void (*run)(const char *self);
} kinds[] = {
        { "plain", be_plain },           { "small-stacks", small_stacks }, { "thread-ends", thread_ends },
        { "spawn", spawn },              { "daemon", become_daemon },      { "chroot", enter_root },
        { "exit", end },                 { "killed", be_killed },          { "crashed", crash },
        { "stepped", be_stepped },       { "threads-come", threads_come }, { "vfork", start_by_vfork },
        { "clone", start_by_clone },     { "unshare", leave_namespaces },  { "no-rseq", live_without_rseq },
        { "no-membarrier", live_without_membarrier }, { "server", serve }, { "texts", emit_texts },
};

int main(int argc, char *argv[]) {
        const char *kind = argc > 1 ? argv[1] : "plain";

        if (strcmp(kind, "no-files") == 0) {
                have_three_files(argv);
                return 0;
        }
        tracectl_trace(kinds, begin, tp_str(kind, kind), tp_u64(number, (uint64_t) argc));
        for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
                if (strcmp(kind, kinds[i].name) == 0) {
                        kinds[i].run(argv[0]);
                        return 0;
                }
        return 2;
}
