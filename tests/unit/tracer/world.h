/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Two daemons that the test plays, where this process looks for them, and the program between them (program.h). */

#include "tests/unit/tracer/fake-daemon.h"
#include "tests/unit/tracer/program.h"

#define PROGRAM (EVENT_FIXED | EVENT_STRING) /* of program_register() */

struct world {
        char *directory, *system_directory, *user_directory;
        struct fake_daemon system, user;
};

/* The program waits for an answer as long as a test waits for anything: a busy machine is not to be the end of it. */
void world_init(struct world *w);
void world_done(struct world *w);

/* Traces each event once; how many must arrive at either daemon. */
void world_assert_recorded(struct world *w, uint64_t system, uint64_t user);

/* The daemon wants to trace, is registered with, and turns everything on. */
void world_join(struct fake_daemon *f);

/* It wants no more, and ends. */
void world_end(struct fake_daemon *f);

void world_wait_until_enabled(unsigned events);

/* A little at a time, so that everything fits the rings. */
_Noreturn void world_trace_for_ever(void);

/* Threads: program_register(), and the same for the plugin. They return program_enabled(). */
gpointer world_register(gpointer unused);
gpointer world_register_plugin(gpointer unused);

/* One test of world_run_tests(), in a process of its own. */
struct world_test {
        const char *name;
        void (*func)(void);
        bool needs_root;
        bool needs_user_namespace;
        bool needs_ptrace; /* of its children */
        /* There, a child of fork() has no helpers, a process does not end with its last thread, stacks are the sanitizer's. */
        bool not_on_tsan;
};

int world_run_tests(int argc, char **argv, const struct world_test *tests, guint n);
