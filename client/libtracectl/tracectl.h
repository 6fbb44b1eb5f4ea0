/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TRACECTL_TRACECTL_H
#define TRACECTL_TRACECTL_H

/*
 * libtracectl: control of the tracing service from a program.
 *
 * A connection leads to one tracing service; sessions come from it. Objects
 * are freed by whoever made them, in any order. One connection and everything
 * that came from it belong to one thread at a time. The library starts no
 * thread, prints nothing and changes no signal.
 *
 * Functions return 0 or more, or a negative errno and leave their outputs
 * (ret_...) as they were; tracectl_connection_get_error() then has a sentence.
 * Calls wait for the service's answer, but never for ever (30 seconds).
 */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

typedef struct tracectl_connection tracectl_connection;
typedef struct tracectl_session tracectl_session;
typedef struct tracectl_counts tracectl_counts;

/* Connections */

/*
 * A connection over a connected stream socket, the other end of which is a
 * tracing service that was started for this program. Takes fd, also on failure.
 */
int tracectl_connection_new_fd(int fd, tracectl_connection **ret);

/* Closes the connection. NULL is fine. */
void tracectl_connection_free(tracectl_connection *connection);

/*
 * For a program that waits for other things as well: process once, and again
 * whenever fd becomes readable. tracectl_connection_process() takes what the
 * service has sent and never waits; -ECONNRESET when the service has gone away.
 */
int tracectl_connection_get_fd(const tracectl_connection *connection);
int tracectl_connection_process(tracectl_connection *connection);

/*
 * Why the last call failed that had to do with this connection: a sentence for
 * people, and the D-Bus error's name for programs. "" where none has failed.
 * Both live until the next call.
 */
const char *tracectl_connection_get_error(const tracectl_connection *connection);
const char *tracectl_connection_get_error_name(const tracectl_connection *connection);

/* Sessions */

/*
 * A new session. Its trace goes into the directory output_fd, which stays the
 * caller's; -1 leaves the place to the service.
 */
int tracectl_session_create(tracectl_connection *connection, const char *name, int output_fd,
                            tracectl_session **ret);

/* Forgets the session here; the service keeps it. NULL is fine. */
void tracectl_session_free(tracectl_session *session);

int tracectl_session_start(tracectl_session *session);

/*
 * Stops recording and returns when the last event is in the output. ret_counts
 * may be NULL.
 */
int tracectl_session_stop(tracectl_session *session, tracectl_counts **ret_counts);

/*
 * Writes what the overwrite channels hold now into a directory name below the
 * output, "" for the output itself. ret_counts may be NULL.
 */
int tracectl_session_snapshot(tracectl_session *session, const char *name, tracectl_counts **ret_counts);

/* Ends the session in the service. What it has written stays. */
int tracectl_session_destroy(tracectl_session *session);

/* Channels */

enum tracectl_channel_mode {
        TRACECTL_CHANNEL_DISCARD,   /* a full ring refuses events, and counts them */
        TRACECTL_CHANNEL_OVERWRITE, /* the newest event takes the place of the oldest */
};

/* Begin with TRACECTL_CHANNEL_OPTIONS_INIT. What is 0 is left to the service. */
struct tracectl_channel_options {
        size_t size; /* of this struct, as the program was compiled with it */
        enum tracectl_channel_mode mode;
        uint32_t subbuf_count;
        uint64_t subbuf_size; /* bytes */
};

#define TRACECTL_CHANNEL_OPTIONS_INIT { sizeof(struct tracectl_channel_options), TRACECTL_CHANNEL_DISCARD, 0, 0 }

/* A channel in a domain ("user"). options may be NULL. */
int tracectl_session_enable_channel(tracectl_session *session, const char *domain, const char *name,
                                    const struct tracectl_channel_options *options);

/* Events */

/*
 * Records the events that pattern ("provider:name", `*` for any characters)
 * matches in a channel, "" for the default one. ret_pending (may be NULL)
 * receives the number of running applications that have not yet applied it.
 */
int tracectl_session_enable_event(tracectl_session *session, const char *domain, const char *channel,
                                  const char *pattern, uint32_t *ret_pending);

/* Counts: what a session has recorded and lost since it began */

enum tracectl_count {
        TRACECTL_COUNT_EVENTS,
        TRACECTL_COUNT_DISCARDED,      /* events: lost in rings and lost on output */
        TRACECTL_COUNT_LOST_RING,      /* events that found their ring full */
        TRACECTL_COUNT_LOST_OUTPUT,    /* events that could not be written */
        TRACECTL_COUNT_LOST_OVERWRITE, /* bytes that newer events took the place of */
        TRACECTL_COUNT_LOST_GARBAGE,   /* bytes that were no records */
        TRACECTL_COUNT_BYTES,
        TRACECTL_COUNT_PACKETS,
        TRACECTL_COUNT_APPLICATIONS, /* that ever registered */
        TRACECTL_COUNT_PENDING,      /* applications that did not acknowledge the stop in time */
};

/* 0 for what the service did not count. */
uint64_t tracectl_counts_get(const tracectl_counts *counts, enum tracectl_count which);

/* Why the output fails, "" where it does not. Lives as long as counts. */
const char *tracectl_counts_get_output_error(const tracectl_counts *counts);

void tracectl_counts_free(tracectl_counts *counts);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
