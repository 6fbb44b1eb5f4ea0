/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "consumer/trace.h"

/* Of version 4, RFC 9562. */
static int random_uuid(uint8_t ret[16]) {
        if (getrandom(ret, 16, 0) != 16)
                return -EIO;
        ret[6] = (ret[6] & 0x0f) | 0x40;
        ret[8] = (ret[8] & 0x3f) | 0x80;
        return 0;
}

int trace_init(struct trace *trace, struct session *session, const struct metadata_set *set,
               const struct text *classes, const uint8_t uuid[16], const char *snapshot) {
        int r = 0;

        *trace = (struct trace) {
                .session = session,
                .set = set,
                .classes = classes,
                .metadata = FILE_INIT,
                .counters = &session->totals,
        };
        memcpy(trace->snapshot, snapshot, strlen(snapshot) + 1);
        if (uuid)
                memcpy(trace->uuid, uuid, sizeof(trace->uuid));
        else
                r = random_uuid(trace->uuid);
        if (r < 0)
                return r;
        r = metadata_preamble(&trace->preamble, session, set, trace->uuid);
        if (r < 0)
                trace_done(trace);
        return r;
}

void trace_done(struct trace *trace) {
        file_done(&trace->metadata);
        text_done(&trace->preamble);
}

/* The clock may be another; without memory for it the trace has the one before. */
static void renew_preamble(struct trace *trace) {
        struct text text = {};

        if (metadata_preamble(&text, trace->session, trace->set, trace->uuid) < 0) {
                text_done(&text);
                return;
        }
        text_done(&trace->preamble);
        trace->preamble = text;
}

void trace_begin_anew(struct trace *trace) {
        file_done(&trace->metadata);
        renew_preamble(trace);
        trace->reopen = trace->longer = false;
}

void trace_cut(struct trace *trace) {
        if (trace->longer)
                file_shrink(&trace->metadata, 0);
        trace->longer = false;
}

int trace_open(struct trace *trace, enum request_kind kind, const char *channel, uint32_t cpu, bool existing,
               struct file *ret) {
        struct request request = { .kind = kind, .uid = trace->set->uid, .cpu = cpu, .existing = existing,
                                   .kernel = trace->set->kernel };
        int fd, r;

        memcpy(request.set, trace->set->name, sizeof(request.set));
        memcpy(request.snapshot, trace->snapshot, sizeof(request.snapshot));
        if (channel)
                memcpy(request.channel, channel, sizeof(request.channel));
        r = output_open(&trace->session->output, &request, &fd);
        if (r < 0)
                return r;
        *ret = (struct file) { .fd = fd };
        return 0;
}

/*
 * A predecessor's file is written again from its beginning, with the same bytes
 * as far as it had got, so that a packet never lacks its class in between.
 */
static int open_metadata(struct trace *trace) {
        int r = -ENOENT;

        if (trace->reopen) {
                r = trace_open(trace, REQUEST_METADATA, NULL, 0, true, &trace->metadata);
                trace->longer = r >= 0;
        }
        if (r == -ENOENT)
                r = trace_open(trace, REQUEST_METADATA, NULL, 0, false, &trace->metadata);
        return r;
}

/* The file is preamble and classes; its size tells how much of them it has. */
static int append_missing(struct trace *trace) {
        uint64_t preamble = trace->preamble.size, done = trace->metadata.size;
        uint64_t skip = done > preamble ? done - preamble : 0;
        struct iovec iov[2];
        int r;

        if (trace->metadata.fd < 0) {
                r = open_metadata(trace);
                if (r < 0)
                        return r;
        }
        iov[0] = (struct iovec) { trace->preamble.data, done == 0 ? preamble : 0 };
        iov[1] = (struct iovec) { trace->classes->data + skip, trace->classes->size - skip };
        r = file_append(&trace->metadata, iov, 2);
        if (r < 0)
                return r;
        trace->counters->bytes += trace->metadata.size - done;
        return 0;
}

int trace_sync(struct trace *trace) {
        int r;

        if (trace->metadata.size == trace->preamble.size + trace->classes->size)
                return 0;
        r = append_missing(trace);
        status_set_output(trace->session->output.status, r);
        session_show(trace->session);
        return r;
}
