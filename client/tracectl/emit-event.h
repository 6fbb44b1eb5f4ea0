/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An event that a command line describes: its name, and fields as NAME=VALUE or NAME:TYPE=VALUE. */

#include <stdint.h>

#include "client/tracectl/tracepoints.h"

#define EMIT_FIELDS_MAX 32

struct emit_event {
        struct tracectl_event event; /* points into this */
        char *provider;              /* a copy, with the name behind it */
        struct tracectl_field fields[EMIT_FIELDS_MAX];
        char *names[EMIT_FIELDS_MAX]; /* copies */
        union {
                int64_t i;
                uint64_t u;
                double d;
        } values[EMIT_FIELDS_MAX];
        struct tracectl_span spans[EMIT_FIELDS_MAX];
};

/* "provider:name". 0, or the exit status when it has said what is wrong. */
int emit_event_set_name(struct emit_event *event, const char *text);

/* The same with a field; of a text, the value stays in text. */
int emit_event_add_field(struct emit_event *event, const char *text);

void emit_event_done(struct emit_event *event);
