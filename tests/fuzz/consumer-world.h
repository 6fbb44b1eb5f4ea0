/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A consumer in this process, one step at a time: its drainer, whose opener is
 * called instead of asked, a folder in memory for what it writes, and the other
 * end of its socket for messages. One world is used again for each input; nothing
 * of the last stays.
 */

#include <glib.h>

#include "consumer/drainer.h"
#include "protocol/ring.h"

#define WORLD_SUBBUFS 2
#define WORLD_SET 9
#define WORLD_STREAM 3
#define WORLD_FILE_MAX (1 << 20) /* bytes of rings */

struct consumer_world {
        struct drainer *drainer;
        int socket; /* tracingd's end */
        uint64_t serial;
        bool earlier_boot; /* the session says that it is one's */
        struct consumer_status *status;
        int status_fd;
        struct ring_geometry geometry; /* one CPU's, for writers with a lock */
        void *ring;
        struct ring_positions *positions;
        int ring_fd, positions_fd;
};

/* Nothing was sent. flags are the ring's beside RING_LOCKED; its sub-buffer 0 begins now. */
void world_begin(struct consumer_world *w, bool resumed, uint32_t flags);

/* Before anything is sent: rings are files. Returns their directory, which the caller closes. */
int world_use_files(struct consumer_world *w, bool rebooted);

/* Frees the consumer, as if it had been killed. */
void world_kill(struct consumer_world *w);

/* That, and the folder is empty again. */
void world_end(struct consumer_world *w);

/* A file of the folder: a descriptor, or -1. */
int world_open(const char *path, int flags);

/* Sends a message; type, size and serial are filled in. False where no more fits into the socket. */
bool world_send(struct consumer_world *w, uint32_t type, void *message, size_t size, const int *fds, size_t n_fds);

/* What describes a session, with a ring set and the classes 1, 2, ... of n_events definitions. */
void world_send_session(struct consumer_world *w);
void world_send_rings(struct consumer_world *w, uint32_t contexts);
void world_send_classes(struct consumer_world *w, const void *definitions, size_t size, uint32_t n_events);

void world_read_acks(struct consumer_world *w);

/* Everything in the folder can be read, to the last byte. How many events there are. */
uint64_t world_read_traces(void);
