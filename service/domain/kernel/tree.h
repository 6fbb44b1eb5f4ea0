/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A process with its threads and all that descends from it, as the kernel
 * numbers them in its records and its set_event_pid: as the machine's first
 * namespace does, whichever one this tracingd is in. Any thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "service/registry/process.h"

/*
 * Where a tracingd in a container finds a proc file system of the machine's
 * first process namespace, if its administrator has mounted one there.
 */
#define TREE_MACHINE_PROC "/run/tracectl/proc"

struct tree_thread {
        int32_t pid, tid; /* the same: a process's first */
};

struct tree {
        int proc;
        int32_t root;
        struct tree_thread *threads;
        size_t n, room;
};

/* The proc file system that has the kernel's numbers. -EXDEV: there is none here. */
int tree_open_proc(void);

/* Looks for the process. -ESRCH: it is gone; -EXDEV: its number in the kernel cannot be known here. */
int tree_init(struct tree *t, const struct process *process);
void tree_done(struct tree *t);

/* Finds the threads that there are now; *ret_first is the index of the first that was not known. */
int tree_grow(struct tree *t, size_t *ret_first);
