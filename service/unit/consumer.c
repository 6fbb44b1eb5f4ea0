/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "service/log.h"
#include "service/unit/consumer-internal.h"

/* Between the end of a child's connection and the news of its exit, which tells why. */
#define EXIT_USEC (2 * 1000 * 1000)
/* That a unit's consumer has to end when its session is gone. */
#define DETACHED_USEC (30 * 1000 * 1000)

static void stop_watching(struct consumer *c) {
        consumer_unwatch_socket(c);
        c->queue_source = sd_event_source_disable_unref(c->queue_source);
        c->late_source = sd_event_source_disable_unref(c->late_source);
}

static void on_last_stop(int error, const char *path, void *userdata);

/* Of others. */
static void forget_requests(struct consumer *c) {
        for (struct request **p = &c->requests; *p;) {
                struct request *q = *p;

                if (q->answer == on_last_stop) {
                        p = &q->next;
                        continue;
                }
                *p = q->next;
                free(q);
        }
}

/* The consumer stays, and tracingd goes: nothing is said to it. */
static bool is_left(const struct consumer *c) {
        return c->units && c->units->leaving;
}

struct consumer *consumer_free(struct consumer *c) {
        if (!c)
                return NULL;
        consumer_unkeep(c);
        stop_watching(c);
        c->exit_source = sd_event_source_disable_unref(c->exit_source);
        forget_requests(c);
        free(c->requests);
        closep(&c->pidfd);
        closep(&c->restored_fd);
        if (c->sender && !is_left(c))
                sender_break(c->sender);
        sender_unref(c->sender);
        supervisor_free(c->supervisor);
        sd_event_unref(c->event);
        free(c);
        return NULL;
}

/* For a detached one this is the last; a child must have been reaped. */
static void end(struct consumer *c) {
        if (c->detached) {
                if (!c->exit_source)
                        consumer_free(c);
                return;
        }
        if (c->ended)
                return;
        c->ended = true;
        c->handlers.ended(c->handlers.userdata);
}

void consumer_finish(struct consumer *c, const char *reason) {
        stop_watching(c);
        if (c->ending && c->supervisor)
                supervisor_stop(c->supervisor);
        else if (c->ending)
                end(c);
        else if (!c->failed) {
                c->failed = true;
                if (c->supervisor)
                        supervisor_rest(c->supervisor);
                sender_break(c->sender);
                c->handlers.failed(reason, c->handlers.userdata);
        }
}

static int on_exit_news(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        struct consumer *c = userdata;
        char reason[128] = "its consumer ended";
        siginfo_t info = { 0 };

        if (waitid(P_PIDFD, (id_t) fd, &info, WEXITED) >= 0) {
                if (info.si_code == CLD_EXITED)
                        snprintf(reason, sizeof(reason), "its consumer ended with status %i", info.si_status);
                else
                        snprintf(reason, sizeof(reason), "its consumer was killed by signal %i (%s)", info.si_status,
                                 strsignal(info.si_status));
        }
        log_debug("consumer: %s", reason);
        c->exit_source = sd_event_source_disable_unref(c->exit_source);
        consumer_finish(c, reason);
        return 0;
}

static int on_late(sd_event_source *s, uint64_t usec, void *userdata) {
        struct consumer *c = userdata;

        c->late_source = sd_event_source_disable_unref(c->late_source);
        consumer_finish(c, c->is_unit ? "its consumer did not end" : "its consumer closed the connection");
        return 0;
}

/* consumer_finish() in that time. */
static void finish_after(struct consumer *c, uint64_t usec) {
        c->late_source = sd_event_source_disable_unref(c->late_source);
        if (sd_event_add_time_relative(c->event, &c->late_source, CLOCK_MONOTONIC, usec, 0, on_late, c) < 0)
                consumer_finish(c, "there is not enough memory");
}

void consumer_connection_ended(struct consumer *c) {
        consumer_unwatch_socket(c);
        if (!c->is_unit) {
                c->queue_source = sd_event_source_disable_unref(c->queue_source);
                finish_after(c, c->pidfd >= 0 ? EXIT_USEC : 0);
                return;
        }
        consumer_keep_lost(c);
        sender_disconnect(c->sender);
        if (c->hung_up)
                consumer_finish(c, NULL);
        else
                supervisor_lost(c->supervisor);
}

static int on_connected(int fd, void *userdata) {
        struct consumer *c = userdata;
        int r;

        if (c->hung_up) {
                close(fd);
                consumer_finish(c, NULL);
                return 0;
        }
        r = sender_connect(c->sender, fd);
        if (r < 0)
                return r;
        r = consumer_watch_socket(c);
        if (r < 0) {
                /* The connection is the sender's already: as if it had ended. */
                sender_disconnect(c->sender);
                supervisor_lost(c->supervisor);
        }
        return 0;
}

static void on_given_up(const char *reason, void *userdata) {
        consumer_finish(userdata, reason);
}

static void on_units_stopped(void *userdata) {
        struct consumer *c = userdata;

        c->supervisor = NULL;
        end(c);
}

const struct supervisor_handlers consumer_supervisor_handlers = {
        .connected = on_connected,
        .failed = on_given_up,
        .stopped = on_units_stopped,
};

static int start_unit(struct consumer *c, struct unit_starter *units, const struct consumer_spec *spec) {
        struct supervisor_handlers handlers = consumer_supervisor_handlers;
        int r;

        handlers.userdata = c;
        c->is_unit = true;
        c->units = units;
        r = sender_new_resumable(&c->keep, &c->sender);
        if (r < 0)
                return r;
        r = consumer_watch_queue(c);
        if (r < 0)
                return r;
        return supervisor_new(units, spec, &handlers, &c->supervisor);
}

static int connect_child(struct consumer *c, const struct consumer_starter *starter) {
        _cleanup_close_ int ours = -1, theirs = -1;
        int pair[2], r;

        if (starter->early && starter->early->socket >= 0) {
                c->pidfd = TAKE_FD(starter->early->pidfd);
                r = sender_new(starter->early->socket, &c->sender);
                if (r >= 0)
                        starter->early->socket = -1;
                return r;
        }
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        ours = pair[0];
        theirs = pair[1];
        r = sender_new(ours, &c->sender);
        if (r < 0)
                return r;
        ours = -1;
        return starter->start(theirs, starter->userdata, &c->pidfd);
}

static int start_child(struct consumer *c, const struct consumer_starter *starter) {
        int r;

        r = connect_child(c, starter);
        if (r < 0)
                return r;
        r = consumer_watch_socket(c);
        if (r < 0)
                return r;
        r = consumer_watch_queue(c);
        if (r < 0 || c->pidfd < 0)
                return r;
        r = sd_event_add_io(c->event, &c->exit_source, c->pidfd, EPOLLIN, on_exit_news, c);
        if (r < 0)
                return r;
        /* Its last answers come before the news of its end. */
        return sd_event_source_set_priority(c->exit_source, SD_EVENT_PRIORITY_NORMAL + 1);
}

int consumer_new(sd_event *event, const struct consumer_starter *starter, const struct consumer_spec *spec,
                 const struct consumer_handlers *handlers, struct consumer **ret) {
        _cleanup_(consumer_freep) struct consumer *c = NULL;
        int r;

        c = malloc(sizeof(*c));
        if (!c)
                return -ENOMEM;
        *c = (struct consumer) {
                .event = sd_event_ref(event),
                .handlers = *handlers,
                .pidfd = -1,
                .restored_fd = -1,
                .keep = { .ledger = starter->ledger, .store = starter->store, .key = spec->key,
                          .life = starter->life },
        };
        if (starter->units)
                r = start_unit(c, starter->units, spec);
        else
                r = start_child(c, starter);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

int consumer_expect(struct consumer *c, uint64_t serial, consumer_answer_t answer, void *userdata) {
        struct request *q;

        q = malloc(sizeof(*q));
        if (!q)
                return -ENOMEM;
        *q = (struct request) { .next = c->requests, .serial = serial, .answer = answer, .userdata = userdata };
        c->requests = q;
        return 0;
}

/* Answers are read by the main loop, so none can come before it is expected. */
static int ask(struct consumer *c, struct consumer_header *message, const int *fds, size_t n_fds,
               consumer_answer_t answer, void *userdata) {
        uint64_t serial;
        int r;

        r = sender_send(c->sender, message, fds, n_fds, &serial);
        return r < 0 ? r : consumer_expect(c, serial, answer, userdata);
}

int consumer_request(struct consumer *c, struct consumer_header *message, const int *fds, size_t n_fds,
                     consumer_answer_t answer, void *userdata) {
        return c->ending ? -EPIPE : ask(c, message, fds, n_fds, answer, userdata);
}

static void hang_up_unit(struct consumer *c) {
        c->hung_up = true;
        sender_hang_up(c->sender);
        /* Without a connection there is none to end. */
        if (sender_fd(c->sender) < 0)
                finish_after(c, 0);
}

static void on_last_stop(int error, const char *path, void *userdata) {
        hang_up_unit(userdata);
}

/*
 * A unit's consumer may still die while it writes the last. So it is asked for
 * that first, again as often as it takes; when it hears the hang-up it has
 * nothing left to do.
 */
static void end_unit(struct consumer *c) {
        struct consumer_header stop = { .type = CONSUMER_STOP, .size = sizeof(stop) };

        if (c->failed)
                finish_after(c, 0);
        else if (!c->has_session || ask(c, &stop, NULL, 0, on_last_stop, c) < 0)
                hang_up_unit(c);
}

void consumer_hang_up(struct consumer *c) {
        if (c->ending)
                return;
        c->ending = true;
        if (c->is_unit) {
                end_unit(c);
                return;
        }
        sender_hang_up(c->sender);
        if (c->failed && !c->exit_source)
                finish_after(c, 0);
}

static void detach_unit(struct consumer *c) {
        if (is_left(c)) {
                consumer_free(c);
                return;
        }
        /* No handler is called from here on. */
        c->ended = true;
        forget_requests(c);
        consumer_hang_up(c);
        c->detached = true;
        if (!c->supervisor)
                consumer_free(c);
        else if (!supervisor_stops(c->supervisor) && !c->late_source)
                finish_after(c, DETACHED_USEC);
}

void consumer_kill(struct consumer *c) {
        if (c->supervisor)
                supervisor_kill(c->supervisor);
}

void consumer_give_up(struct consumer *c, const char *reason) {
        if (!c->ending)
                consumer_finish(c, reason);
}

void consumer_detach(struct consumer *c) {
        if (c->is_unit) {
                detach_unit(c);
                return;
        }
        c->ending = c->detached = true;
        forget_requests(c);
        sender_hang_up(c->sender);
        if ((c->failed || c->ended) && !c->exit_source)
                consumer_free(c);
}

struct sender *consumer_sender(struct consumer *c) {
        return c->sender;
}

const char *consumer_unit(const struct consumer *c) {
        return c->supervisor ? supervisor_unit(c->supervisor) : "";
}

uint32_t consumer_restarts(const struct consumer *c) {
        return c->supervisor ? supervisor_restarts(c->supervisor) : 0;
}
