/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "consumer/channel.h"
#include "consumer/drainer.h"
#include "consumer/kernel.h"
#include "consumer/ring-files.h"

/* How long the content of a sub-buffer that does not fill up stays away from the disk. */
#define PARTIAL_NSEC UINT64_C(1000000000)

/* While somebody reads along. */
#define PARTIAL_LIVE_NSEC UINT64_C(200000000)

struct drainer *drainer_free(struct drainer *drainer) {
        struct task *task;
        struct set *set;

        while ((task = STAILQ_FIRST(&drainer->tasks))) {
                STAILQ_REMOVE_HEAD(&drainer->tasks, entries);
                free(task);
        }
        while ((set = LIST_FIRST(&drainer->sets))) {
                LIST_REMOVE(set, entries);
                set_free(set);
        }
        kernel_free(drainer->session.kernel);
        acks_done(&drainer->acks);
        session_done(&drainer->session);
        free(drainer);
        return NULL;
}

DEFINE_CLEANUP(struct drainer *, drainer_free);

static struct progress *progress_of(struct drainer *drainer, uint32_t type) {
        switch (type) {
        case CONSUMER_FLUSH:
        case CONSUMER_SNAPSHOT:
        case CONSUMER_STOP:
        case CONSUMER_ROTATE:
        case CONSUMER_CLEAR:
        case CONSUMER_STREAM:
                return &drainer->asking;
        default:
                return &drainer->describing;
        }
}

static int acknowledge(struct drainer *drainer, uint32_t type, uint64_t serial, int result) {
        struct progress *p = progress_of(drainer, type);

        if (serial > p->done) {
                p->done = serial;
                p->result = result;
        }
        return acks_send(&drainer->acks, drainer->socket, serial, result);
}

/* Half of the interval is for the disk. */
static uint64_t partial_nsec(const struct session *session) {
        uint64_t sync = session->info.sync_msec * UINT64_C(1000000) / 4;

        if (live_is_used(&session->live))
                return PARTIAL_LIVE_NSEC;
        return sync > 0 && sync < PARTIAL_NSEC ? sync : PARTIAL_NSEC;
}

/* RING_FILES is answered with the files, each time it is sent. */
static int answer_files(struct drainer *drainer, const struct message *m) {
        _cleanup_close_ int ring = -1, positions = -1;
        int fds[2], r;

        r = ring_files_open_for_writers(&drainer->session, &m->ring_files, fds);
        if (r < 0)
                return acknowledge(drainer, m->header.type, m->header.serial, r);
        ring = fds[0];
        positions = fds[1];
        if (m->header.serial > drainer->describing.done)
                drainer->describing.done = m->header.serial;
        drainer->describing.result = 0;
        r = acks_send_files(&drainer->acks, drainer->socket, m->header.serial, fds);
        if (r >= 0)
                ring = positions = -1;
        return r;
}

/*
 * A tracingd that was started again does not know what the last one had sent,
 * and which answers it had read. 1: it is new. 0: it came before, and was answered once more.
 */
static int check_repeated(struct drainer *drainer, const struct message *m) {
        struct progress *p = progress_of(drainer, m->header.type);
        const uint64_t serial = m->header.serial;

        if (serial == 0 || serial > p->begun) {
                p->begun = serial > p->begun ? serial : p->begun;
                return 1;
        }
        /* One that is still being done is answered then. */
        if (serial > p->done)
                return 0;
        if (m->header.type == CONSUMER_RING_FILES && sets_find(&drainer->sets, m->rings.set))
                return answer_files(drainer, m);
        return acks_send(&drainer->acks, drainer->socket, serial, serial == p->done ? p->result : 0);
}

/* Receives and dispatches one message. 1; 0 where none waits or none will come any more; -errno. */
static int drainer_receive(struct drainer *drainer, int flags) {
        const struct message *m = &drainer->message;
        int r, answer;

        r = message_receive(drainer->socket, flags, &drainer->message);
        if (r == -EAGAIN)
                return 0;
        if (r == 0) {
                drainer->ending = true;
                drainer->is_over = drainer->stopped;
                return 0;
        }
        if (r < 0 && r != -EBADMSG && r != -EOPNOTSUPP)
                return r;
        answer = r;
        if (r > 0) {
                drainer->stopped = m->header.type == CONSUMER_STOP;
                r = check_repeated(drainer, m);
                answer = r > 0 ? drainer_dispatch(drainer, m) : 1;
        }
        message_done(&drainer->message);
        if (answer == 0 && m->header.type == CONSUMER_RING_FILES)
                r = answer_files(drainer, m);
        else if (answer <= 0)
                r = acknowledge(drainer, m->header.type, m->header.serial, answer);
        return r < 0 ? r : 1;
}

static void collect_words(struct drainer *drainer) {
        struct channel *channel;
        struct set *set;

        wait_reset(&drainer->wait);
        wait_add(&drainer->wait, &drainer->session.output.status->wake);
        LIST_FOREACH(set, &drainer->sets, entries)
                LIST_FOREACH(channel, &set->channels, entries)
                        if (channel_discards(channel))
                                wait_add(&drainer->wait, channel_wake_word(channel));
}

static void look_at_all(struct drainer *drainer, bool partial) {
        struct channel *channel;
        struct set *set;

        LIST_FOREACH(set, &drainer->sets, entries)
                LIST_FOREACH(channel, &set->channels, entries)
                        for (uint32_t i = 0; i < channel->geometry.n_cpus; i++)
                                stream_look(&channel->streams[i], partial);
}

static bool drain_all(struct drainer *drainer, bool partial, uint64_t latest) {
        struct channel *channel;
        bool worked = false;
        struct set *set;

        LIST_FOREACH(set, &drainer->sets, entries)
                LIST_FOREACH(channel, &set->channels, entries)
                        for (uint32_t i = 0; channel_discards(channel) && i < channel->geometry.n_cpus; i++)
                                worked |= stream_drain(&channel->streams[i], partial, latest);
        return worked;
}

static int run_tasks(struct drainer *drainer, struct tasks *tasks, uint64_t latest) {
        int result = 0;

        while (!STAILQ_EMPTY(tasks)) {
                _cleanup_free_ struct task *task = STAILQ_FIRST(tasks);
                int r;

                STAILQ_REMOVE_HEAD(tasks, entries);
                r = drainer_run_task(drainer, task, latest);
                r = acknowledge(drainer, task->type, task->serial, r);
                result = result < 0 ? result : r;
        }
        return result;
}

/* A round of a drainer that may not touch the rings before RESUMED; what is asked meanwhile waits. */
static int learning_round(struct drainer *drainer) {
        int r, n = 0;

        wait_reset(&drainer->wait);
        wait_add(&drainer->wait, &drainer->session.output.status->wake);
        while ((r = drainer_receive(drainer, MSG_DONTWAIT)) > 0)
                n = 1;
        acks_flush(&drainer->acks, drainer->socket);
        return r < 0 ? r : n;
}

/*
 * The order is the promise that a class is in the metadata before a packet has
 * it: positions, then messages, then packets. Returns 1 where there was
 * something to do, 0 where not, or -errno.
 */
static int drainer_round(struct drainer *drainer, bool ending) {
        uint64_t now = trace_clock_read_monotonic(0), looked, latest;
        struct kernel *kernel;
        bool partial, worked = false;
        struct tasks tasks;
        int r;

        STAILQ_INIT(&tasks);
        STAILQ_CONCAT(&tasks, &drainer->tasks);
        partial = ending || !STAILQ_EMPTY(&tasks) || now >= drainer->next_partial;
        if (partial)
                drainer->next_partial = now + partial_nsec(&drainer->session);
        collect_words(drainer);
        looked = session_latest(&drainer->session);
        look_at_all(drainer, partial);
        while ((r = drainer_receive(drainer, MSG_DONTWAIT)) > 0)
                worked = true;
        latest = session_latest(&drainer->session);
        kernel = drainer->session.kernel;
        worked |= drain_all(drainer, partial, latest) | !STAILQ_EMPTY(&tasks);
        worked |= kernel_drain(kernel, partial, !STAILQ_EMPTY(&tasks), ending);
        /* Somebody must read what describes those events before the requests are done. */
        if (kernel_is_puzzled(kernel)) {
                STAILQ_CONCAT(&tasks, &drainer->tasks);
                STAILQ_CONCAT(&drainer->tasks, &tasks);
        }
        if (run_tasks(drainer, &tasks, latest) < 0 && r >= 0)
                r = -ENOMEM;
        if (ending)
                drainer_finish(drainer, latest);
        if (partial)
                live_sync(&drainer->session.live, looked);
        live_flush(&drainer->session.live);
        if (notice_is_due(&drainer->notice, drainer->session.output.status, now) && r >= 0)
                r = acks_send_notice(&drainer->acks, drainer->socket) < 0 ? -ENOMEM : r;
        acks_flush(&drainer->acks, drainer->socket);
        return r < 0 ? r : worked;
}

static bool all_closed_is_written(const struct drainer *drainer) {
        struct channel *channel;
        struct set *set;

        LIST_FOREACH(set, &drainer->sets, entries)
                LIST_FOREACH(channel, &set->channels, entries)
                        for (uint32_t i = 0; i < channel->geometry.n_cpus; i++)
                                if (stream_has_closed(&channel->streams[i]))
                                        return false;
        return true;
}

static void set_sleeping(struct drainer *drainer, uint32_t sleeping) {
        struct channel *channel;
        struct set *set;

        LIST_FOREACH(set, &drainer->sets, entries)
                LIST_FOREACH(channel, &set->channels, entries)
                        if (channel_discards(channel))
                                channel_set_sleeping(channel, sleeping);
}

static bool has_rings(const struct drainer *drainer) {
        return !LIST_EMPTY(&drainer->sets);
}

static void drainer_sleep(struct drainer *drainer) {
        if (kernel_is_read(drainer->session.kernel)) {
                kernel_sleep(drainer->session.kernel, drainer->socket,
                             has_rings(drainer) || drainer->session.live.is_behind);
                return;
        }
        set_sleeping(drainer, 1);
        /*
         * Pairs with the fence between a writer's store of limit and its load
         * of sleeping: either it sees that we sleep, or we see its sub-buffer.
         */
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        if (drainer->session.live.is_behind)
                wait_shortly(&drainer->wait);
        if (all_closed_is_written(drainer))
                wait_sleep(&drainer->wait);
        set_sleeping(drainer, 0);
}

static bool is_terminated(void) {
        sigset_t pending;

        return sigpending(&pending) >= 0 && sigismember(&pending, SIGTERM);
}

/* From here on SIGTERM ends the loop between two rounds, and nothing else. */
static int block_terminate(void) {
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        return sigprocmask(SIG_BLOCK, &set, NULL) < 0 ? -errno : 0;
}

int drainer_step(struct drainer *drainer) {
        if (!drainer->session.output.status)
                return drainer_receive(drainer, 0);
        return drainer->learning ? learning_round(drainer) : drainer_round(drainer, false);
}

void drainer_end(struct drainer *drainer) {
        /* What it would take for garbage without its classes is safe in the rings. */
        if (!drainer->learning)
                (void) drainer_round(drainer, true);
        live_finish(&drainer->session.live);
        /* Any other end can be the end of this consumer alone, and its successor goes on in the same rings. */
        if (drainer->session.has_rings && drainer->is_over && !drainer->learning)
                ring_files_end(&drainer->session);
}

static int drainer_loop(struct drainer *drainer) {
        int r = 1;

        while (r > 0 && !drainer->session.output.status)
                r = drainer_step(drainer);
        if (r <= 0)
                return r;
        r = block_terminate();
        while (r >= 0 && !drainer->ending) {
                r = drainer_step(drainer);
                drainer->ending = drainer->ending || is_terminated();
                if (r == 0 && !drainer->ending)
                        drainer_sleep(drainer);
        }
        drainer_end(drainer);
        return r < 0 ? r : 0;
}

struct drainer *drainer_new(int socket, struct session *session) {
        struct drainer *drainer = calloc(1, sizeof(*drainer));

        if (!drainer)
                return NULL;
        drainer->socket = socket;
        drainer->session = *session;
        drainer->learning = session->resumed;
        *session = (struct session) {};
        LIST_INIT(&drainer->sets);
        STAILQ_INIT(&drainer->tasks);
        return drainer;
}

int drainer_run(int socket, struct session *session) {
        _cleanup_(drainer_freep) struct drainer *drainer = drainer_new(socket, session);

        return drainer ? drainer_loop(drainer) : -ENOMEM;
}
