/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Processes as the kernel knows them, whether they are applications or not. A
 * number means another process one day; a process is known by its number
 * together with its identity. Any thread; nothing here waits.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROCESS_LINEAGE_MAX 64

struct process {
        pid_t pid;
        uint64_t identity; /* that no other process of this number has, until the machine is started anew */
};

static inline bool process_is_same(const struct process *a, const struct process *b) {
        return a->pid == b->pid && a->identity == b->identity;
}

/* The process that has this number now, and its effective uid. -ESRCH where there is none. */
int process_find(pid_t pid, struct process *ret, uid_t *ret_uid);

/*
 * The processes that a process descends from: its parent first, as far as they
 * live and can be seen from here. Where a process of the line has ended, the
 * kernel has given its children another parent: a subreaper, which is an
 * ancestor too, or the first process. So the line can be too short, but nobody
 * is in it whom the kernel does not call an ancestor. Returns their number, at
 * most PROCESS_LINEAGE_MAX. -ESRCH.
 */
int process_lineage(const struct process *of, struct process *ret);

/* The path of its executable; the caller frees *ret. -EACCES where it is none of our business. */
int process_executable(pid_t pid, char **ret);
