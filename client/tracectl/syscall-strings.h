/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the paths of system calls point to: the kernel records their addresses
 * alone. For the time of a recording by somebody who may (CAP_BPF), two small BPF
 * programs follow the recorded command and its children, and print the strings
 * (bpf_trace_printk) of calls into the kernel's event of that name, which is recorded
 * as any other, in its place in time: "tracectl0 NAME" and "tracectl1 NAME", the first and
 * the second of a call; "tracectl=FD FD", the descriptors that pipe() and socketpair() made; and
 * of each new thread "tracectl+THREAD PROCESS", as the kernel numbers them. They go with the process that has them.
 */

#include <stdbool.h>
#include <stdint.h>

struct syscall_strings {
        int fds[8]; /* maps, programs and what they are attached by; -1: none */
        uint64_t cookie;
        bool restores; /* the event was off in the machine's own buffer */
};

#define SYSCALL_STRINGS_NULL { .fds = { -1, -1, -1, -1, -1, -1, -1, -1 } }

/* By which a process says that it is meant: known before it is made. */
int syscall_strings_prepare(struct syscall_strings *ret);

/*
 * Before the events are enabled, so that a string precedes the end of its call. Who has the event of bpf_trace_printk
 * recorded elsewhere gets our strings as well: root alone can. -EOPNOTSUPP: not on this processor.
 */
int syscall_strings_begin(struct syscall_strings *strings);

/* After that: puts the machine's own buffer back, which the kernel changes a little later; some milliseconds at most. */
void syscall_strings_settle(const struct syscall_strings *strings);

/* In the process that is to be followed, with its children; it does nothing before syscall_strings_begin(). */
void syscall_strings_follow_me(const struct syscall_strings *strings);

void syscall_strings_done(struct syscall_strings *strings);
