/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What file descriptors of processes are, as far as their system calls have told: a file's path, a socket's family, a
 * copy of another. What was open before, or comes from elsewhere (recvmsg, pidfd_getfd), is not known; nor
 * is anything of a process that is not known itself. One that shares its table with its parent without being a thread
 * of it is taken for a copy. All calls of the processes must be told, or what is said may be wrong. Used by one thread.
 */

#include <stdint.h>

#include "client/tracectl/syscalls/names.h"
#include "client/tracectl/text.h"

struct descriptors;

/* A call that has returned. */
struct descriptor_call {
        int32_t pid;
        const char *name;
        const struct syscall_so_far *arguments;
        const int32_t *pair; /* two descriptors that it has made; -1: none */
        const char *file; /* the first name that it was given, or NULL; the size is without a zero */
        size_t file_size;
        int64_t result;
};

/* NULL without memory. */
struct descriptors *descriptors_new(void);
struct descriptors *descriptors_free(struct descriptors *d);

/* Calls were lost: whatever is known may have changed. */
void descriptors_forget(struct descriptors *d);

/* A process has begun as a copy of another; also one whose number was another's before. */
void descriptors_fork(struct descriptors *d, int32_t parent, int32_t child);

/* What a call has changed; one by which a process ends has no result. Where memory is short, less is known. */
void descriptors_take(struct descriptors *d, const struct descriptor_call *call);

/* <WHAT>, or nothing where it is not known. */
void descriptors_add(const struct descriptors *d, struct text *text, int32_t pid, int64_t fd);

/* The same of a call's result, where that is a descriptor. */
void descriptors_add_result(const struct descriptors *d, struct text *text, const struct descriptor_call *call);
