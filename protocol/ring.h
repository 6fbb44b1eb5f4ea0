/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The ring: what writers (tracer/) and readers (consumer/) agree on.
 *
 * A ring set is one memory file with a ring for every possible CPU, mapped
 * read-write by the applications of one compartment and by the consumer, and a
 * second one, the positions, which applications can only read. tracingd makes
 * both and fills in the headers before anybody else sees them.
 *
 * Positions are 64-bit counts of bytes that never wrap; sub-buffer k is the
 * bytes [k * subbuf_size, (k + 1) * subbuf_size) and lies in slot k % n_subbufs.
 * A record never crosses a sub-buffer.
 *
 * The words of a ring, all in struct ring_cpu:
 *
 *   position   Everything below it is complete, bytes at and beyond it are
 *              never read. The end of the newest record.
 *   meta       RING_META(): the newest record's time, rounded down to
 *              RING_TIME_GRAIN, and its thread. Stored together with position
 *              by one aligned 16-byte instruction: the commit of a record.
 *   last_time  A time not before that of any record below position and not
 *              after that of any later one. Stored before the commit.
 *   limit      The end of the newest sub-buffer that was entered. Entering one
 *              is a commit of its own, before any byte of it is stored;
 *              position follows with the first record.
 *   discarded  Records that were refused, ever.
 *
 * A sub-buffer k is closed once limit > (k + 1) * subbuf_size. Its entry in
 * subbuf[] at RING_SUBBUF_INDEX(k) was stored before limit moved. The entries
 * are two laps deep, because a packet begins at its predecessor's end_time, and
 * that must outlive the predecessor's data.
 *
 * In discard mode a writer enters a sub-buffer only when the consumer has taken
 * everything of the one that lay in the same slot. In overwrite mode it enters
 * at once; a copy of sub-buffer k is then good if, after the copy and an
 * acquire fence, limit <= (k + n_subbufs) * subbuf_size.
 *
 * Two forms of writers, never in the same ring set: restartable sequences on
 * the ring of the CPU they run on, or (RING_LOCKED, in a ring set that one
 * process has for itself) under a try-lock on any of the rings.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/later.h"

#define RING_MAGIC UINT32_C(0x474e4952)
#define RING_MAJOR 1
#define RING_MINOR (1 + LATER_MINOR)

#define RING_SUBBUF_SIZE_MIN UINT64_C(4096)
#define RING_SUBBUF_SIZE_MAX (UINT64_C(16) << 20)
#define RING_SUBBUFS_MIN 2
#define RING_SUBBUFS_MAX 4096
#define RING_CPUS_MAX 4096

enum ring_flags {
        RING_OVERWRITE = 1 << 0, /* the newest wins; otherwise discard */
        RING_LOCKED = 1 << 1,    /* one process's own, written under ring_cpu.lock */
        RING_ORDERED = 1 << 2,   /* VIEW_RING_ORDERED from the first record on: for the trace alone */
};

/* The first page of the ring memory file. Constant but for wake. */
struct ring_header {
        uint32_t magic;
        uint16_t major, minor;
        uint32_t header_size;
        uint32_t flags;        /* enum ring_flags */
        uint32_t clock;        /* enum trace_clock */
        uint32_t n_cpus;
        uint32_t n_subbufs;    /* a power of two */
        uint32_t reserved;
        uint64_t subbuf_size;  /* a power of two */
        uint64_t cpu_offset;   /* of struct ring_cpu of CPU 0 */
        uint64_t cpu_stride;
        uint64_t data_offset;  /* of the data of CPU 0; n_subbufs * subbuf_size each */
        uint64_t total_size;
        uint64_t created;      /* trace clock; where sub-buffer 0 begins */

        /* Futex. A writer that finds the consumer asleep adds one and wakes it. */
        uint32_t wake __attribute__((aligned(256)));
        LATER_MEMBER
};

/* How a sub-buffer was left. */
struct ring_subbuf {
        uint64_t end;       /* position of its last byte, plus one */
        uint64_t end_time;  /* trace clock */
        uint64_t discarded; /* ring_cpu.discarded at that moment */
        uint64_t sequence;  /* its number, plus one; a hint that spares readers the hot line */
};

struct ring_commit {
        uint64_t position;
        uint64_t meta;
} __attribute__((aligned(16)));

struct ring_cpu {
        struct ring_commit commit __attribute__((aligned(64)));
        uint64_t last_time;
        uint64_t limit;
        uint64_t discarded;
        uint32_t lock; /* RING_LOCKED: the tid of the writer, or 0 */
        uint32_t reserved;
        struct ring_subbuf subbuf[] __attribute__((aligned(64)));
};

/*
 * The positions memory file: written by the consumer, read-only for writers.
 * Behind cpu[n_cpus] there are RING_OWN_SIZE bytes a CPU (since minor version 1)
 * in which the consumer keeps what its successor must know; they are nobody
 * else's.
 */
#define RING_OWN_SIZE 512

struct ring_positions {
        uint32_t magic;
        uint16_t major, minor;
        uint32_t n_cpus;
        uint32_t sleeping; /* 1 while the consumer may be waiting on ring_header.wake */
        struct {
                uint64_t consumed __attribute__((aligned(64)));
        } cpu[];
};

#define RING_TID_BITS 22
#define RING_TID_MASK ((UINT64_C(1) << RING_TID_BITS) - 1)
#define RING_TIME_GRAIN (UINT64_C(1) << RING_TID_BITS)
#define RING_META(time, tid) (((time) & ~RING_TID_MASK) | ((uint64_t) (tid) & RING_TID_MASK))

#define RING_SUBBUF_INDEX(header_n_subbufs, k) ((k) & (2 * (uint64_t) (header_n_subbufs) - 1))

/* A ring set as one process has mapped it; every number here is private and was checked. */
struct ring_geometry {
        uint32_t flags;
        uint32_t clock;
        uint32_t n_cpus;
        uint32_t n_subbufs;
        uint64_t subbuf_size;
        uint64_t cpu_offset;
        uint64_t cpu_stride;
        uint64_t data_offset;
        uint64_t total_size;
        uint64_t positions_size;
        uint64_t own_offset; /* in the positions file */
        uint64_t created;
};

/*
 * Computes the layout of a ring set. -EINVAL where the sizes are no powers of
 * two or out of bounds. ret->created is left 0.
 */
int ring_geometry_init(struct ring_geometry *ret, uint32_t flags, uint32_t clock, uint32_t n_cpus, uint32_t n_subbufs,
                       uint64_t subbuf_size);

/*
 * Fills in freshly allocated (zero) memory of total_size and positions_size
 * bytes. created is the trace clock's time now.
 */
void ring_format(const struct ring_geometry *geometry, uint64_t created, void *ring, void *positions);

/*
 * Reads the geometry out of a mapped ring header and checks it against the
 * sizes of the two files, of the positions as far as writers need them.
 * -EPROTONOSUPPORT for another major version, -EBADMSG where it makes no sense.
 * Every word is read once.
 */
int ring_geometry_load(const void *ring, uint64_t ring_size, uint64_t positions_size, struct ring_geometry *ret);

static inline struct ring_cpu *ring_cpu_at(const struct ring_geometry *g, void *ring, uint32_t cpu) {
        return (struct ring_cpu *) ((char *) ring + g->cpu_offset + cpu * g->cpu_stride);
}

static inline char *ring_data_at(const struct ring_geometry *g, void *ring, uint32_t cpu) {
        return (char *) ring + g->data_offset + cpu * g->n_subbufs * g->subbuf_size;
}

/* The consumer's own of a CPU; the positions are positions_size bytes. */
static inline void *ring_own_at(const struct ring_geometry *g, void *positions, uint32_t cpu) {
        return (char *) positions + g->own_offset + (uint64_t) cpu * RING_OWN_SIZE;
}
