/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One tracingd that this process may join, the system's or the user's, and the
 * helper thread for it: waits until the daemon's wait page says that somebody
 * wants to trace, talks to the daemon (client.h) as long as it is there, and
 * waits again. The thread has all signals blocked, never traces itself, and has
 * a table of file descriptors of its own, so that nothing it opens is visible to
 * the program and nothing the program closes is missing to it.
 *
 * Locks, in this order: those of the daemons by their number (held by each
 * helper thread while it does anything but wait, so that fork() finds nothing
 * half done), then that of the objects (objects.h).
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/un.h>

#include "tracer/actions.h"
#include "tracer/objects.h"
#include "tracer/wait.h"

#define DAEMONS 2
#define DAEMON_PATH_MAX sizeof(((struct sockaddr_un *) NULL)->sun_path)

enum daemon_state {
        DAEMON_NONE = 0, /* no thread */
        DAEMON_WAITING,  /* until somebody wants to trace */
        DAEMON_JOINED,   /* talking, or about to */
        DAEMON_ENDED,    /* no thread any more, and none wanted */
};

/*
 * Waking another thread takes longer than all that is to be done. So where a
 * process has no thread but the one that starts the helpers, that one begins
 * the conversation and takes the daemon's first answer. The connection is among
 * the program's descriptors until the helper has its own table with a copy of it.
 */
enum begun_state {
        BEGUN_NOTHING = 0,
        BEGUN_CONNECTED, /* the program's descriptor is the only one, or both threads' */
        BEGUN_TAKEN,     /* the helper has one of its own */
        BEGUN_ABANDONED, /* the helper is to begin anew */
};

struct daemon {
        /* Set before the thread is started. */
        char socket[DAEMON_PATH_MAX];
        char page[DAEMON_PATH_MAX]; /* "": none, join at once and end where nobody listens */
        uid_t owner;                /* of the page, if it is not root */

        /* Atomics. */
        uint32_t state;   /* enum daemon_state */
        uint32_t applied; /* objects_version() that is in force */
        uint32_t wakes;   /* wait_wake() */
        uint32_t quit;
        uint32_t want_locked;
        uint32_t silent;  /* was waited for in vain, and has not answered since */
        uid_t uid;        /* that it is registered under, or about to be */
        int32_t tid, ended_tid;

        uint32_t begun;   /* enum begun_state */
        int connection;   /* of what was begun; constant until the thread has taken it */

        pthread_t thread;
        pthread_mutex_t lock; /* over what follows, the thread's own */
        struct wait_map map;
        uint32_t word; /* of the page, which is mapped, */
        bool looked;   /* where somebody has looked at it for the thread */
        struct snapshot *snapshot; /* that the daemon knows, or is about to */
        struct applied view;
        uint64_t application;      /* id; 0: not registered */
        bool ready;                /* the daemon has answered on this connection */
        bool asked_locked;         /* on this connection, for rings with locks */
};

extern struct daemon daemons[DAEMONS];

static inline enum daemon_state daemon_state(const struct daemon *d) {
        return (enum daemon_state) __atomic_load_n(&d->state, __ATOMIC_ACQUIRE);
}

/* The machine's, which may be another user's than this process. */
static inline bool daemon_is_systems(const struct daemon *d) {
        return d == &daemons[0] && d->page[0];
}

static inline bool daemon_runs(const struct daemon *d) {
        enum daemon_state state = daemon_state(d);

        return state == DAEMON_WAITING || state == DAEMON_JOINED;
}

/* Starts the thread, in state WAITING or JOINED, whichever daemons_wait_applied() is to see first. */
void daemon_start(struct daemon *d, enum daemon_state state);

/*
 * By the only thread of the process, with all signals blocked, around
 * daemon_start(). The first connects, and returns with the lock held; false where
 * it could not, and left nothing behind. That is done before all else: the daemon
 * wakes up, and finds out who we are, while the thread is made. The second registers, and returns when the first
 * answer is in force, or at the deadline (retry_now()), and the helper goes on from there:
 * no descriptor of ours is among the program's any more. The third takes the first one back, where no thread was
 * started.
 */
bool daemon_begin(struct daemon *d, int64_t deadline);
void daemon_hand_over(struct daemon *d, int64_t deadline);
void daemon_take_back(struct daemon *d);

/*
 * Ends the thread, and returns when it is gone from the kernel's view too; what
 * is being recorded goes on being recorded. False where there was none, or somebody
 * else ends it.
 */
bool daemon_end(struct daemon *d);

/* Records nothing more and gives its rings up, as the thread does; where there is none. */
void daemon_leave(struct daemon *d);

/*
 * The same where this process has become another one, which is to register anew:
 * where daemon d was joined (state), events count until it answers.
 */
void daemon_renounce(struct daemon *d, enum daemon_state state);

/* daemons_wait_applied() is to wait until the thread has registered again. */
void daemon_expect(struct daemon *d);

/* Makes the thread look at quit, want_locked, objects_version() and the credentials. Async-signal-safe. */
void daemon_wake(struct daemon *d);

/* By the thread: these definitions are in force. */
void daemon_set_applied(struct daemon *d, uint32_t version);

/*
 * Waits until all daemons that are joined have version applied, under a uid that
 * this process still has, or the deadline (retry_now()) is over; 0:
 * daemons_deadline(). Who lets it pass is not waited for again before he has answered.
 */
void daemons_wait_applied(uint32_t version, int64_t deadline);

/* When who waits from now on has waited long enough (wait.h), for any or for this one. */
int64_t daemons_deadline(void);
int64_t daemon_deadline(const struct daemon *d);

/* Of those daemons that have let a deadline pass, and this version is not applied: their events are counted (pending.h). */
void daemons_count_unanswered(uint32_t version);

/*
 * The process ends: waits until what was counted so has found its rings, or
 * daemons_deadline() is over. From then on nobody is told of events that go: he
 * would ask for those that are left.
 */
void daemons_end_begun(void);
bool daemons_are_ending(void);

/* In a child of fork(), where the locks were taken before: no thread, nothing recorded; the address stays. */
void daemon_reset(struct daemon *d);
