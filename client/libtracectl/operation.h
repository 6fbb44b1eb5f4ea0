/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One call of the public interface, from its first D-Bus call to its result,
 * which may take several. Whoever begins it waits for the result, and has it in
 * the operation; or leaves it to the connection, which then owns the operation
 * until its callback has had the result, or the connection ends.
 */

#include "client/libtracectl/connection.h"
#include "client/libtracectl/value.h"

struct tracectl_result {
        tracectl_value *value;
        tracectl_counts *counts;
        tracectl_session *session;
        char *text;
        int fd; /* -1: none */
        uint64_t number;
};

struct operation;

/*
 * Takes from a reply what the result needs of it. It may put another call into
 * operation->next, and the function that reads its reply into operation->read.
 * Failures become the connection's error in it.
 */
typedef int (*operation_read)(struct operation *operation, sd_bus_message *reply);

struct operation {
        tracectl_connection *connection; /* by whoever begins it; it does not keep it */
        operation_read read;             /* NULL: the reply has nothing */
        sd_bus_message *next;
        char *path; /* what reading needs: that of the session, or the name of one that is looked for */
        const char *method;               /* for each of some rules: which are meant, */
        char *domain, *channel, *pattern;
        tracectl_value *rules;            /* the paths of those that there are, */
        size_t n_done;                    /* and with how many it was called */
        struct tracectl_result result;
        bool is_async;
        tracectl_callback callback; /* NULL: nobody wants to know */
        void *userdata;
};

#define OPERATION_WAIT { .result = { .fd = -1 } }
#define OPERATION_LATER(done, data)                                                                                    \
        { .result = { .fd = -1 }, .is_async = true, .callback = (done), .userdata = (data) }

/*
 * Sends call, of which r is what filling it has returned, and takes the rest of
 * *operation over where it does not wait. Negative errno: nothing was sent, or,
 * of whoever waits, it has failed.
 */
int operation_begin(struct operation *operation, tracectl_connection *connection, int r, sd_bus_message *call,
                    operation_read read);

void operation_done(struct operation *operation);

/* In a function that waits: returns its failure, or goes on with the result in the new variable name. */
#define OPERATION_WAIT_FOR(name, begin)                                                                                \
        _cleanup_(operation_done) struct operation name = OPERATION_WAIT;                                              \
        int name##_error = begin;                                                                                      \
                                                                                                                       \
        if (name##_error < 0)                                                                                          \
        return name##_error
