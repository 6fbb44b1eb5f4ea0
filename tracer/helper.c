/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/un.h>

#include "tracer/client.h"
#include "tracer/fork.h"
#include "tracer/helper.h"
#include "tracer/objects.h"
#include "tracer/record.h"
#include "tracer/ring-write.h"
#include "tracer/sys.h"
#include "tracer/thread.h"

#define STACK_SIZE (256 * 1024)

/* A signal that is blocked in the helper: directed at it, it stays pending until its signalfd reads it. */
#define WAKE_SIGNAL SIGURG

enum state {
        STATE_NONE = 0, /* no thread */
        STATE_RUNNING,
        STATE_ENDED, /* nobody listens; no thread any more */
};

static struct {
        uint32_t state;    /* enum state */
        uint32_t progress; /* futex: something below, or state, has changed */
        uint32_t applied;  /* objects_version() that is in force */
        int32_t tid;
        uint32_t quit;
        uint32_t want_locked;
        pthread_t thread;
        char path[sizeof(((struct sockaddr_un *) NULL)->sun_path)];
} helper;

static pthread_key_t main_thread_key;

static void announce(void) {
        __atomic_fetch_add(&helper.progress, 1, __ATOMIC_RELEASE);
        (void) sys_futex_wake(&helper.progress, INT32_MAX);
}

static void wake(void) {
        int32_t tid = __atomic_load_n(&helper.tid, __ATOMIC_ACQUIRE);

        if (tid)
                (void) sys_tgkill(sys_getpid(), tid, WAKE_SIGNAL);
}

void helper_want_locked(void) {
        if (__atomic_exchange_n(&helper.want_locked, 1, __ATOMIC_RELAXED) == 0)
                wake();
}

/* Called by the client whenever a view is in force. */
static void on_applied(uint32_t version) {
        __atomic_store_n(&helper.applied, version, __ATOMIC_RELEASE);
        announce();
}

static void *helper_main(void *userdata) {
        static const struct client_callbacks callbacks = { .applied = on_applied };
        struct thread_slot *slot = thread_claim();

        (void) prctl(PR_SET_NAME, "tracectl");
        if (slot) {
                slot->nest = NEST_OFF;
                __atomic_store_n(&helper.tid, sys_gettid(), __ATOMIC_RELEASE);
                client_run(helper.path, WAKE_SIGNAL, &helper.quit, &helper.want_locked, &callbacks);
                __atomic_store_n(&helper.tid, 0, __ATOMIC_RELEASE);
        }
        __atomic_store_n(&helper.state, STATE_ENDED, __ATOMIC_RELEASE);
        announce();
        return NULL;
}

/*
 * When the main thread calls pthread_exit(), the process is to end with its last
 * other thread, and that must not be the helper: its exit() would flush the
 * program's files into a table of descriptors where they are not open. So it
 * leaves first. What is being recorded goes on being recorded.
 */
static void on_main_thread_exit(void *unused) {
        if (__atomic_load_n(&helper.tid, __ATOMIC_ACQUIRE) == 0)
                return;
        __atomic_store_n(&helper.quit, 1, __ATOMIC_RELEASE);
        wake();
        (void) pthread_join(helper.thread, NULL);
}

static int create_thread(void) {
        sigset_t all, before;
        pthread_attr_t attr;
        int r;

        sigfillset(&all);
        if (pthread_attr_init(&attr) != 0)
                return -ENOMEM;
        (void) pthread_attr_setstacksize(&attr, STACK_SIZE);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        r = pthread_create(&helper.thread, &attr, helper_main, NULL);
        if (r != 0) /* a program with very much thread-local memory */
                r = pthread_create(&helper.thread, NULL, helper_main, NULL);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        pthread_attr_destroy(&attr);
        return -r;
}

/* Where to register; false where nobody wants it. */
static bool find_address(void) {
        const char *path;

        /* A program with more rights than its caller does not connect to where its caller says. */
        if (getauxval(AT_SECURE))
                return false;
        path = getenv("TRACECTL_SOCKET");
        if (!path || path[0] != '/' || strlen(path) >= sizeof(helper.path))
                return false;
        strcpy(helper.path, path);
        return true;
}

static void start(void) {
        static bool once;

        if (!find_address())
                return;
        record_set_process(sys_getpid());
        if (thread_enable() < 0)
                return;
        if (!once) {
                once = true;
                fork_install();
                if (pthread_key_create(&main_thread_key, on_main_thread_exit) != 0)
                        return;
        }
        if (sys_gettid() == sys_getpid())
                (void) pthread_setspecific(main_thread_key, &helper);
        if (!ring_rseq_of_thread())
                helper.want_locked = 1;
        helper.state = STATE_RUNNING;
        if (create_thread() < 0)
                helper.state = STATE_ENDED;
}

static int64_t now_msec(void) {
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void wait_applied(uint32_t version) {
        int64_t deadline = now_msec() + HELPER_WAIT_MSEC;

        for (;;) {
                uint32_t progress = __atomic_load_n(&helper.progress, __ATOMIC_ACQUIRE);
                int64_t left = deadline - now_msec();
                struct timespec timeout = { .tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000 };

                if (left <= 0 || __atomic_load_n(&helper.state, __ATOMIC_ACQUIRE) != STATE_RUNNING ||
                    (int32_t) (__atomic_load_n(&helper.applied, __ATOMIC_ACQUIRE) - version) >= 0)
                        return;
                (void) sys_futex_wait(&helper.progress, progress, &timeout);
        }
}

void helper_objects_changed(bool wait) {
        uint32_t version = objects_version();

        if (helper.state == STATE_NONE)
                start();
        else
                wake();
        if (wait)
                wait_applied(version);
}

void helper_fork_prepare(void) {
        client_lock();
        objects_lock();
}

void helper_fork_parent(void) {
        objects_unlock();
        client_unlock();
}

void helper_fork_child(void) {
        bool running = helper.state == STATE_RUNNING;

        objects_reset_lock();
        client_reset();
        thread_forget_all();
        objects_disable_all();
        helper.state = STATE_NONE;
        helper.applied = 0;
        helper.tid = 0;
        helper.quit = 0;
        helper.want_locked = 0;
        if (running)
                helper_objects_changed(true);
}

void tracectl_object_register(struct tracectl_object *object) {
        int saved = errno;
        int changed;

        objects_lock();
        changed = objects_add(object);
        objects_unlock();
        if (changed)
                helper_objects_changed(true);
        errno = saved;
}

void tracectl_object_unregister(struct tracectl_object *object) {
        int saved = errno;
        int changed;

        objects_lock();
        changed = objects_remove(object);
        objects_unlock();
        if (changed)
                helper_objects_changed(false);
        errno = saved;
}
