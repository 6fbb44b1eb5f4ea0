/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "protocol/wait.h"
#include "tracer/daemon.h"
#include "tracer/fork.h"
#include "tracer/helper.h"
#include "tracer/objects.h"
#include "tracer/publish.h"
#include "tracer/record.h"
#include "tracer/ring-write.h"
#include "tracer/sys.h"
#include "tracer/thread.h"

static pthread_key_t main_thread_key;

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
        for (unsigned i = 0; i < DAEMONS; i++) {
                __atomic_store_n(&daemons[i].quit, 1, __ATOMIC_SEQ_CST);
                daemon_wake(&daemons[i]);
        }
        for (unsigned i = 0; i < DAEMONS; i++)
                if (daemon_state(&daemons[i]) != DAEMON_NONE)
                        (void) pthread_join(daemons[i].thread, NULL);
}

static bool set_path(char *to, const char *directory, const char *name) {
        int n = snprintf(to, DAEMON_PATH_MAX, "%s/%s", directory, name);

        return n > 0 && (size_t) n < DAEMON_PATH_MAX;
}

/* The state that a thread begins with for the daemon whose files are in directory; NONE where it has no page. */
static enum daemon_state find_in(struct daemon *d, const char *directory, uid_t owner) {
        uint32_t word;

        if (!set_path(d->socket, directory, TRACECTL_REGISTER_NAME) ||
            !set_path(d->page, directory, TRACECTL_WAIT_NAME))
                return DAEMON_NONE;
        d->owner = owner;
        if (wait_look(d->page, owner, NULL, &word) < 0)
                return DAEMON_NONE;
        return word & WAIT_WANTED ? DAEMON_JOINED : DAEMON_WAITING;
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

/* Before the first thread. It must not take long: a program that nobody traces pays for it at its start. */
static int prepare(void) {
        static bool once;
        int r;

        record_set_process(sys_getpid());
        r = thread_enable();
        if (r < 0)
                return r;
        if (!once) {
                once = true;
                fork_install();
                r = -pthread_key_create(&main_thread_key, on_main_thread_exit);
                if (r < 0)
                        return r;
        }
        if (sys_gettid() == sys_getpid())
                (void) pthread_setspecific(main_thread_key, &main_thread_key);
        return 0;
}

/* states[i] is what daemon i begins with, or NONE. */
static void start(const enum daemon_state *states) {
        bool locked = !ring_rseq_of_thread(), prepared = false;

        for (unsigned i = 0; i < DAEMONS; i++) {
                if (states[i] == DAEMON_NONE)
                        continue;
                if (!prepared && prepare() < 0)
                        return;
                prepared = true;
                daemons[i].want_locked = locked;
                daemon_start(&daemons[i], states[i]);
        }
}

static void find_and_start(void) {
        enum daemon_state states[DAEMONS] = { DAEMON_NONE };
        bool found = false;

        for (unsigned i = 0; i < DAEMONS; i++)
                if (daemon_state(&daemons[i]) == DAEMON_NONE) {
                        states[i] = find(i);
                        found |= states[i] != DAEMON_NONE;
                }
        if (found)
                start(states);
}

void helper_objects_changed(bool wait) {
        uint32_t version = objects_version();

        for (unsigned i = 0; i < DAEMONS; i++)
                if (daemon_state(&daemons[i]) == DAEMON_JOINED)
                        daemon_wake(&daemons[i]);
        if (!getauxval(AT_SECURE))
                find_and_start();
        if (wait)
                daemons_wait_applied(version, HELPER_WAIT_MSEC);
}

void helper_fork_prepare(void) {
        for (unsigned i = 0; i < DAEMONS; i++)
                pthread_mutex_lock(&daemons[i].lock);
        objects_lock();
}

void helper_fork_parent(void) {
        objects_unlock();
        for (unsigned i = DAEMONS; i-- > 0;)
                pthread_mutex_unlock(&daemons[i].lock);
}

void helper_fork_child(void) {
        enum daemon_state states[DAEMONS];

        for (unsigned i = 0; i < DAEMONS; i++) {
                /* Waited for is who answers the parent. Whether others want to trace, the thread finds out. */
                if (daemon_runs(&daemons[i]))
                        states[i] = daemons[i].ready ? DAEMON_JOINED : DAEMON_WAITING;
                else
                        states[i] = DAEMON_NONE;
                daemon_reset(&daemons[i]);
        }
        objects_reset();
        publish_reset();
        thread_forget_all();
        start(states);
        daemons_wait_applied(objects_version(), HELPER_WAIT_MSEC);
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
