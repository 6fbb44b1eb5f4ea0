/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A trace directory: one UUID and one metadata file. A ring set has one at a
 * time, of one UUID; a named snapshot of it is another. Metadata comes from text in
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
        bool reopen;               /* our predecessor has made the file, perhaps */
        bool longer;               /* it may have more than we know yet */
        struct counters *counters; /* where its bytes are counted */
        uint8_t uuid[16];
        char snapshot[CONSUMER_NAME_MAX]; /* "": in the output itself */
};

/* Nothing is written yet. The pointers must outlive the trace. uuid NULL: a random one. */
int trace_init(struct trace *trace, struct session *session, const struct metadata_set *set,
               const struct text *classes, const uint8_t uuid[16], const char *snapshot);
void trace_done(struct trace *trace);

/* As stream_file_begin_anew(). */
void trace_begin_anew(struct trace *trace);

/* All of the metadata that a predecessor wrote is known again: what it has beyond is half a piece. */
void trace_cut(struct trace *trace);

/* Brings the metadata file up to date. 0, or the -errno of the output. */
int trace_sync(struct trace *trace);

/* Opens a new file of this trace, or an existing one. channel is NULL and cpu 0 for metadata. */
int trace_open(struct trace *trace, enum request_kind kind, const char *channel, uint32_t cpu, bool existing,
               struct file *ret);
