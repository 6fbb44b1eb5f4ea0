/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/single_threaded.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "protocol/wait.h"
#include "tracer/at-start.h"
#include "tracer/credentials.h"
#include "tracer/daemon.h"
#include "tracer/fork.h"
#include "tracer/helper.h"
#include "tracer/objects.h"
#include "tracer/probe.h"
#include "tracer/publish.h"
#include "tracer/record.h"
#include "tracer/retry.h"
#include "tracer/ring-write.h"
#include "tracer/sanitizer.h"
#include "tracer/sys.h"
#include "tracer/thread.h"

AT_START static pthread_key_t main_thread_key;
AT_START static int own_pid;  /* the process that prepare() ran in; 0: none of it did yet */
static __thread bool forking __attribute__((tls_model("initial-exec"))); /* by this thread, with all locks held */

void helper_want_locked(void) {
        for (unsigned i = 0; i < DAEMONS; i++)
                if (__atomic_exchange_n(&daemons[i].want_locked, 1, __ATOMIC_RELAXED) == 0)
                        daemon_wake(&daemons[i]);
}

/*
 * When the main thread calls pthread_exit(), the process is to end with its last
 * other thread, and that must not be a helper: its exit() would flush the
 * program's files into a table of descriptors where they are not open. So they
 * leave first. What is being recorded goes on being recorded.
 */
static void on_main_thread_exit(void *unused) {
        for (unsigned i = 0; i < DAEMONS; i++)
                (void) daemon_end(&daemons[i]);
}

static bool is_own_process(void) {
        return own_pid && __atomic_load_n(&thread_table.alive, __ATOMIC_RELAXED) && own_pid == sys_getpid();
}

/*
 * All that is left now is that the objects unregister. Who is told of a process
 * that is about to end, would ask it about events that it does not have any more.
 */
static void on_exit_begun(void) {
        if (is_own_process())
                daemons_end_begun();
}

/* Without snprintf(), whose pages every program would wait for that nobody traces. */
static bool set_path(char *to, const char *directory, const char *name) {
        size_t n = strlen(directory);

        if (n + 1 + strlen(name) >= DAEMON_PATH_MAX)
                return false;
        memcpy(to, directory, n);
        to[n] = '/';
        strcpy(to + n + 1, name);
        return true;
}

/* The state that a thread begins with for the daemon whose files are in directory; NONE where it has no page. */
static enum daemon_state find_in(struct daemon *d, const char *directory, uid_t owner) {
        if (!set_path(d->page, directory, TRACECTL_WAIT_NAME) ||
            !set_path(d->socket, directory, TRACECTL_REGISTER_NAME) ||
            wait_look(d->page, owner, &d->map, &d->word) < 0)
                return DAEMON_NONE;
        d->owner = owner;
        /* The thread need not open it again. */
        d->looked = true;
        return d->word & WAIT_WANTED ? DAEMON_JOINED : DAEMON_WAITING;
}

static enum daemon_state find_user(struct daemon *d) {
        const char *runtime = getenv("XDG_RUNTIME_DIR");
        char directory[DAEMON_PATH_MAX];

        if (!runtime || runtime[0] != '/' || !set_path(directory, runtime, TRACECTL_RUN))
                return DAEMON_NONE;
        return find_in(d, directory, geteuid());
}

static enum daemon_state find_variable(struct daemon *d, const char *path) {
        if (path[0] != '/' || strlen(path) >= sizeof(d->socket))
                return DAEMON_NONE;
        strcpy(d->socket, path);
        d->page[0] = '\0';
        return DAEMON_JOINED;
}

static enum daemon_state find(unsigned number) {
        const char *path = getenv("TRACECTL_SOCKET");
        struct daemon *d = &daemons[number];

        if (path)
                return number == 0 ? find_variable(d, path) : DAEMON_NONE;
        if (number == 0)
                return find_in(d, wait_config.system_run, wait_config.system_owner);
        return find_user(d);
}

/* Whether what the helpers cannot do without would kill this process. What they can, is asked for where it is used. */
static bool is_forbidden(void) {
        static const struct probe needed[] = {
                { SYS_clone3, { 0 } }, /* these three make a thread */
                { SYS_set_robust_list, { 0 } },
                { SYS_rseq, { 0 } },
                { SYS_close_range, { 1, 0 } }, /* the last before the first */
                { SYS_signalfd4, { -1, 0, 0 } },
                { SYS_socket, { AF_UNIX, -1, 0 } },
                { SYS_setsockopt, { -1 } },
                { SYS_connect, { -1 } },
                { SYS_sendmsg, { -1 } },
                { SYS_recvmsg, { -1 } },
                { SYS_memfd_create, { 0 } },
                { SYS_futex, { 0 } },
                { SYS_ppoll, { 0, 0, -1 } },
        };

        /* Where this thread has restartable sequences, the C library ends a process whose next thread cannot have them. */
        static const struct probe next_thread = { SYS_rseq, { 0 }, -EINVAL };

        return !probe_survives(needed, ARRAY_SIZE(needed)) ||
               (ring_rseq_registered() && !probe_survives(&next_thread, 1));
}

/*
 * A child that fork() knows nothing of: made by vfork() or the raw system call.
 * Locks may be held there by threads that it does not have, and it may share its
 * parent's memory: it leaves everything alone.
 */
static bool is_unknown_child(void) {
        return own_pid && !is_own_process();
}

/* Before the first thread. It must not take long: a program that nobody traces pays for it at its start. */
static int prepare(void) {
        AT_START static bool once;
        int r;

        r = thread_enable();
        if (r < 0)
                return r;
        if (!once) {
                once = true;
                fork_install();
                (void) atexit(on_exit_begun);
                r = -pthread_key_create(&main_thread_key, on_main_thread_exit);
                if (r < 0)
                        return r;
        }
        if (sys_gettid() == sys_getpid())
                (void) pthread_setspecific(main_thread_key, &main_thread_key);
        return 0;
}

static void start_all(const enum daemon_state *states) {
        bool locked = !ring_rseq_of_thread();

        for (unsigned i = 0; i < DAEMONS; i++)
                if (states[i] != DAEMON_NONE) {
                        daemons[i].want_locked = locked;
                        daemon_start(&daemons[i], states[i]);
                }
}

/*
 * The same in a process with one thread, which itself has the answer of the only
 * daemon that wants to trace. With its signals blocked: a handler would find the
 * locks taken. What the program traces of its own system calls, it does not trace here.
 */
static int64_t start_alone(const enum daemon_state *states, struct daemon *joined) {
        int64_t deadline = daemon_deadline(joined);
        sigset_t all, before;
        bool begun, prepared;

        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        thread_off();
        sanitizer_ignore_begin();
        begun = daemon_begin(joined, deadline);
        prepared = prepare() >= 0;
        if (prepared)
                start_all(states);
        if (begun && prepared)
                daemon_hand_over(joined, deadline);
        else if (begun)
                daemon_take_back(joined);
        sanitizer_ignore_end();
        thread_on();
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        return prepared ? deadline : 0;
}

/*
 * states[i] is what daemon i begins with, or NONE. alone: the process has one
 * thread. Until when they are to be waited for, 0: as long as ever from now on.
 */
static int64_t start(const enum daemon_state *states, bool alone) {
        struct daemon *joined = NULL;
        unsigned n = 0, n_joined = 0;

        for (unsigned i = 0; i < DAEMONS; i++) {
                n += states[i] != DAEMON_NONE;
                if (states[i] == DAEMON_JOINED) {
                        joined = &daemons[i];
                        n_joined++;
                }
        }
        if (n == 0)
                return 0;
        own_pid = sys_getpid();
        record_set_process(own_pid);
        if (is_forbidden())
                return 0;
        /* Of two, neither shall wait for what the other one says. */
        if (alone && n_joined == 1 && !joined->silent)
                return start_alone(states, joined);
        if (prepare() >= 0)
                start_all(states);
        return 0;
}

static int64_t find_and_start(bool alone) {
        enum daemon_state states[DAEMONS] = { DAEMON_NONE };

        for (unsigned i = 0; i < DAEMONS; i++)
                if (daemon_state(&daemons[i]) == DAEMON_NONE)
                        states[i] = find(i);
        return start(states, alone);
}

void helper_objects_changed(bool wait) {
        uint32_t version = objects_version();
        int64_t deadline = 0;

        for (unsigned i = 0; i < DAEMONS; i++)
                if (daemon_state(&daemons[i]) == DAEMON_JOINED)
                        daemon_wake(&daemons[i]);
        if (!getauxval(AT_SECURE))
                deadline = find_and_start(wait && __libc_single_threaded);
        if (!wait)
                return;
        daemons_wait_applied(version, deadline);
        daemons_count_unanswered(version);
}

void helper_credentials_changed(void) {
        if (!is_own_process())
                return;
        for (unsigned i = 0; i < DAEMONS; i++)
                if (daemon_state(&daemons[i]) == DAEMON_JOINED &&
                    !credentials_include(__atomic_load_n(&daemons[i].uid, __ATOMIC_ACQUIRE)))
                        daemon_wake(&daemons[i]);
        /* Also where a helper has found out by itself, and is registering. */
        daemons_wait_applied(objects_version(), 0);
}

bool helper_pause(struct helper_pause *ret) {
        if (!is_own_process())
                return false;
        for (unsigned i = 0; i < DAEMONS; i++) {
                enum daemon_state state = daemon_state(&daemons[i]);

                ret->states[i] = daemon_runs(&daemons[i]) && daemon_end(&daemons[i]) ? state : DAEMON_NONE;
        }
        return true;
}

void helper_continue(const struct helper_pause *pause, bool changed) {
        bool forbidden = is_forbidden();

        for (unsigned i = 0; i < DAEMONS; i++) {
                struct daemon *d = &daemons[i];

                if (pause->states[i] == DAEMON_NONE)
                        continue;
                if (changed)
                        daemon_renounce(d, pause->states[i]);
                daemon_expect(d);
                if (!forbidden)
                        daemon_start(d, pause->states[i]);
                /* Who is told of no change must not record either. */
                if (!daemon_runs(d))
                        daemon_leave(d);
        }
        daemons_wait_applied(objects_version(), 0);
        daemons_count_unanswered(objects_version());
}

void helper_fork_prepare(void) {
        if (!is_own_process())
                return;
        for (unsigned i = 0; i < DAEMONS; i++)
                pthread_mutex_lock(&daemons[i].lock);
        objects_lock();
        forking = true;
}

void helper_fork_parent(void) {
        if (!forking)
                return;
        forking = false;
        objects_unlock();
        for (unsigned i = DAEMONS; i-- > 0;)
                pthread_mutex_unlock(&daemons[i].lock);
}

/* For good: none there to be ended either. */
static void forbid_helpers(void) {
        for (unsigned i = 0; i < DAEMONS; i++) {
                daemons[i].state = DAEMON_ENDED;
                daemons[i].quit = 1;
        }
}

void helper_fork_child(void) {
        enum daemon_state states[DAEMONS];

        if (!forking)
                return;
        forking = false;
        own_pid = 0;
        for (unsigned i = 0; i < DAEMONS; i++) {
                struct daemon *d = &daemons[i];
                bool silent = d->silent && daemon_state(d) == DAEMON_JOINED;

                /*
                 * Waited for is who answers the parent; who does not, is not waited for here either, and events count
                 * at once. Whether others want to trace, the thread finds out.
                 */
                states[i] = DAEMON_NONE;
                if (daemon_runs(d))
                        states[i] = d->ready || silent ? DAEMON_JOINED : DAEMON_WAITING;
                daemon_reset(d);
                d->silent = silent;
        }
        objects_reset();
        publish_reset();
        thread_forget_all();
        if (on_tsan()) {
                forbid_helpers();
                return;
        }
        daemons_wait_applied(objects_version(), start(states, true));
        daemons_count_unanswered(objects_version());
}

void tracectl_object_register(struct tracectl_object *object) {
        int saved = errno;
        int changed;

        if (is_unknown_child())
                return;
        objects_lock();
        changed = objects_add(object);
        objects_unlock();
        if (changed)
                helper_objects_changed(true);
        errno = saved;
}

/* Before a library's contexts go away. */
#define CONTEXTS_WAIT_MSEC 1000

void tracectl_object_unregister(struct tracectl_object *object) {
        int saved = errno;
        int changed;

        if (is_unknown_child())
                return;
        objects_lock();
        changed = objects_remove(object);
        objects_unlock();
        /* Code that goes away is not called any more; but for who calls this from within a tracepoint. */
        if (changed && !daemons_are_ending() && object_has_contexts(object) && thread_table.alive &&
            (!thread_self || thread_self->nest == 0))
                (void) thread_quiesce(CONTEXTS_WAIT_MSEC);
        if (changed && !daemons_are_ending())
                helper_objects_changed(false);
        errno = saved;
}
