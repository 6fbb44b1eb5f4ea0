/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A whole tracingd in a thread of the test, with a bus client, and the test
 * playing the applications (fake_application_*) and the consumers
 * (fake_consumer_*). Nothing sleeps: every wait is for a message.
 */

#undef NDEBUG

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "common/clock.h"
#include "common/datagram.h"
#include "protocol/consumer.h"
#include "protocol/handshake.h"
#include "protocol/view.h"
#include "service/model/clock-bound.h"

#define WAIT_SECONDS 20

struct fixture {
        GThread *thread;
        GAsyncQueue *consumers; /* fake consumers that were started, for fake_consumer_next() */
        GPtrArray *all_consumers;
        sd_bus *bus;
        int bus_fd, register_fd;
        char *output; /* a directory */
        bool refuse_start; /* a consumer cannot be started */
        int paused;        /* consumers read nothing before fake_consumer_resume() */
        int answer_type;   /* messages of this type are answered with answer_error */
        int answer_error;
        int result; /* of service_run() */
};

struct fixture *fixture_new(void);

/* With a consumer's time to answer. */
struct fixture *fixture_new_usec(uint64_t consumer_usec);

/* Which looks after its clock so often, and finds this. */
struct fixture *fixture_new_clock(uint64_t look_usec, clock_bound_measure_t measure_bound);

/* Hangs up, and waits until tracingd has ended. */
void fixture_free(struct fixture *f);

/* Calls a method of the object at path. NULL and *ret_error on an error. */
sd_bus_message *fixture_call(struct fixture *f, const char *path, const char *interface, const char *member,
                             char **ret_error, const char *types, ...);

/* What has an ordered clock anyway: CLOCK_MONOTONIC is one. */
static inline uint32_t fixture_ordered_anyway(void) {
        return trace_clock_choose() == TRACE_CLOCK_TSC ? 0 : VIEW_RING_ORDERED;
}

/* A call that must work, or must fail with this error name and a sentence that contains text. */
void fixture_ok(struct fixture *f, const char *path, const char *interface, const char *member, const char *types, ...);
void fixture_fails(struct fixture *f, const char *error, const char *text, const char *path, const char *interface,
                   const char *member, const char *types, ...);

/* The path of a new session with this name, in the fixture's output directory. */
char *fixture_session(struct fixture *f, const char *name);
char *fixture_get_string(struct fixture *f, const char *path, const char *interface, const char *property);
uint64_t fixture_get_u64(struct fixture *f, const char *path, const char *interface, const char *property);

/* Returns when the property has that value; signals wake it. */
void fixture_wait_string(struct fixture *f, const char *path, const char *interface, const char *property,
                         const char *value);

struct fake_message {
        int fds[DATAGRAM_FDS_MAX];
        size_t n_fds;
        union {
                struct consumer_header header;
                struct consumer_output output;
                struct consumer_session session;
                struct consumer_rings rings;
                struct consumer_classes classes;
                struct consumer_release release;
                struct consumer_snapshot snapshot;
                struct consumer_rotate rotate;
                char bytes[CONSUMER_MESSAGE_MAX];
        };
};

struct fake_consumer;

/* The next one that tracingd has started. The fixture's. */
struct fake_consumer *fake_consumer_next(struct fixture *f);
/* The next message of a type, skipping others; it has been answered. fake_message_free() ends it. */
struct fake_message *fake_consumer_wait(struct fake_consumer *c, enum consumer_type type);
/* A message of that type that has come already, or NULL. */
struct fake_message *fake_consumer_peek(struct fake_consumer *c, enum consumer_type type);
/* Answers a message that was not answered (answer_error -1). */
void fake_consumer_answer(struct fake_consumer *c, const struct fake_message *m, int error);
void fake_consumer_resume(struct fake_consumer *c);
/* Dies: closes its connection. */
void fake_consumer_die(struct fake_consumer *c);
/* Waits until tracingd has hung up. */
void fake_consumer_wait_hang_up(struct fake_consumer *c);
/* Tells tracingd to look at the status page. */
void fake_consumer_notice(struct fake_consumer *c);
/* The page from the SESSION message. */
struct consumer_status *fake_consumer_status(struct fake_consumer *c);
void fake_message_free(struct fake_message *m);

struct fake_application {
        int fd;
        int definitions_fd;
        uint64_t hash;
        uint64_t id, generation;
        uint32_t minor; /* of its ABI, set before it begins */
        struct handshake ready; /* what it was told of itself when it had registered */
        /* the newest view */
        int fds[DATAGRAM_FDS_MAX];
        size_t n_fds;
        char *inline_data; /* it was in the message; else NULL */
        const void *data;
        size_t size;
        struct view view;
};

/* Event names "provider:name" or "provider:name@LEVEL" (else 6), NULL at the end; each has the field u64 value. */
int make_definitions(const char *const *events, uint64_t *ret_hash);

struct fake_application *fake_application_connect(struct fixture *f);
/* Registers one that has connected, takes its first view, and acknowledges none yet. */
void fake_application_begin(struct fake_application *a, const char *const *events, uint32_t keys);
/* Registers and takes its first view. keys: HANDSHAKE_FORM_LOCKED or 0. */
struct fake_application *fake_application_register(struct fixture *f, const char *const *events, uint32_t keys);
/* And acknowledges none yet. */
struct fake_application *fake_application_register_only(struct fixture *f, const char *const *events, uint32_t keys);
void fake_application_send(struct fake_application *a, const struct handshake *h, const int *fds, size_t n_fds);
/* The next message; its descriptors are those of a view. */
struct handshake fake_application_recv(struct fake_application *a);
/* Receives CONFIG and its view, and acknowledges it. */
void fake_application_apply(struct fake_application *a);
void fake_application_assert_closed(struct fake_application *a);
/* The class id of an event, or 0 while it is off; *ret_ring its ring. */
uint32_t fake_application_class(struct fake_application *a, uint32_t event, uint32_t *ret_ring);
void fake_application_free(struct fake_application *a);
