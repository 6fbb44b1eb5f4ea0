/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Kinds of processes, for kinds.c: each does what it is about, given the program's own path. */

#include <sys/types.h>

/* Says what did not work, and ends. */
void check(int ok, const char *what);

/* The child must end well. */
void wait_for(pid_t pid);

void threads_come(const char *self);
void start_by_vfork(const char *self);
void start_by_clone(const char *self);
void leave_namespaces(const char *self);
void live_without_rseq(const char *self);
void live_without_membarrier(const char *self);
void serve(const char *self);
void emit_texts(const char *self);
