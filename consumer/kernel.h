/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the kernel records in the session: one trace, with a stream class for
 * each channel, that is, for each instance of tracefs. tracingd configures those
 * and opens their files; here they are read. Owned by the drainer, used by its
 * one thread.
 */

#include <poll.h>
#include <sys/queue.h>

#include "consumer/kernel-stream.h"
#include "consumer/trace.h"

struct kernel_channel {
        LIST_ENTRY(kernel_channel) entries;
        struct kernel *kernel;
        uint32_t stream_id;
        char name[CONSUMER_NAME_MAX];
        bool overwrite;
        bool folded; /* a predecessor released it, and tracingd has not been told */
        uint32_t n_cpus;
        uint64_t buffer_size;
        struct kernel_layout layout;
        struct kernel_classes classes;
        uint32_t next_id; /* of an event class in the trace */
        char *scratch;    /* mapped */
        size_t scratch_size;
        struct consumer_kernel_process *processes; /* that are not in the trace yet */
        size_t n_processes;
        struct kernel_stream *streams; /* one for each CPU */
};

struct kernel {
        uint64_t id;
        struct session *session;
        struct metadata_set identity;
        struct text classes; /* metadata of all channels, ever */
        struct trace trace;
        LIST_HEAD(, kernel_channel) channels;
        struct pollfd *polls; /* as many as there are pipes, and one */
        size_t n_polls;
};

static inline char *kernel_channel_page(const struct kernel_channel *channel, uint32_t cpu) {
        return channel->scratch + (size_t) cpu * channel->layout.subbuf_size;
}

static inline struct kernel_own *kernel_channel_own(const struct kernel_channel *channel, uint32_t cpu) {
        return (struct kernel_own *) (channel->scratch + (size_t) channel->n_cpus * channel->layout.subbuf_size +
                                      (size_t) cpu * CONSUMER_KERNEL_OWN_SIZE);
}

/* kernel-channel.c. The file is mapped, descriptions are read; -EBADMSG where they are none. */
int kernel_channel_new(struct kernel *kernel, const struct consumer_kernel *message, int scratch_fd,
                       int descriptions_fd, struct kernel_channel **ret);
struct kernel_channel *kernel_channel_free(struct kernel_channel *channel);

/* Event classes from descriptions; those that are known are skipped. What is broken is left out: -EBADMSG then. */
int kernel_channel_describe(struct kernel_channel *channel, int fd);

/* Takes over the descriptors of a message that it finds right. */
int kernel_channel_set_cpus(struct kernel_channel *channel, const struct consumer_kernel_cpus *message, int *fds);

/* kernel-dispatch.c: does what one of tracingd's KERNEL messages says. 0 or the -errno of the answer. */
struct message;
int kernel_dispatch(struct session *session, const struct message *message);
struct kernel *kernel_free(struct kernel *kernel);

/* Everything below accepts NULL for a session without the kernel. */

/* NULL where there is none. */
struct kernel_channel *kernel_find_channel(const struct kernel *kernel, uint64_t set, uint32_t stream);

/* All of the metadata that a predecessor wrote is known again. */
void kernel_resumed(struct kernel *kernel);

/* kernel-drain.c: writes what is ready, or more. Whether there is something to do at once. */
bool kernel_drain(struct kernel *kernel, bool partial, bool all, bool ending);

/* Whether messages must be read before this round's requests are done. */
bool kernel_is_puzzled(const struct kernel *kernel);

/* Whether the drainer must sleep on pipes. */
bool kernel_is_read(const struct kernel *kernel);

/* Sleeps until a pipe has enough, tracingd sends something, or some time (or, if shortly, little time) has passed. */
void kernel_sleep(struct kernel *kernel, int socket, bool shortly);

/* kernel-task.c: parts of what tracingd asks for; see consumer/task.c, chunk.c and snapshot.c. */
void kernel_settle(struct kernel *kernel);
void kernel_finish(struct kernel *kernel);
int kernel_snapshot(struct kernel *kernel);
int kernel_snapshot_named(struct kernel *kernel, const char *name, struct counters *counters);
bool kernel_overwrites(const struct kernel *kernel);
void kernel_release(struct kernel *kernel, struct kernel_channel *channel);

void kernel_propose(struct kernel *kernel);
void kernel_propose_new_files(struct kernel *kernel);
void kernel_settle_proposals(struct kernel *kernel);
void kernel_save(struct kernel *kernel);
void kernel_clear(struct kernel *kernel);
void kernel_begin_anew(struct kernel *kernel); /* streams; the trace itself is begun next: */
int kernel_begin_trace(struct kernel *kernel);
int kernel_check_readable(struct kernel *kernel); /* an error: there is no metadata, and cannot be written any */
uint64_t kernel_metadata_bytes(const struct kernel *kernel);
