/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>

#include "common/cleanup.h"
#include "protocol/wait.h"
#include "tracer/at-start.h"
#include "tracer/client.h"
#include "tracer/credentials.h"
#include "tracer/daemon.h"
#include "tracer/publish.h"
#include "tracer/retry.h"
#include "tracer/sanitizer.h"
#include "tracer/sys.h"
#include "tracer/thread.h"

/* How long a change of uid that no wrapper saw may go unnoticed while nobody is there. */
#define CREDENTIALS_LOOK_MSEC 1000

#define STACK_SIZE (256 * 1024)

/* Of our own: to map one, with a page that guards it, costs every process two changes of its mappings. */
static char stacks[DAEMONS][STACK_SIZE] __attribute__((aligned(THREAD_PAGE)));

/* A signal that is blocked in the helpers: directed at one, it stays pending until its signalfd reads it. */
#define WAKE_SIGNAL SIGURG

/* A mutex of zeros is what PTHREAD_MUTEX_INITIALIZER makes. */
AT_START struct daemon daemons[DAEMONS];
_Static_assert(DAEMONS == SOURCES_MAX, "each is a source of action lists");

AT_START static uint32_t progress; /* futex: state or applied of a daemon has changed */
AT_START static uint32_t waiters;  /* for that */
AT_START static uint32_t ending;   /* daemons_end_begun() */

static void wait_progress(uint32_t seen, int64_t msec) {
        struct timespec timeout = { .tv_sec = msec / 1000, .tv_nsec = msec % 1000 * 1000000 };

        /* Full: either the kernel sees the progress before we sleep, or who makes it sees us. Partner: announce(). */
        __atomic_fetch_add(&waiters, 1, __ATOMIC_SEQ_CST);
        (void) sys_futex_wait(&progress, seen, &timeout);
        __atomic_fetch_sub(&waiters, 1, __ATOMIC_RELAXED);
}

static void announce(void) {
        /* Full, with wait_progress(). */
        __atomic_fetch_add(&progress, 1, __ATOMIC_SEQ_CST);
        if (__atomic_load_n(&waiters, __ATOMIC_SEQ_CST) > 0)
                (void) sys_futex_wake(&progress, INT32_MAX);
}

static void set_state(struct daemon *d, enum daemon_state state) {
        if (__atomic_exchange_n(&d->state, (uint32_t) state, __ATOMIC_RELEASE) != (uint32_t) state)
                announce();
}

void daemon_set_applied(struct daemon *d, uint32_t version) {
        __atomic_store_n(&d->applied, version, __ATOMIC_RELEASE);
        announce();
}

void daemon_wake(struct daemon *d) {
        int32_t tid;

        /* One for either place where it may sleep: at the page, or at the socket. */
        wait_wake(&d->wakes);
        /* The partner is the order of tid and quit in daemon_main(). */
        tid = __atomic_load_n(&d->tid, __ATOMIC_SEQ_CST);
        if (tid)
                (void) sys_tgkill(sys_getpid(), tid, WAKE_SIGNAL);
}

static bool has_quit(const struct daemon *d) {
        return __atomic_load_n(&d->quit, __ATOMIC_SEQ_CST);
}

/* Whether somebody wants to trace. Without a page, the socket's address says so. */
static bool is_wanted(struct daemon *d, uint32_t *ret_word) {
        int r;

        *ret_word = 0;
        if (!d->page[0])
                return true;
        if (d->looked) {
                /* A change since then ends the wait for one at once. */
                d->looked = false;
                *ret_word = d->word;
                return d->word & WAIT_WANTED;
        }
        pthread_mutex_lock(&d->lock);
        r = wait_look(d->page, d->owner, &d->map, ret_word);
        pthread_mutex_unlock(&d->lock);
        return r >= 0 && (*ret_word & WAIT_WANTED);
}

void daemon_leave(struct daemon *d) {
        pthread_mutex_lock(&d->lock);
        actions_clear(&d->view);
        d->application = 0;
        pthread_mutex_unlock(&d->lock);
}

void daemon_renounce(struct daemon *d, enum daemon_state state) {
        if (state != DAEMON_JOINED) {
                daemon_leave(d);
                return;
        }
        pthread_mutex_lock(&d->lock);
        actions_renounce(&d->view);
        d->application = 0;
        pthread_mutex_unlock(&d->lock);
}

/* Ends early on a wake-up. */
static void pause_for(unsigned msec, int wake) {
        struct pollfd fd = { .fd = wake, .events = POLLIN };

        if (poll(&fd, 1, (int) msec) > 0)
                client_drain_wake(wake);
}

/* What this process was may write to the rings that it has, and what it is may not. */
static bool follow_credentials(struct daemon *d) {
        if (credentials_include(d->uid))
                return false;
        daemon_renounce(d, daemon_state(d));
        /* Begun as what this process was. */
        if (__atomic_load_n(&d->begun, __ATOMIC_RELAXED) != BEGUN_NOTHING)
                __atomic_store_n(&d->begun, BEGUN_ABANDONED, __ATOMIC_RELAXED);
        daemon_expect(d);
        /* Release: has_not_applied() must not take for ours what was applied for another. */
        __atomic_store_n(&d->uid, geteuid(), __ATOMIC_RELEASE);
        return true;
}

static int open_wake(void) {
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, WAKE_SIGNAL);
        return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool is_hang_up(int error) {
        return error == -ECONNRESET || error == -EPIPE;
}

/*
 * Before the first registration a full backlog is worth another try, and once a
 * hang-up, which may be that of a daemon that is being restarted: where nobody
 * listens, or we are refused again, nobody wants us. Later it may be a restart;
 * but who has no page cannot say whether he comes back, and does not.
 */
static bool may_come_back(const struct daemon *d, const struct retry *retry, int error) {
        if (d->application != 0)
                return d->page[0];
        return error == -EAGAIN || (is_hang_up(error) && d->page[0] && retry->attempts == 0);
}

/*
 * The C library's signal that changes this thread's uids does not end such a wait,
 * for it has system calls restarted. Meanwhile we record for who this process was.
 */
static int wait_as_we_are(struct daemon *d, uint32_t word, uint32_t seen, int64_t msec) {
        int r;

        do {
                int64_t slice = msec < CREDENTIALS_LOOK_MSEC ? msec : CREDENTIALS_LOOK_MSEC;

                r = wait_for_next(&d->map, word, &d->wakes, seen, slice);
                msec -= slice;
        } while (r == -ETIMEDOUT && msec > 0 && credentials_include(d->uid));
        return r;
}

/*
 * We were hung up on. Where the daemon has ended, the next one changes the word,
 * and wakes us when it is our turn: so thousands that it has left neither hold its
 * end up nor the start of the next. Also where it has changed it already, from the
 * one that we had found before we connected: it knows whom it misses. But it may
 * live, and have hung up on us alone, so after a while we go and see.
 */
static void await_next(struct daemon *d, uint32_t word, uint32_t seen, int wake) {
        uint32_t now;
        int r;

        for (unsigned i = 0; i < 2; i++) {
                int64_t msec = wait_config.restart_msec + (int64_t) (retry_random() % (uint32_t) wait_config.restart_msec);

                word = wait_word(&d->map, word);
                if (!(word & WAIT_WANTED) || wait_as_we_are(d, word, seen, msec) != -ETIMEDOUT)
                        break;
                pthread_mutex_lock(&d->lock);
                r = wait_look(d->page, d->owner, &d->map, &now);
                pthread_mutex_unlock(&d->lock);
                /* It has come meanwhile, and has thousands to wake before us: once more so long. */
                if (r < 0 || now == word)
                        break;
        }
        client_drain_wake(wake);
}

/* A conversation, begun when the page had this word, has ended. Pauses before the next one, or gives up. */
static void pause_or_give_up(struct daemon *d, struct retry *retry, int error, uint32_t word, uint32_t seen, int wake) {
        bool is_full = error == -EAGAIN, comes_back = may_come_back(d, retry, error);
        int64_t now = retry_now();
        unsigned msec;

        /* Somebody is there, with thousands before us: that is no time in which nobody came back. */
        if (is_full)
                retry->since_msec = now;
        if (!comes_back || !retry_next(retry, now, wait_config.give_up_msec, retry_random(), &msec))
                retry->given_up = true;
        else if (d->application != 0 && is_hang_up(error))
                await_next(d, word, seen, wake);
        else
                pause_for(msec, wake);
}

/* Records nothing more until the page's word changes from word. False where there is no page. */
static bool wait_until_wanted(struct daemon *d, uint32_t word, uint32_t seen) {
        daemon_leave(d);
        if (!d->page[0])
                return false;
        set_state(d, DAEMON_WAITING);
        wait_for_change(&d->map, word, &d->wakes, seen);
        return true;
}

/* Who waits needs little of it. Whose stack the C library has made needs no guard. */
static void guard_stack(const struct daemon *d) {
        (void) mprotect(stacks[d - daemons], THREAD_PAGE, PROT_NONE);
}

/*
 * What is being recorded goes on while the daemon is gone, until it is clear
 * that it does not come back, or its page says that nothing is wanted.
 */
static void run(struct daemon *d) {
        _cleanup_close_ int wake = -1;
        struct retry retry = { 0 };

        while (!has_quit(d)) {
                uint32_t seen = __atomic_load_n(&d->wakes, __ATOMIC_ACQUIRE), word;
                int64_t begin;
                bool was_ready = false;
                int r;

                if (follow_credentials(d))
                        retry = (struct retry) { 0 };
                if (!is_wanted(d, &word) || retry.given_up) {
                        if (!wait_until_wanted(d, word, seen))
                                return;
                        retry = (struct retry) { 0 };
                        continue;
                }
                if (wake < 0) {
                        guard_stack(d);
                        wake = open_wake();
                }
                if (wake < 0)
                        return;
                set_state(d, DAEMON_JOINED);
                begin = retry_now();
                r = client_talk(d, wake, &was_ready);
                if (r >= 0)
                        return;
                if (was_ready && retry_now() - begin >= RETRY_LASTED_MSEC)
                        retry = (struct retry) { 0 };
                if (credentials_include(d->uid))
                        pause_or_give_up(d, &retry, r, word, seen, wake);
        }
}

/* Then this thread has a table of descriptors of its own, with nothing in it but a connection that was begun. */
static bool leave_descriptors(struct daemon *d) {
        uint32_t connected = BEGUN_CONNECTED;
        unsigned kept;

        if (__atomic_load_n(&d->begun, __ATOMIC_ACQUIRE) == BEGUN_NOTHING)
                return close_range(0, ~0U, CLOSE_RANGE_UNSHARE) >= 0;
        kept = (unsigned) d->connection;
        if (close_range(kept + 1, ~0U, CLOSE_RANGE_UNSHARE) < 0)
                return false;
        if (kept > 0)
                (void) close_range(0, kept - 1, 0);
        /* Fails where it was abandoned meanwhile: then what is at its place may be anything of the program's. */
        if (__atomic_compare_exchange_n(&d->begun, &connected, BEGUN_TAKEN, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
                announce();
        return true;
}

static void *daemon_main(void *userdata) {
        struct thread_slot *slot = thread_claim();
        struct daemon *d = userdata;
        int32_t tid = sys_gettid();

        sanitizer_ignore_begin();
        (void) prctl(PR_SET_NAME, "tracectl");
        if (slot != &thread_none && leave_descriptors(d)) {
                slot->nest = NEST_OFF;
                /* Either who sets quit sees tid, and sends a signal, or run() sees quit. */
                __atomic_store_n(&d->tid, tid, __ATOMIC_SEQ_CST);
                run(d);
                __atomic_store_n(&d->tid, 0, __ATOMIC_SEQ_CST);
        }
        sanitizer_ignore_end();
        d->ended_tid = tid; /* pthread_join() orders it */
        set_state(d, DAEMON_ENDED);
        return NULL;
}

void daemon_start(struct daemon *d, enum daemon_state state) {
        sigset_t all, before;
        pthread_attr_t attr;
        int r;

        if (pthread_attr_init(&attr) != 0)
                return;
        /* The thread sanitizer has much thread-local memory, and makes stacks larger for it that are not given. */
        if (on_tsan())
                (void) pthread_attr_setstacksize(&attr, STACK_SIZE);
        else
                (void) pthread_attr_setstack(&attr, stacks[d - daemons], STACK_SIZE);
        sigfillset(&all);
        d->quit = 0;
        d->view.source = (unsigned) (d - daemons);
        d->uid = geteuid();
        __atomic_store_n(&d->state, (uint32_t) state, __ATOMIC_RELEASE);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        r = pthread_create(&d->thread, &attr, daemon_main, d);
        if (r != 0) /* a program with very much thread-local memory */
                r = pthread_create(&d->thread, NULL, daemon_main, d);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        pthread_attr_destroy(&attr);
        if (r != 0)
                __atomic_store_n(&d->state, (uint32_t) DAEMON_NONE, __ATOMIC_RELEASE);
}

bool daemon_begin(struct daemon *d, int64_t deadline) {
        pthread_mutex_lock(&d->lock);
        d->view.source = (unsigned) (d - daemons);
        if (client_connect(d, deadline) >= 0) {
                d->begun = BEGUN_CONNECTED;
                return true;
        }
        pthread_mutex_unlock(&d->lock);
        return false;
}

void daemon_take_back(struct daemon *d) {
        close(d->connection);
        d->begun = BEGUN_NOTHING;
        pthread_mutex_unlock(&d->lock);
}

/* Until the helper has a table of its own, does not come to be, or the deadline is over. */
static void wait_until_taken(const struct daemon *d, int64_t deadline) {
        while (daemon_runs(d)) {
                uint32_t seen = __atomic_load_n(&progress, __ATOMIC_ACQUIRE);
                int64_t left;

                if (__atomic_load_n(&d->begun, __ATOMIC_ACQUIRE) != BEGUN_CONNECTED)
                        return;
                left = deadline - retry_now();
                if (left <= 0)
                        return;
                wait_progress(seen, left);
        }
}

void daemon_hand_over(struct daemon *d, int64_t deadline) {
        uint32_t connected = BEGUN_CONNECTED;
        int fd = d->connection, r = client_register(d);
        bool registered = r >= 0;

        if (registered)
                r = client_receive_first(d, deadline);
        /*
         * Refused before anything was said, which is worth another try; or a message was lost that had more
         * descriptors than the program may have, and the helper may have enough.
         */
        if (r < 0 && !(registered && (r == -EAGAIN || r == -ECONNRESET)))
                __atomic_store_n(&d->begun, BEGUN_ABANDONED, __ATOMIC_SEQ_CST);
        /*
         * The helper may go on from here. Whether it or this thread gives the
         * socket up is decided by who is first to change begun from BEGUN_CONNECTED:
         * that after the wait, or leave_descriptors().
         */
        pthread_mutex_unlock(&d->lock);
        wait_until_taken(d, deadline);
        (void) __atomic_compare_exchange_n(&d->begun, &connected, BEGUN_ABANDONED, false, __ATOMIC_SEQ_CST,
                                           __ATOMIC_SEQ_CST);
        close(fd);
        if (!daemon_runs(d))
                d->begun = BEGUN_NOTHING;
}

bool daemon_end(struct daemon *d) {
        if (daemon_state(d) == DAEMON_NONE || __atomic_exchange_n(&d->quit, 1, __ATOMIC_SEQ_CST) != 0)
                return false;
        daemon_wake(d);
        if (pthread_join(d->thread, NULL) != 0)
                return false;
        /* pthread_join() returns a little before the kernel has forgotten it. */
        while (sys_tgkill(sys_getpid(), d->ended_tid, 0) == 0)
                sched_yield();
        d->begun = BEGUN_NOTHING;
        return true;
}

void daemon_expect(struct daemon *d) {
        __atomic_store_n(&d->applied, objects_version() - 1, __ATOMIC_RELEASE);
}

static bool is_silent(const struct daemon *d) {
        return __atomic_load_n(&d->silent, __ATOMIC_ACQUIRE);
}

/* Acquire: with the uid, that nothing is applied under it yet. Partner: follow_credentials(). */
static bool has_not_applied(const struct daemon *d, uint32_t version) {
        return daemon_state(d) == DAEMON_JOINED &&
               (!credentials_include(__atomic_load_n(&d->uid, __ATOMIC_ACQUIRE)) ||
                (int32_t) (__atomic_load_n(&d->applied, __ATOMIC_ACQUIRE) - version) < 0);
}

static bool is_awaited(const struct daemon *d, uint32_t version) {
        return !is_silent(d) && has_not_applied(d, version);
}

static bool all_applied(uint32_t version) {
        for (unsigned i = 0; i < DAEMONS; i++)
                if (is_awaited(&daemons[i], version))
                        return false;
        return true;
}

static void give_up(uint32_t version) {
        for (unsigned i = 0; i < DAEMONS; i++)
                if (is_awaited(&daemons[i], version))
                        __atomic_store_n(&daemons[i].silent, 1, __ATOMIC_RELEASE);
}

void daemons_wait_applied(uint32_t version, int64_t deadline) {
        /* Mostly so; not even the clock is looked at then. */
        if (all_applied(version))
                return;
        if (!deadline)
                deadline = daemons_deadline();
        for (;;) {
                uint32_t seen = __atomic_load_n(&progress, __ATOMIC_ACQUIRE);
                int64_t left = deadline - retry_now();

                if (all_applied(version))
                        return;
                if (left <= 0) {
                        give_up(version);
                        return;
                }
                wait_progress(seen, left);
        }
}

int64_t daemon_deadline(const struct daemon *d) {
        return retry_now() + (d->page[0] ? wait_config.answer_msec : wait_config.own_answer_msec);
}

int64_t daemons_deadline(void) {
        /* Where there is one of our own, it is the first, and the only one. */
        return daemon_deadline(&daemons[daemon_runs(&daemons[0]) ? 0 : 1]);
}

void daemons_count_unanswered(uint32_t version) {
        for (unsigned i = 0; i < DAEMONS; i++)
                if (is_silent(&daemons[i]) && has_not_applied(&daemons[i], version))
                        actions_expect(i);
}

static bool has_counted(void) {
        for (unsigned i = 0; i < DAEMONS; i++)
                if (daemon_state(&daemons[i]) == DAEMON_JOINED && publish_has_counted(i))
                        return true;
        return false;
}

void daemons_end_begun(void) {
        int64_t deadline = 0;

        __atomic_store_n(&ending, 1, __ATOMIC_RELEASE);
        for (;;) {
                uint32_t seen = __atomic_load_n(&progress, __ATOMIC_ACQUIRE);
                int64_t left;

                if (!has_counted())
                        return;
                if (!deadline)
                        deadline = daemons_deadline();
                left = deadline - retry_now();
                if (left <= 0)
                        return;
                wait_progress(seen, left);
        }
}

bool daemons_are_ending(void) {
        return __atomic_load_n(&ending, __ATOMIC_ACQUIRE);
}

void daemon_reset(struct daemon *d) {
        pthread_mutex_init(&d->lock, NULL);
        actions_forget(&d->view);
        d->map.contradicts = false;
        d->snapshot = NULL;
        d->application = 0;
        d->state = DAEMON_NONE;
        d->applied = 0;
        d->tid = 0;
        d->quit = 0;
        d->want_locked = 0;
        d->silent = 0;
        d->looked = false;
        d->ready = false;
        d->begun = BEGUN_NOTHING;
}
