/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

#include "client/tracectl/ahead.h"
#include "common/cleanup.h"

/*
 * Who has to wait does so until half of the batches are its own: kernels that put both threads on one processor, as
 * those of virtual machines like to, would switch between them at every batch.
 */
#define BATCHES 8
#define HALF (BATCHES / 2)
#define ALONE 2 /* batches, before which a thread is not worth its start */

struct ahead {
        tracectl_reader *reader;
        tracectl_reader_batch *batches[BATCHES]; /* batch n is n % BATCHES */
        tracectl_reader_batch *current;          /* the caller's, or NULL */
        pthread_t thread;
        bool is_running;

        pthread_mutex_t mutex; /* for what follows; filled batches are the caller's, the others the thread's */
        pthread_cond_t changed;
        uint64_t n_filled, n_used;
        bool has_ended, is_stopping;
        int error;
};

DEFINE_CLEANUP(struct ahead *, ahead_free)

int ahead_new(tracectl_reader *reader, struct ahead **ret) {
        _cleanup_(ahead_freep) struct ahead *ahead = calloc(1, sizeof(*ahead));

        if (!ahead)
                return -ENOMEM;
        ahead->reader = reader;
        pthread_mutex_init(&ahead->mutex, NULL);
        pthread_cond_init(&ahead->changed, NULL);
        for (unsigned i = 0; i < BATCHES; i++)
                if (tracectl_reader_batch_new(&ahead->batches[i]) < 0)
                        return -ENOMEM;
        *ret = TAKE_PTR(ahead);
        return 0;
}

/* With the mutex, which is free while the batch is filled. */
static void fill(struct ahead *ahead) {
        int r;

        pthread_mutex_unlock(&ahead->mutex);
        r = tracectl_reader_fill_batch(ahead->reader, ahead->batches[ahead->n_filled % BATCHES]);
        pthread_mutex_lock(&ahead->mutex);
        if (r > 0)
                ahead->n_filled++;
        else {
                ahead->has_ended = true;
                ahead->error = r;
        }
        if (r <= 0 || ahead->n_filled - ahead->n_used == HALF)
                pthread_cond_broadcast(&ahead->changed);
}

static void wait_for_room(struct ahead *ahead) {
        while (ahead->n_filled - ahead->n_used > HALF && !ahead->is_stopping)
                pthread_cond_wait(&ahead->changed, &ahead->mutex);
}

static void wait_for_batches(struct ahead *ahead) {
        while (ahead->n_filled - ahead->n_used < HALF && !ahead->has_ended)
                pthread_cond_wait(&ahead->changed, &ahead->mutex);
}

static void *run(void *userdata) {
        struct ahead *ahead = userdata;

        pthread_mutex_lock(&ahead->mutex);
        while (!ahead->has_ended && !ahead->is_stopping)
                if (ahead->n_filled - ahead->n_used < BATCHES)
                        fill(ahead);
                else
                        wait_for_room(ahead);
        pthread_mutex_unlock(&ahead->mutex);
        return NULL;
}

/* Where no thread can be had, it goes without. */
static void start(struct ahead *ahead) {
        sigset_t all, before;

        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        ahead->is_running = pthread_create(&ahead->thread, NULL, run, ahead) == 0;
        pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Gives the batch back, and takes the one behind it: 1, 0 at the end, or a negative errno. */
static int take_batch(struct ahead *ahead) {
        int r;

        if (!ahead->is_running && ahead->n_used == ALONE)
                start(ahead);
        pthread_mutex_lock(&ahead->mutex);
        if (ahead->current) {
                ahead->current = NULL;
                ahead->n_used++;
                if (ahead->n_filled - ahead->n_used == HALF)
                        pthread_cond_broadcast(&ahead->changed);
        }
        while (ahead->n_used == ahead->n_filled && !ahead->has_ended)
                if (ahead->is_running)
                        wait_for_batches(ahead);
                else
                        fill(ahead);
        r = ahead->n_used < ahead->n_filled ? 1 : ahead->error;
        if (r > 0)
                ahead->current = ahead->batches[ahead->n_used % BATCHES];
        pthread_mutex_unlock(&ahead->mutex);
        return r;
}

int ahead_next(struct ahead *ahead, tracectl_reader_event **ret) {
        for (;;) {
                int r;

                *ret = ahead->current ? tracectl_reader_batch_next(ahead->current) : NULL;
                if (*ret)
                        return 1;
                r = take_batch(ahead);
                if (r <= 0)
                        return r;
        }
}

struct ahead *ahead_free(struct ahead *ahead) {
        if (!ahead)
                return NULL;
        pthread_mutex_lock(&ahead->mutex);
        ahead->is_stopping = true;
        pthread_cond_broadcast(&ahead->changed);
        pthread_mutex_unlock(&ahead->mutex);
        if (ahead->is_running)
                pthread_join(ahead->thread, NULL);
        for (unsigned i = 0; i < BATCHES; i++)
                tracectl_reader_batch_free(ahead->batches[i]);
        pthread_cond_destroy(&ahead->changed);
        pthread_mutex_destroy(&ahead->mutex);
        free(ahead);
        return NULL;
}
