/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "service/domain/kernel/internal.h"
#include "service/log.h"
#include "service/unit/reader.h"

/* The main loop's part: the reader's unit, and its questions. */

struct vouch {
        struct worker_job job;
        struct kernel_recording *recording;
        int error;
};

static void on_connected(int fd, void *userdata) {
        struct kernel_own *o = userdata;

        o->socket = fd;
}

/* The reason is complete before anybody can see that there is one: failed is stored last. */
static void on_failed(const char *reason, void *userdata) {
        struct kernel_own *o = userdata;

        if (o->failed)
                return;
        snprintf(o->reason, sizeof(o->reason), "%s", reason);
        o->failed = true;
        /* Before, whoever waits for it says so. */
        if (o->socket >= 0 && o->recording->config.failed)
                o->recording->config.failed(o->reason, o->recording->config.userdata);
}

static bool run_vouch(struct worker_job *job) {
        struct vouch *v = CONTAINER_OF(job, struct vouch, job);
        struct kernel_recording *r = v->recording;

        if (kernel_own_begin(r->own, r->domain->user->clock) >= 0)
                v->error = kernel_own_vouch(r->own, r->instances);
        return false;
}

static void vouch(struct kernel_own *o);

static void end_vouch(struct worker_job *job) {
        struct vouch *v = CONTAINER_OF(job, struct vouch, job);
        struct kernel_recording *r = v->recording;

        r->own->vouching = false;
        if (v->error < 0)
                log_debug("session %" PRIu64 ": its threads cannot be looked at: %s", r->config.key, strerror(-v->error));
        if (r->own->asked && !r->ended)
                vouch(r->own);
        kernel_recording_unref(r);
        free(v);
}

/* What was asked before it begins is answered by it. */
static void vouch(struct kernel_own *o) {
        struct vouch *v = calloc(1, sizeof(*v));

        if (!v)
                return;
        *v = (struct vouch) { .job = { .run = run_vouch, .done = end_vouch }, .recording = o->recording };
        o->asked = false;
        o->vouching = true;
        o->recording->refs++;
        worker_submit(o->recording->domain->worker, &v->job);
}

static int on_question(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        struct kernel_own *o = userdata;
        char text[8];
        ssize_t n;

        while ((n = recv(fd, text, sizeof(text), MSG_DONTWAIT)) > 0)
                o->asked = true;
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
                o->question = sd_event_source_disable_unref(o->question);
        if (o->asked && !o->vouching)
                vouch(o);
        return 0;
}

static int start(struct kernel_own *o) {
        const struct kernel_recording_config *config = &o->recording->config;
        const struct reader_handlers handlers = { on_connected, on_failed, o };
        int pair[2], r;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
                return -errno;
        o->ask = pair[0];
        o->asked_by = pair[1];
        if (!config->units) {
                on_failed("only a tracing service that systemd runs can have a reader for them", o);
                return 0;
        }
        r = sd_event_add_io(config->event, &o->question, o->ask, EPOLLIN, on_question, o);
        return r < 0 ? r : reader_new(config->units, config->owner, &handlers, &o->reader);
}

int kernel_own_new(struct kernel_recording *r, struct kernel_own **ret) {
        struct kernel_own *o = calloc(1, sizeof(*o));
        int k;

        if (!o)
                return -ENOMEM;
        o->recording = r;
        o->owner = r->config.owner;
        o->socket = o->ask = o->asked_by = -1;
        k = start(o);
        if (k < 0) {
                kernel_own_free(o);
                return k;
        }
        *ret = o;
        return 0;
}

void kernel_own_leave(struct kernel_own *o) {
        o->question = sd_event_source_disable_unref(o->question);
        o->reader = reader_free(o->reader);
}

struct kernel_own *kernel_own_free(struct kernel_own *o) {
        if (!o)
                return NULL;
        kernel_own_leave(o);
        if (o->socket >= 0)
                close(o->socket);
        closep(&o->ask);
        closep(&o->asked_by);
        free(o);
        return NULL;
}
