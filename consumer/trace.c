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
               const struct text *classes, const char *snapshot) {
        int r;

        *trace = (struct trace) {
                .session = session,
                .set = set,
                .classes = classes,
                .metadata = FILE_INIT,
        };
        memcpy(trace->snapshot, snapshot, strlen(snapshot) + 1);
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

int trace_open(struct trace *trace, enum request_kind kind, const char *channel, uint32_t cpu, struct file *ret) {
        struct request request = { .kind = kind, .uid = trace->set->uid, .cpu = cpu };
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

/* The file is preamble and classes; its size tells how much of them it has. */
static int append_missing(struct trace *trace) {
        uint64_t preamble = trace->preamble.size, done = trace->metadata.size;
        uint64_t skip = done > preamble ? done - preamble : 0;
        struct iovec iov[2];
        int r;

        if (trace->metadata.fd < 0) {
                r = trace_open(trace, REQUEST_METADATA, NULL, 0, &trace->metadata);
                if (r < 0)
                        return r;
        }
        iov[0] = (struct iovec) { trace->preamble.data, done == 0 ? preamble : 0 };
        iov[1] = (struct iovec) { trace->classes->data + skip, trace->classes->size - skip };
        r = file_append(&trace->metadata, iov, 2);
        if (r < 0)
                return r;
        status_add(&trace->session->output.status->bytes, trace->metadata.size - done);
        return 0;
}

int trace_sync(struct trace *trace) {
        int r;

        if (trace->metadata.size == trace->preamble.size + trace->classes->size)
                return 0;
        r = append_missing(trace);
        status_set_output(trace->session->output.status, r);
        return r;
}
