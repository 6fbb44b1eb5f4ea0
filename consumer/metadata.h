/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The text that describes a trace to its readers: TSDL of CTF 1.8. Everything
 * that others named was checked to be an identifier or is made printable; names
 * of fields are made unique, since two of the same name would make the whole
 * trace unreadable. Each function appends to text, or fails with -ENOMEM.
 */

#include <stdbool.h>

#include "consumer/session.h"
#include "consumer/text.h"
#include "protocol/context.h"
#include "protocol/definitions.h"

/* Whose trace it is: one ring set of the session, or the kernel. */
struct metadata_set {
        bool kernel; /* all else is 0 then */
        uint32_t uid;
        uint32_t word_size;
        int32_t pid; /* 0: shared by several processes */
        char name[CONSUMER_NAME_MAX];
};

/* Trace, environment, clock and types: the beginning. */
int metadata_preamble(struct text *text, const struct session *session, const struct metadata_set *set,
                      const uint8_t uuid[16]);

/*
 * A stream class and its tracectl:thread. ordered (RING_ORDERED): the environment says of the stream N that
 * stream_N_clock is "ordered".
 */
int metadata_stream(struct text *text, uint32_t stream, bool ordered);

/* contexts: of the stream; app: what those of its application are. */
int metadata_event(struct text *text, uint32_t stream, uint32_t id, const struct context_set *contexts,
                   const struct app_contexts *app, const struct definition *definition);
