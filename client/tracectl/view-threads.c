/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>

#include "client/tracectl/progress.h"
#include "client/tracectl/view-select.h"
#include "client/tracectl/view-threads.h"
#include "common/cleanup.h"

#define THREADS_MAX 4
#define SLOTS 8 /* for each thread: so many that waiting for each other, which costs where they share a CPU, is rare */
#define SLOTS_MAX (SLOTS * THREADS_MAX)
#define ALONE 2 /* batches, before which other threads are not worth their start */

enum slot_state {
        SLOT_EMPTY,
        SLOT_FILLING,
        SLOT_FILLED,
        SLOT_RENDERING,
        SLOT_RENDERED,
        SLOT_WRITING,
};

struct slot {
        struct crew *crew;
        uint64_t number; /* of the batch */
        enum slot_state state;
        tracectl_reader_batch *batch;
        struct text *text;
};

struct crew {
        const struct view_output *output;
        const struct view_output_options *options;
        tracectl_reader *reader;
        pthread_mutex_t mutex; /* for all that follows, and the slots' states; what is in a slot is its state's owner's */
        pthread_cond_t changed;
        struct slot slots[SLOTS_MAX]; /* batch n is in slot n % n_slots */
        unsigned n_slots;
        uint64_t n_filled, n_taken, n_written; /* batches, in the order of the events */
        uint64_t n_events;                     /* that have become text */
        bool is_filling, has_ended;
        int error; /* everybody stops */
};

struct worker {
        struct crew *crew;
        void *state; /* of the output */
        struct view_chooser chooser;
        pthread_t thread;
        bool is_running;
};

static void fail(struct crew *crew, int error) {
        if (crew->error == 0)
                crew->error = error;
        pthread_cond_broadcast(&crew->changed);
}

static void write_slot(struct crew *crew, struct slot *slot) {
        slot->state = SLOT_WRITING;
        pthread_mutex_unlock(&crew->mutex);
        text_flush(slot->text);
        pthread_mutex_lock(&crew->mutex);
        slot->state = SLOT_EMPTY;
        crew->n_written++;
        if (slot->text->error != 0)
                fail(crew, -slot->text->error);
        pthread_cond_broadcast(&crew->changed);
}

static struct slot *oldest(struct crew *crew) {
        return &crew->slots[crew->n_written % crew->n_slots];
}

/* Before a slot's text is written: everything before it must be. */
static void await_turn(void *userdata) {
        struct slot *slot = userdata;
        struct crew *crew = slot->crew;

        pthread_mutex_lock(&crew->mutex);
        while (crew->n_written != slot->number && crew->error == 0) {
                if (oldest(crew)->state == SLOT_RENDERED)
                        write_slot(crew, oldest(crew));
                else
                        pthread_cond_wait(&crew->changed, &crew->mutex);
        }
        if (crew->error != 0 && slot->text->error == 0)
                slot->text->error = -crew->error;
        pthread_mutex_unlock(&crew->mutex);
}

static void render_slot(struct crew *crew, struct slot *slot, struct worker *worker) {
        tracectl_reader_event *event;
        uint64_t n = 0;
        int r = 0;

        slot->state = SLOT_RENDERING;
        pthread_mutex_unlock(&crew->mutex);
        for (; r >= 0 && slot->text->error == 0 && (event = tracectl_reader_batch_next(slot->batch)); n++) {
                r = view_chooser_begin(&worker->chooser, slot->text, event);
                if (r <= 0)
                        continue;
                r = crew->output->event(worker->state, slot->text, event);
                view_chooser_end(&worker->chooser, slot->text);
        }
        pthread_mutex_lock(&crew->mutex);
        slot->state = SLOT_RENDERED;
        crew->n_events += n;
        if (r < 0)
                fail(crew, r);
        pthread_cond_broadcast(&crew->changed);
}

static void fill_slot(struct crew *crew, struct slot *slot) {
        int r;

        slot->state = SLOT_FILLING;
        crew->is_filling = true;
        pthread_mutex_unlock(&crew->mutex);
        r = tracectl_reader_fill_batch(crew->reader, slot->batch);
        pthread_mutex_lock(&crew->mutex);
        crew->is_filling = false;
        slot->state = r > 0 ? SLOT_FILLED : SLOT_EMPTY;
        slot->number = crew->n_filled;
        if (r > 0)
                crew->n_filled++;
        else if (r == 0)
                crew->has_ended = true;
        else
                fail(crew, r);
        pthread_cond_broadcast(&crew->changed);
}

static bool is_done(const struct crew *crew) {
        return crew->error != 0 || (crew->has_ended && crew->n_written == crew->n_filled);
}

/* Does one thing, or waits until there may be one. */
static void work_once(struct crew *crew, struct worker *worker) {
        struct slot *next = &crew->slots[crew->n_filled % crew->n_slots];

        if (oldest(crew)->state == SLOT_RENDERED)
                write_slot(crew, oldest(crew));
        else if (crew->n_taken < crew->n_filled)
                render_slot(crew, &crew->slots[crew->n_taken++ % crew->n_slots], worker);
        else if (!crew->is_filling && !crew->has_ended && next->state == SLOT_EMPTY)
                fill_slot(crew, next);
        else
                pthread_cond_wait(&crew->changed, &crew->mutex);
}

static void *work(void *userdata) {
        struct worker *worker = userdata;
        struct crew *crew = worker->crew;

        pthread_mutex_lock(&crew->mutex);
        while (!is_done(crew))
                work_once(crew, worker);
        pthread_mutex_unlock(&crew->mutex);
        return NULL;
}

static int worker_init(struct worker *worker, struct crew *crew) {
        int r;

        worker->crew = crew;
        r = view_chooser_init(&worker->chooser, crew->options->select);
        if (r >= 0 && crew->output->begin)
                r = crew->output->begin(crew->options, crew->slots[0].text, &worker->state);
        return r;
}

static void worker_done(struct worker *worker) {
        if (!worker->crew)
                return;
        if (worker->crew->output->free)
                worker->crew->output->free(worker->state);
        view_chooser_done(&worker->chooser);
}

/* Signals are the first thread's. Where no thread can be had, it goes without. */
static void start_worker(struct worker *worker, struct crew *crew) {
        sigset_t all, before;

        if (worker_init(worker, crew) < 0)
                return;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        worker->is_running = pthread_create(&worker->thread, NULL, work, worker) == 0;
        pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* The thread that was there before, as long as it takes: the first of n workers. */
static void lead(struct crew *crew, struct worker *workers, unsigned n) {
        _cleanup_(progress_done) struct progress progress;
        uint64_t n_seen = 0;
        unsigned started = 1;

        progress_init(&progress, crew->slots[0].text->fd);
        pthread_mutex_lock(&crew->mutex);
        while (!is_done(crew)) {
                int r = 0;

                while (crew->n_filled >= ALONE && started < n)
                        start_worker(&workers[started++], crew);
                work_once(crew, &workers[0]);
                for (; r >= 0 && n_seen < crew->n_events; n_seen++)
                        r = progress_step(&progress);
                if (r < 0)
                        fail(crew, r);
        }
        pthread_mutex_unlock(&crew->mutex);
}

static int make_slots(struct crew *crew, int fd) {
        for (unsigned i = 0; i < crew->n_slots; i++) {
                struct slot *slot = &crew->slots[i];

                slot->crew = crew;
                slot->text = malloc(sizeof(*slot->text));
                if (!slot->text || tracectl_reader_batch_new(&slot->batch) < 0)
                        return -ENOMEM;
                text_init(slot->text, fd);
                slot->text->before_write = await_turn;
                slot->text->userdata = slot;
        }
        return 0;
}

static unsigned count_threads(void) {
        cpu_set_t cpus;

        if (sched_getaffinity(0, sizeof(cpus), &cpus) < 0)
                return 1;
        return (unsigned) CPU_COUNT(&cpus) < THREADS_MAX ? (unsigned) CPU_COUNT(&cpus) : THREADS_MAX;
}

static void crew_done(struct crew *crew) {
        for (unsigned i = 0; i < crew->n_slots; i++) {
                tracectl_reader_batch_free(crew->slots[i].batch);
                free(crew->slots[i].text);
        }
        pthread_cond_destroy(&crew->changed);
        pthread_mutex_destroy(&crew->mutex);
}

int view_threads_run(const struct view_output *output, const struct view_output_options *options,
                     tracectl_reader *reader, int fd) {
        unsigned n = count_threads();
        _cleanup_(crew_done) struct crew crew = {
                .output = output,
                .options = options,
                .reader = reader,
                .mutex = PTHREAD_MUTEX_INITIALIZER,
                .changed = PTHREAD_COND_INITIALIZER,
                .n_slots = SLOTS * n,
        };
        struct worker workers[THREADS_MAX] = {};
        int r;

        r = make_slots(&crew, fd);
        if (r >= 0)
                r = worker_init(&workers[0], &crew);
        if (r >= 0)
                lead(&crew, workers, n);
        for (unsigned i = 0; i < n; i++)
                if (workers[i].is_running)
                        pthread_join(workers[i].thread, NULL);
        for (unsigned i = 0; i < n; i++)
                worker_done(&workers[i]);
        return r < 0 ? r : crew.error;
}
