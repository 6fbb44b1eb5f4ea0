/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * tracingd's part of the kernel domain for tests: an instance of tracefs, in a
 * mount namespace of the test's own, and the messages that bring it to the
 * consumer. Needs root and a kernel with tracefs.
 */

#include <stdbool.h>

#include "play-tracingd.h"

#define PLAY_KERNEL_SET UINT64_C(0x6b65726e656c)

struct play_kernel {
        char *instance; /* its directory */
        uint32_t n_cpus, subbuf_size;
        uint64_t buffer_size;
        int scratch_fd;
};

struct play_kernel_options {
        unsigned buffer_kb;      /* of each CPU */
        unsigned subbuf_kb;      /* 0: as the kernel has it */
        const char *clock;       /* NULL: mono */
        bool overwrite;
};

/* Whether there is a tracefs to work with; skips the present test where not. */
bool play_kernel_works(void);

void play_kernel_new(struct play_kernel *k, const struct play_kernel_options *options);
void play_kernel_done(struct play_kernel *k);

/* Writes to a file of the instance, which for lists means to add; returns whether the kernel took it. */
bool play_kernel_try(const struct play_kernel *k, const char *path, const char *value);
void play_kernel_write(const struct play_kernel *k, const char *path, const char *value);
char *play_kernel_read(const struct play_kernel *k, const char *path);

/* KERNEL, with descriptions of these events ("system/name", NULL at the end), and KERNEL_CPUS. The first answer that is no 0. */
int play_kernel_send(struct play *p, const struct play_kernel *k, uint32_t stream, const char *channel,
                     const char *const *events);

/* KERNEL_EVENTS. */
int play_kernel_describe(struct play *p, const struct play_kernel *k, uint32_t stream, const char *const *events);

/* The descriptions' text, which begins with the two headers where first is set. */
GString *play_kernel_descriptions(const struct play_kernel *k, const char *const *events, bool first);

/* What the kernel has counted as lost on all processors, and as written. */
uint64_t play_kernel_lost(const struct play_kernel *k);

/* The calling thread stays on this processor. */
void play_kernel_pin(unsigned cpu);
