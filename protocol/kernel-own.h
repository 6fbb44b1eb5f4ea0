/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The protocol between tracingd and the reader of a session that follows its owner's own processes in the kernel.
 * What the kernel's rings hold then is not the owner's alone, so a process of the service's user reads them, and
 * passes on what is his. Framing as in protocol/consumer.h; one message is answered (CONSUMER_ACK) before the next is
 * sent. The reader is the consumer's program, which is told apart by its first message, OWN.
 *
 *   OWN          first message. + a socket where the reader asks, by a datagram of one byte, for OWN_HOLD and
 *                OWN_THREADS: something was lost that decides, or a program was executed that may have other rights.
 *   OWN_CHANNEL  an instance of tracefs comes. + descriptions: as those of CONSUMER_KERNEL, then those events that
 *                tell what becomes of threads (sched_process_fork, _exec, _exit), which are passed on only if they are
 *                in an OWN_EVENTS too.
 *   OWN_CPU      one of its processors. + trace_pipe_raw (O_RDONLY | O_NONBLOCK), stats, the socket where filtered
 *                sub-buffers go (one a datagram, as read() of the pipe would return them), and a file for counts of
 *                the form of stats.
 *   OWN_EVENTS   events that are to be passed on. + descriptions.
 *   OWN_HOLD     from now on nothing is decided until OWN_THREADS. Sent when the events that tell of threads are
 *                recorded, and before anybody looks whose the threads are.
 *   OWN_THREADS  + a constant memory file of struct own_thread: the threads that are the owner's, and have been since
 *                OWN_HOLD; no others are, and none without the file. Where something was lost since, it says nothing, and the reader has asked
 *                again.
 *   OWN_FLUSH    answered when everything that the kernel has recorded up to now was passed on.
 *   hang-up      as OWN_FLUSH, for at most a few seconds; then the reader ends.
 */

#include "protocol/consumer.h"

enum own_type {
        OWN = 64,
        OWN_CHANNEL,
        OWN_CPU,
        OWN_EVENTS,
        OWN_HOLD,
        OWN_THREADS,
        OWN_FLUSH,
};

/* What one datagram of a filtered sub-buffer can have. */
#ifdef TRACECTL_FUZZ
#define OWN_PAGE_MAX 8192
#else
#define OWN_PAGE_MAX 65536
#endif
#define OWN_CHANNELS_MAX 32
#define OWN_CPUS_MAX 4096
#define OWN_THREADS_MAX (1 << 20)

/* Bytes of the largest message of any version. */
#define OWN_MESSAGE_MAX 512

/* All messages. Other members than those that a comment names are 0. */
struct own_message {
        struct consumer_header header;
        uint32_t clock;       /* OWN: enum trace_clock of the records */
        uint32_t stream;      /* OWN_CHANNEL, OWN_CPU, OWN_EVENTS: which channel */
        uint32_t subbuf_size; /* OWN_CHANNEL */
        uint32_t n_cpus;      /* OWN_CHANNEL */
        uint32_t cpu;         /* OWN_CPU */
        uint32_t reserved;
        LATER_MEMBER
};

/* Threads as the kernel numbers them in its records. */
struct own_thread {
        int32_t tid;
        uint32_t bound; /* 1: nothing that it executes can give it other rights (no_new_privs) */
};
