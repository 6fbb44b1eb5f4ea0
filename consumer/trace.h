/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A trace directory: one UUID and one metadata file. A ring set has one for the
 * time it lives; a named snapshot of it is another. Metadata comes from text in
 * memory and is written whole pieces at a time, as far as the output lets us;
 * nothing that needs it is written before. Owned by a set; one thread.
 */

#include "consumer/file.h"
#include "consumer/metadata.h"

struct trace {
        struct session *session;
        const struct metadata_set *set;
        const struct text *classes; /* the set's: stream and event classes */
        struct text preamble;
        struct file metadata;
        uint8_t uuid[16];
        char snapshot[CONSUMER_NAME_MAX]; /* "": in the output itself */
};

/* Nothing is written yet. The pointers must outlive the trace. */
int trace_init(struct trace *trace, struct session *session, const struct metadata_set *set,
               const struct text *classes, const char *snapshot);
void trace_done(struct trace *trace);

/* Brings the metadata file up to date. 0, or the -errno of the output. */
int trace_sync(struct trace *trace);

/* Opens a new file of this trace. channel is NULL and cpu 0 for metadata. */
int trace_open(struct trace *trace, enum request_kind kind, const char *channel, uint32_t cpu, struct file *ret);
