/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The control groups that applications are in: for each its path and the unit
 * that it belongs to, kept once, however many applications are in it. Found by
 * the kernel's number of it where there is one (Linux 6.13, unified hierarchy),
 * which is never used again, so that nothing has to be read. Counted and
 * constant; any thread. The table keeps some that nobody uses, for the next start
 * of a program.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

#define CONTROL_GROUP_BUCKETS 256

struct control_group {
        atomic_uint refs;
        struct control_group *next; /* in its bucket, which has a reference */
        uint64_t id;                /* the kernel's; 0: not known */
        char *unit;                 /* or NULL */
        char path[];
};

struct control_group_table {
        pthread_mutex_t lock; /* held for lookups only */
        struct control_group *by_id[CONTROL_GROUP_BUCKETS];   /* with a number */
        struct control_group *by_path[CONTROL_GROUP_BUCKETS]; /* without */
        size_t n;
        const char *controller; /* of the line in /proc/PID/cgroup that counts */
        int has_ids;
};

void control_group_table_init(struct control_group_table *table);
void control_group_table_done(struct control_group_table *table);

/*
 * That of a process, which the caller then owns; NULL where nothing is known. The
 * caller makes sure afterwards that the process is still the one that it means.
 */
struct control_group *control_group_get(struct control_group_table *table, pid_t pid, int pidfd);

struct control_group *control_group_unref(struct control_group *g);
