/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One processor's pipe of a channel whose events are filtered: sub-buffers are read, held until nothing can come any
 * more that decides about them, filtered and passed on. The reader's one thread.
 */

#include <sys/queue.h>

#include "consumer/own-page.h"

struct own_classes {
        struct own_class **by_id;
        uint32_t n;
};

struct own_channel {
        LIST_ENTRY(own_channel) entries;
        uint32_t stream;
        struct kernel_layout layout;
        struct own_classes classes;
        struct own_cpu *cpus;
        uint32_t n_cpus;
};

/* A sub-buffer as it was read. */
struct own_held {
        STAILQ_ENTRY(own_held) entries;
        uint64_t last; /* time of its last record */
        char data[];
};

struct own_cpu {
        struct own_channel *channel;
        int pipe, stats, to, counts;
        STAILQ_HEAD(, own_held) held;
        unsigned n_held;
        uint64_t last;    /* of what was read */
        uint64_t covered; /* everything up to this time was read */
        uint64_t lost, doubtful; /* by the kernel; by us */
        bool counted;            /* and told */
        struct own_page out; /* that waits for room in the socket, or is being filled */
        struct own_held *at; /* that is being filtered, from offset on, at this time */
        const char *next;
        uint64_t time;
        bool blocked;
};

/* Of memory that is zero, and of which the page need not be touched before there is something for it. */
void own_cpu_init(struct own_cpu *cpu, struct own_channel *channel);
void own_cpu_done(struct own_cpu *cpu);

/* What a record tells of threads, in the order of its pipe. -errno ends the reading. */
typedef int (*own_follow_t)(const struct own_class *class, const char *record, uint64_t time, void *userdata);

/* Reads up to this time, or as much as can be held. Whether there was something. */
bool own_cpu_read(struct own_cpu *cpu, uint64_t now, own_follow_t follow, void *userdata);

/* Passes on what is not after the horizon. false: not all of it, the receiver is slow. */
bool own_cpu_pass(struct own_cpu *cpu, const struct own_threads *threads, uint64_t horizon);

/* Whether the kernel has lost something since the last time. */
bool own_cpu_has_lost(struct own_cpu *cpu);

/* Tells the kernel's counts of what was lost, and ours. */
void own_cpu_count(struct own_cpu *cpu);
