/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * tracingd's part for tests: starts the real consumer with a temporary
 * directory as its output, speaks the protocol, waits for answers, and reads
 * the result with babeltrace2.
 */

#include <glib.h>
#include <sys/types.h>

#include "play-ring.h"
#include "protocol/consumer.h"
#include "protocol/definitions.h"

struct play {
        char *directory;
        int socket;
        pid_t pid;
        uint64_t serial;
        uint32_t clock;   /* enum trace_clock */
        uint64_t created; /* ten seconds ago: the time of a test's first event */
        struct consumer_status *status;
        int status_fd;
        uint32_t flags; /* of OUTPUT, each time */
        uint32_t sync_msec;
        uint8_t boot[16]; /* that the session says it is of; all 0: of none that ever was */
};

/* Starts the consumer; OUTPUT and SESSION are done. directory NULL: a new temporary one. */
void play_start(struct play *p, const char *directory);

/* As play_start(), with the time stamp counter as the session's clock. */
void play_start_tsc(struct play *p);

/* As play_start(), for a session whose rings shall be files; of this boot, or as if there had been another one since. */
void play_start_files(struct play *p, const char *directory, bool this_boot, uint32_t sync_msec);

/* As play_start(), but nothing has been sent. */
void play_start_silent(struct play *p, const char *directory);

/* What play_start() sends. */
void play_send_output(struct play *p, uint32_t flags);
void play_send_session(struct play *p);

/* Kills the consumer. */
void play_kill(struct play *p);

/* Starts another one; OUTPUT, with CONSUMER_RESUME, and SESSION are done. It waits for RESUMED. */
void play_resume(struct play *p);

/* The exit status of tracectl-consumer --recover, and what it says (may be NULL). */
int play_recover(const char *directory, char **ret_said);

/* Hangs up and waits for the consumer's good end. */
void play_hang_up(struct play *p);

/* Removes the directory (unless the test owns it) and everything else. */
void play_done(struct play *p);

/* Sends a message of size bytes; type, size and serial are filled in. */
void play_send(struct play *p, uint32_t type, void *message, size_t size, const int *fds, size_t n_fds);

/* As play_send(), and waits for its answer: an errno. */
int play_call(struct play *p, uint32_t type, void *message, size_t size, const int *fds, size_t n_fds);

/* Waits for the answer to the last message; ret_path (may be NULL) receives OUTPUT's path. */
int play_answer(struct play *p, char **ret_path);

/* To a consumer that goes on: everything has been sent again. */
int play_resumed(struct play *p);

int play_flush(struct play *p);
int play_stop(struct play *p);
int play_snapshot(struct play *p, const char *name);
int play_snapshot_flags(struct play *p, const char *name, uint32_t flags);
int play_rings(struct play *p, uint64_t set, uint32_t stream, const char *set_name, const char *channel,
               const struct play_ring *ring);
int play_rotate(struct play *p, const char *name, uint32_t flags);
int play_clear(struct play *p);
int play_release(struct play *p, uint64_t set, uint32_t stream);

/* RING_FILES: an errno, or 0 and the ring. */
int play_ring_files(struct play *p, uint64_t set, uint32_t stream, const char *set_name, const char *channel,
                    struct play_ring *ret);

/* As play_ring_files(), of rings with these flags. */
int play_ring_files_flags(struct play *p, uint64_t set, uint32_t stream, const char *set_name, const char *channel,
                          uint32_t flags, struct play_ring *ret);

/* The answer is left to play_answer(). */
void play_send_rings(struct play *p, uint64_t set, uint32_t stream, const char *set_name, const char *channel,
                     uint32_t contexts, const struct play_ring *ring);
void play_send_classes(struct play *p, uint64_t set, uint32_t stream, const struct definition *definitions,
                       const uint32_t *ids, unsigned n);

/* Sends classes: definitions[i] has ids[i]. */
int play_classes(struct play *p, uint64_t set, uint32_t stream, const struct definition *definitions,
                 const uint32_t *ids, unsigned n);

/* Waits (bounded) until a status word has a value; the test fails where it never has. */
void play_wait_for(const uint64_t *word, uint64_t value);

/*
 * What babeltrace2 prints for a directory, without tracectl:thread: a line an
 * event, "[cycles] name: { cpu_id = n }, { fields }". Asserts that it succeeds.
 * ret_errors receives what it has on stderr; with NULL there must be nothing.
 */
char **play_read(const char *directory, char **ret_errors);

/* As play_read() with the threads. */
char **play_read_all(const char *directory, char **ret_errors);

/* A file of the trace, below user/<uid>/. */
char *play_path(const struct play *p, const char *path);
