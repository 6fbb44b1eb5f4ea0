/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The text that describes a trace of the kernel, in TSDL of CTF 1.8: what
 * differs there from a trace of applications (consumer/metadata.h). Everything
 * that the kernel named was checked. Each function appends, or fails with
 * -ENOMEM.
 */

#include "consumer/kernel-format.h"
#include "consumer/session.h"
#include "consumer/text.h"

/* These say what there was when the trace began; LTTng's numbers for states. */
enum kernel_statedump_id {
        KERNEL_STATEDUMP_START = 65000, /* no kernel has as many events */
        KERNEL_STATEDUMP_PROCESS,
        KERNEL_STATEDUMP_END,
};

int kernel_metadata_env(struct text *text, const struct session *session);

/* clock: its name in the trace. */
int kernel_metadata_header(struct text *text, const char *clock);

/* A stream class, and its events that describe processes. */
int kernel_metadata_stream(struct text *text, uint32_t stream);

/* fields: in the order of the trace. */
int kernel_metadata_event(struct text *text, uint32_t stream, uint32_t id, const char *system, const char *event,
                          const struct kernel_field *const *fields, unsigned n);
