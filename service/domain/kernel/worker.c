/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>

#include "service/domain/kernel/thread.h"
#include "service/domain/kernel/worker.h"

#define AGAIN_USEC (20 * 1000)
#define END_USEC (1000 * 1000)

TAILQ_HEAD(jobs, worker_job);

struct worker {
        pthread_t thread;
        pthread_mutex_t lock;
        pthread_cond_t work, done;
        int event_fd;
        sd_event_source *source;

        /* under the lock */
        struct jobs waiting, finished;
        bool ending, running;
        uint64_t end; /* monotonic microseconds */
};

static uint64_t now(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t) t.tv_sec * 1000000 + (uint64_t) t.tv_nsec / 1000;
}

/* The first job whose time has come. *ret_wait: when the next one's comes, or 0. */
static struct worker_job *take(struct worker *w, uint64_t *ret_wait) {
        uint64_t time = now();
        struct worker_job *job;

        *ret_wait = 0;
        TAILQ_FOREACH(job, &w->waiting, entries) {
                if (job->after <= time) {
                        TAILQ_REMOVE(&w->waiting, job, entries);
                        return job;
                }
                if (*ret_wait == 0 || job->after < *ret_wait)
                        *ret_wait = job->after;
        }
        return NULL;
}

static void wait_for_work(struct worker *w, uint64_t until) {
        const struct timespec t = {
                .tv_sec = (time_t) (until / 1000000),
                .tv_nsec = (long) (until % 1000000) * 1000,
        };

        if (until)
                pthread_cond_timedwait(&w->work, &w->lock, &t);
        else
                pthread_cond_wait(&w->work, &w->lock);
}

static void run(struct worker *w, struct worker_job *job) {
        bool again;

        w->running = true;
        pthread_mutex_unlock(&w->lock);
        again = job->run(job);
        pthread_mutex_lock(&w->lock);
        w->running = false;
        pthread_cond_signal(&w->done);
        if (again && (!w->ending || now() < w->end)) {
                job->tries++;
                job->after = now() + AGAIN_USEC;
                TAILQ_INSERT_TAIL(&w->waiting, job, entries);
                return;
        }
        TAILQ_INSERT_TAIL(&w->finished, job, entries);
        (void) eventfd_write(w->event_fd, 1);
}

static void *work(void *userdata) {
        struct worker *w = userdata;
        struct worker_job *job;
        uint64_t until;

        pthread_mutex_lock(&w->lock);
        while (!w->ending || !TAILQ_EMPTY(&w->waiting)) {
                job = take(w, &until);
                if (job)
                        run(w, job);
                else
                        wait_for_work(w, until);
        }
        pthread_mutex_unlock(&w->lock);
        return NULL;
}

static void finish(struct worker *w) {
        struct worker_job *job;
        struct jobs finished;

        TAILQ_INIT(&finished);
        pthread_mutex_lock(&w->lock);
        TAILQ_CONCAT(&finished, &w->finished, entries);
        pthread_mutex_unlock(&w->lock);
        while ((job = TAILQ_FIRST(&finished))) {
                TAILQ_REMOVE(&finished, job, entries);
                job->done(job);
        }
}

static int on_finished(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        eventfd_t n;

        (void) eventfd_read(fd, &n);
        finish(userdata);
        return 0;
}

int worker_new(sd_event *event, struct worker **ret) {
        pthread_condattr_t attributes;
        struct worker *w;
        int r;

        w = calloc(1, sizeof(*w));
        if (!w)
                return -ENOMEM;
        TAILQ_INIT(&w->waiting);
        TAILQ_INIT(&w->finished);
        pthread_mutex_init(&w->lock, NULL);
        pthread_condattr_init(&attributes);
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        pthread_cond_init(&w->work, &attributes);
        pthread_cond_init(&w->done, NULL);
        pthread_condattr_destroy(&attributes);
        w->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        r = w->event_fd < 0 ? -errno : sd_event_add_io(event, &w->source, w->event_fd, EPOLLIN, on_finished, w);
        if (r >= 0)
                r = thread_start(&w->thread, work, w);
        if (r < 0) {
                sd_event_source_disable_unref(w->source);
                closep(&w->event_fd);
                free(w);
                return r;
        }
        *ret = w;
        return 0;
}

/* Also the job that runs now, which may be one that runs again: it takes as long as any. */
static bool has_fresh(const struct worker *w) {
        struct worker_job *job;

        TAILQ_FOREACH(job, &w->waiting, entries)
                if (job->tries == 0)
                        return true;
        return w->running;
}

void worker_drain(struct worker *w) {
        bool more;

        do {
                pthread_mutex_lock(&w->lock);
                while (has_fresh(w))
                        pthread_cond_wait(&w->done, &w->lock);
                pthread_mutex_unlock(&w->lock);
                finish(w);
                pthread_mutex_lock(&w->lock);
                more = has_fresh(w) || !TAILQ_EMPTY(&w->finished);
                pthread_mutex_unlock(&w->lock);
        } while (more);
}

struct worker *worker_free(struct worker *w) {
        if (!w)
                return NULL;
        pthread_mutex_lock(&w->lock);
        w->ending = true;
        w->end = now() + END_USEC;
        pthread_cond_signal(&w->work);
        pthread_mutex_unlock(&w->lock);
        pthread_join(w->thread, NULL);
        finish(w);
        sd_event_source_disable_unref(w->source);
        closep(&w->event_fd);
        pthread_cond_destroy(&w->work);
        pthread_cond_destroy(&w->done);
        pthread_mutex_destroy(&w->lock);
        free(w);
        return NULL;
}

void worker_submit(struct worker *w, struct worker_job *job) {
        pthread_mutex_lock(&w->lock);
        TAILQ_INSERT_TAIL(&w->waiting, job, entries);
        pthread_cond_signal(&w->work);
        pthread_mutex_unlock(&w->lock);
}
