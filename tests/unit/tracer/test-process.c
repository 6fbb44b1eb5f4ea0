/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a process may become while it is recorded: another user's, a child of
 * another namespace, one with more threads than there are places, one behind a
 * filter of system calls. The program runs in a child; this process plays the
 * daemon.
 */

#undef NDEBUG

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/tracer/world.h"
#include "tracer/daemon.h"
#include "tracer/thread.h"
#include "tracer/wait.h"

#define USER 4711

static struct world world;

/* Runs the program, which ends with status 0. */
static pid_t begin(void (*program)(void)) {
        pid_t pid;

        world_init(&world);
        g_unsetenv("XDG_RUNTIME_DIR");
        g_assert_cmpint(chmod(world.directory, 0755), ==, 0);
        g_assert_cmpint(chmod(world.system_directory, 0755), ==, 0);
        for (unsigned i = 0; i < 2; i++) {
                g_autofree char *path =
                        g_build_filename(world.system_directory, i ? TRACECTL_WAIT_NAME : TRACECTL_REGISTER_NAME, NULL);

                g_assert_cmpint(chmod(path, i ? 0644 : 0666), ==, 0);
        }
        fake_want(&world.system, true);
        pid = fork();
        g_assert_cmpint(pid, >=, 0);
        if (pid == 0) {
                program();
                _exit(0);
        }
        return pid;
}

/* The program registers, where it was registered after it has hung up. Returns who it is. */
static uid_t accept_program(void) {
        struct ucred credentials;
        socklen_t size = sizeof(credentials);
        struct handshake h;

        if (world.system.connection >= 0) {
                g_assert_false(fake_receive(&world.system, &h));
                fake_hang_up(&world.system);
        }
        fake_accept(&world.system);
        g_assert_cmpint(getsockopt(world.system.connection, SOL_SOCKET, SO_PEERCRED, &credentials, &size), ==, 0);
        return credentials.uid;
}

static uid_t accept_and_apply(void) {
        uid_t uid = accept_program();

        fake_apply(&world.system, HANDSHAKE_READY, true);
        return uid;
}

static void assert_ends_well(pid_t pid) {
        int status;

        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_cmpint(status, ==, 0);
}

/* How many events the program has traced, all of them recorded or counted. */
static void end_with(uint64_t traced, bool all_recorded) {
        uint64_t recorded, discarded;

        recorded = fake_consume(&world.system);
        discarded = fixture_discarded(&world.system.rings);
        g_assert_cmpuint(recorded + discarded, ==, traced);
        if (all_recorded)
                g_assert_cmpuint(discarded, ==, 0);
        world_done(&world);
}

static void end(pid_t pid, uint64_t recorded) {
        assert_ends_well(pid);
        end_with(recorded, true);
}

static unsigned count_ring_mappings(void) {
        g_autofree char *text = NULL;
        unsigned n = 0;

        g_assert_cmpint(prctl(PR_SET_DUMPABLE, 1), ==, 0);
        g_assert_true(g_file_get_contents("/proc/self/maps", &text, NULL, NULL));
        for (const char *p = text; (p = strstr(p, "/memfd:")); p++)
                n++;
        return n;
}

static unsigned mappings_inherited; /* the test's own */

static void register_and_trace(void) {
        mappings_inherited = count_ring_mappings();
        program_register();
        g_assert_cmpuint(program_enabled(), ==, PROGRAM);
        g_assert_cmpuint(count_ring_mappings(), >, mappings_inherited);
        program_trace(1);
}

static void become_user(void) {
        register_and_trace();
        g_assert_cmpint(setuid(USER), ==, 0);
        g_assert_cmpuint(program_enabled(), ==, 0);
        g_assert_cmpuint(count_ring_mappings(), ==, mappings_inherited);
        program_trace(2);
}

static void uid_changed_for_good(void) {
        pid_t pid = begin(become_user);

        g_assert_cmpuint(accept_and_apply(), ==, 0);
        /* Not to be recorded as what it is now. */
        g_assert_cmpuint(accept_program(), ==, USER);
        g_assert_false(world.system.registration.keys & HANDSHAKE_RESUME);
        fake_refuse(&world.system);
        end(pid, 2);
}

/* As a program calls it that has no wrapper of ours in front of the C library: the helper finds out by itself. */
static int setuid_unseen(uid_t uid) {
        int (*real)(uid_t) = (int (*)(uid_t)) dlsym(RTLD_NEXT, "setuid");

        return real(uid);
}

static void become_user_unseen(void) {
        register_and_trace();
        g_assert_cmpint(setuid_unseen(USER), ==, 0);
        world_wait_until_enabled(0);
}

static void uid_changed_unseen(void) {
        pid_t pid = begin(become_user_unseen);

        g_assert_cmpuint(accept_and_apply(), ==, 0);
        g_assert_cmpuint(accept_program(), ==, USER);
        fake_refuse(&world.system);
        end(pid, 2);
}

/* What the program and the test tell each other. */
static struct {
        uint64_t traced;
        uint32_t outside, told;
} *shared;

static void share(void) {
        shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        g_assert_true(shared != MAP_FAILED);
}

static void trace_until(const uint32_t *place, uint32_t value) {
        while (__atomic_load_n(place, __ATOMIC_ACQUIRE) != value) {
                program_trace(2);
                shared->traced += 2;
        }
}

/* While it stays inside a tracepoint, what it had cannot be taken away. */
static void become_user_inside(void) {
        struct thread_slot *slot;

        register_and_trace();
        slot = thread_enter();
        g_assert_cmpint(setuid_unseen(USER), ==, 0);
        trace_until(&daemons[0].uid, USER);
        thread_leave(slot);
        __atomic_store_n(&shared->outside, 1, __ATOMIC_RELEASE);
        trace_until(&shared->told, 1);
}

/* An event is what the old user records, or is counted as one that the new user has lost, however long the change takes. */
static void uid_changed_without_a_gap(void) {
        pid_t pid;

        share();
        pid = begin(become_user_inside);
        g_assert_cmpuint(accept_and_apply(), ==, 0);
        g_assert_cmpuint(accept_program(), ==, USER);
        while (!__atomic_load_n(&shared->outside, __ATOMIC_ACQUIRE))
                sched_yield();
        fake_apply(&world.system, HANDSHAKE_READY, true);
        __atomic_store_n(&shared->told, 1, __ATOMIC_RELEASE);
        assert_ends_well(pid);
        end_with(2 + shared->traced, false);
}

static int (*set_uid)(uid_t uid); /* one of two */

static void wait_until_told(uint32_t value) {
        for (gint64 until = g_get_monotonic_time() + FAKE_TIMEOUT_MSEC * 2000;
             __atomic_load_n(&shared->told, __ATOMIC_ACQUIRE) != value;) {
                g_assert_cmpint(g_get_monotonic_time(), <, until);
                sched_yield();
        }
}

static void become_user_in_gap(void) {
        wait_config.restart_msec = 1000000;
        register_and_trace();
        wait_until_told(1);
        program_trace(2);
        g_assert_cmpint(set_uid(USER), ==, 0);
        wait_until_told(2);
        program_trace(3);
}

/* By its name, for a sanitizer may have a thread of its own. 0: none yet. */
static int look_for_helper(pid_t pid) {
        g_autofree char *path = g_strdup_printf("/proc/%i/task", pid);
        g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
        const char *name;

        g_assert_nonnull(dir);
        while ((name = g_dir_read_name(dir))) {
                g_autofree char *file = g_strdup_printf("%s/%s/comm", path, name), *comm = NULL;

                if (g_file_get_contents(file, &comm, NULL, NULL) && strcmp(comm, "tracectl\n") == 0)
                        return atoi(name);
        }
        return 0;
}

/* The thread that starts it may have answered before it has its name. */
static int helper_of(pid_t pid) {
        gint64 until = g_get_monotonic_time() + FAKE_TIMEOUT_MSEC * 1000;
        int tid;

        while ((tid = look_for_helper(pid)) == 0) {
                g_assert_cmpint(g_get_monotonic_time(), <, until);
                sched_yield();
        }
        return tid;
}

/* The daemon is gone, and the next one not there yet: it is not awaited as what the process was. */
static void change_in_gap(int (*how)(uid_t uid)) {
        pid_t pid;

        set_uid = how;
        share();
        pid = begin(become_user_in_gap);
        g_assert_cmpuint(accept_and_apply(), ==, 0);
        fake_hang_up(&world.system);
        fake_wait_asleep(helper_of(pid), SYS_futex_waitv);
        __atomic_store_n(&shared->told, 1, __ATOMIC_RELEASE);
        g_assert_cmpuint(accept_and_apply(), ==, USER);
        g_assert_false(world.system.registration.keys & HANDSHAKE_RESUME);
        __atomic_store_n(&shared->told, 2, __ATOMIC_RELEASE);
        end(pid, 6);
}

static void uid_changed_in_gap(void) {
        change_in_gap(setuid);
}

static void uid_changed_in_gap_unseen(void) {
        change_in_gap(setuid_unseen);
}

/* A server that has a worker a request: each registers as what it was born as, and then as what it becomes. */
static void serve_as_user(void) {
        int status;
        pid_t pid;

        register_and_trace();
        pid = fork();
        if (pid == 0) {
                g_assert_cmpint(setresuid(USER, USER, USER), ==, 0);
                g_assert_cmpuint(program_enabled(), ==, PROGRAM);
                program_trace(2);
                _exit(0);
        }
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_cmpint(status, ==, 0);
}

static void worker_of_another_user(void) {
        pid_t pid = begin(serve_as_user);
        int parent;

        g_assert_cmpuint(accept_and_apply(), ==, 0);
        parent = world.system.connection;
        world.system.connection = -1;
        g_assert_cmpuint(accept_and_apply(), ==, 0);
        g_assert_cmpuint(accept_and_apply(), ==, USER);
        end(pid, 4);
        close(parent);
}

static void be_user_for_a_while(void) {
        register_and_trace();
        g_assert_cmpint(seteuid(USER), ==, 0);
        program_trace(2);
        g_assert_cmpint(seteuid(0), ==, 0);
        g_assert_cmpint(setreuid(0, 0), ==, 0);
        program_trace(3);
        g_assert_cmpint(setuid((uid_t) -1), ==, -1);
        g_assert_cmpint(errno, ==, EINVAL);
}

static void uid_changed_for_a_while(void) {
        pid_t pid = begin(be_user_for_a_while);

        g_assert_cmpuint(accept_and_apply(), ==, 0);
        end(pid, 6);
        g_assert_false(world.system.registration.keys & HANDSHAKE_RESUME);
}

/* What a program may do that has no thread of its own. */
static void enter_namespace(void) {
        register_and_trace();
        g_assert_cmpint(unshare(CLONE_NEWUSER), ==, 0);
        g_assert_cmpuint(program_enabled(), ==, PROGRAM);
        program_trace(2);
        errno = 0;
        g_assert_cmpint(unshare(CLONE_NEWUSER | 1), ==, -1);
        g_assert_cmpint(errno, ==, EINVAL);
        g_assert_cmpuint(program_enabled(), ==, PROGRAM);
        program_trace(3);
}

static void user_namespace(void) {
        pid_t pid = begin(enter_namespace);

        (void) accept_and_apply();
        (void) accept_and_apply();
        g_assert_false(world.system.registration.keys & HANDSHAKE_RESUME);
        /* Nothing has changed by the one that fails: it resumes. */
        (void) accept_and_apply();
        g_assert_true(world.system.registration.keys & HANDSHAKE_RESUME);
        end(pid, 6);
}

/* No thread may begin after this: off, but for the children. */
static void enter_namespace_of_processes(void) {
        int status;
        pid_t pid;

        register_and_trace();
        g_assert_cmpint(unshare(CLONE_NEWUSER | CLONE_NEWPID), ==, 0);
        g_assert_cmpuint(program_enabled(), ==, 0);
        g_assert_cmpuint(count_ring_mappings(), ==, mappings_inherited);
        program_trace(2);
        pid = fork();
        if (pid == 0)
                _exit(getpid() == 1 ? 0 : 1);
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_cmpint(status, ==, 0);
}

static void pid_namespace(void) {
        pid_t pid = begin(enter_namespace_of_processes);

        (void) accept_and_apply();
        end(pid, 2);
}

static int trace_in_clone(void *shares) {
        program_trace(9);
        /* Nor does its own child, nor its end, wait for locks of threads that it has not. */
        if (!shares) {
                pid_t pid = fork();

                if (pid == 0) {
                        program_trace(10);
                        _exit(0);
                }
                program_unregister();
                if (waitpid(pid, NULL, 0) != pid)
                        return 1;
        }
        return 0;
}

/* Neither a child with memory of its own that fork() did not make, nor one that has the parent's, records. */
static void clone_children(void) {
        static char stack[65536] __attribute__((aligned(16)));
        static const int flags[] = { SIGCHLD, CLONE_VM | CLONE_VFORK | SIGCHLD };

        register_and_trace();
        for (unsigned i = 0; i < G_N_ELEMENTS(flags); i++) {
                pid_t pid = clone(trace_in_clone, stack + sizeof(stack), flags[i],
                                  GINT_TO_POINTER(flags[i] & CLONE_VM));
                int status;

                g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
                g_assert_cmpint(status, ==, 0);
                program_trace(2);
        }
}

static void children_of_clone(void) {
        pid_t pid = begin(clone_children);

        (void) accept_and_apply();
        end(pid, 6);
}

#define THREADS (THREAD_SLOTS + 20)

static pthread_barrier_t all_have_traced;
static unsigned without_slot;

static void *trace_and_stay(void *unused) {
        program_trace_fixed(5);
        program_trace_fixed(6);
        if (thread_self == &thread_none)
                __atomic_fetch_add(&without_slot, 1, __ATOMIC_RELAXED);
        pthread_barrier_wait(&all_have_traced);
        return NULL;
}

static void many_threads(void) {
        static pthread_t threads[THREADS];
        pthread_attr_t attr;

        register_and_trace();
        g_assert_cmpint(pthread_barrier_init(&all_have_traced, NULL, THREADS + 1), ==, 0);
        pthread_attr_init(&attr);
        g_assert_cmpint(pthread_attr_setstacksize(&attr, 65536), ==, 0);
        for (unsigned i = 0; i < THREADS; i++)
                g_assert_cmpint(pthread_create(&threads[i], &attr, trace_and_stay, NULL), ==, 0);
        pthread_barrier_wait(&all_have_traced);
        for (unsigned i = 0; i < THREADS; i++)
                pthread_join(threads[i], NULL);
        /* The main thread and the helper have one each. */
        g_assert_cmpuint(without_slot, ==, THREADS - (THREAD_SLOTS - 2));
}

static void more_threads_than_slots(void) {
        pid_t pid = begin(many_threads);

        (void) accept_and_apply();
        assert_ends_well(pid);
        end_with(2 + 2 * THREADS, false);
}

struct filter {
        int call;
        uint32_t action;
        bool recorded; /* all the same */
};

static const struct filter filters[] = {
        { SCMP_SYS(membarrier), SCMP_ACT_KILL_PROCESS, true },
        { SCMP_SYS(membarrier), SCMP_ACT_ERRNO(EPERM), true },
        { SCMP_SYS(futex_waitv), SCMP_ACT_KILL_PROCESS, true },
        { SCMP_SYS(rseq), SCMP_ACT_KILL_PROCESS, false },
        { SCMP_SYS(rseq), SCMP_ACT_ERRNO(ENOSYS), false }, /* the C library would end the process */
        { SCMP_SYS(close_range), SCMP_ACT_KILL_PROCESS, false },
        { SCMP_SYS(close_range), SCMP_ACT_ERRNO(ENOSYS), false },
        { SCMP_SYS(madvise), SCMP_ACT_ERRNO(EPERM), false }, /* when the daemon has been connected to */
        { SCMP_SYS(socket), SCMP_ACT_KILL_PROCESS, false },
        { SCMP_SYS(memfd_create), SCMP_ACT_KILL_PROCESS, false },
};
static const struct filter *filter;

static int next_descriptor(void) {
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

        g_assert_cmpint(fd, >=, 0);
        close(fd);
        return fd;
}

static void load_filter(uint32_t action, int call) {
        scmp_filter_ctx context = seccomp_init(SCMP_ACT_ALLOW);

        g_assert_nonnull(context);
        g_assert_cmpint(seccomp_rule_add(context, action, call, 0), ==, 0);
        g_assert_cmpint(seccomp_load(context), ==, 0);
        seccomp_release(context);
}

static void live_behind_filter(void) {
        int next = next_descriptor();

        load_filter(filter->action, filter->call);
        /* Some are found out only when the first message is sent: nobody answers it. */
        if (!filter->recorded)
                wait_config.answer_msec = WAIT_ANSWER_MSEC;
        program_register();
        g_assert_cmpint(next_descriptor(), ==, next);
        g_assert_cmpuint(program_enabled(), ==, filter->recorded ? PROGRAM : 0);
        program_trace(1);
}

static void filters_of_system_calls(void) {
        for (filter = filters; filter < filters + G_N_ELEMENTS(filters); filter++) {
                pid_t pid = begin(live_behind_filter);

                if (filter->recorded)
                        (void) accept_and_apply();
                end(pid, filter->recorded ? 2 : 0);
        }
}

/* One that comes when the helper is there already: there is none for children, nor after it had to end. */
static void refuse_threads_later(void) {
        int status;
        pid_t pid;

        register_and_trace();
        load_filter(SCMP_ACT_ERRNO(EPERM), SCMP_SYS(rseq));
        program_trace(2);
        pid = fork();
        if (pid == 0) {
                program_trace(10);
                _exit(program_enabled());
        }
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_cmpint(status, ==, 0);
        g_assert_cmpuint(program_enabled(), ==, PROGRAM);
        g_assert_cmpint(unshare(CLONE_NEWUSER), ==, 0);
        g_assert_cmpuint(program_enabled(), ==, 0);
        g_assert_cmpuint(count_ring_mappings(), ==, mappings_inherited);
        program_trace(3);
}

static void filter_that_comes_later(void) {
        pid_t pid = begin(refuse_threads_later);

        (void) accept_and_apply();
        end(pid, 4);
}

static const struct world_test tests[] = {
        { "uid-changed-for-good", uid_changed_for_good, true },
        { "uid-changed-unseen", uid_changed_unseen, true },
        { "uid-changed-without-a-gap", uid_changed_without_a_gap, true },
        { "uid-changed-in-gap", uid_changed_in_gap, true },
        { "uid-changed-in-gap-unseen", uid_changed_in_gap_unseen, true },
        { "worker-of-another-user", worker_of_another_user, true, .not_on_tsan = true },
        { "uid-changed-for-a-while", uid_changed_for_a_while, true },
        { "user-namespace", user_namespace, true, true },
        { "pid-namespace", pid_namespace, true, true },
        { "children-of-clone", children_of_clone, false },
        { "more-threads-than-slots", more_threads_than_slots, false },
        { "filters-of-system-calls", filters_of_system_calls, false },
        { "filter-that-comes-later", filter_that_comes_later, false, true },
};

int main(int argc, char **argv) {
        return world_run_tests(argc, argv, tests, G_N_ELEMENTS(tests));
}
