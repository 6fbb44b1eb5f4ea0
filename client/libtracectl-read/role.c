/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "client/libtracectl-read/compiler.h"

static const struct {
        enum root root;
        const char *name;
        enum role role;
} roles[] = {
        { ROOT_PACKET_HEADER, "magic", ROLE_MAGIC },
        { ROOT_PACKET_HEADER, "uuid", ROLE_UUID },
        { ROOT_PACKET_HEADER, "stream_id", ROLE_STREAM_ID },
        { ROOT_PACKET_CONTEXT, "timestamp_begin", ROLE_BEGIN },
        { ROOT_PACKET_CONTEXT, "timestamp_end", ROLE_END },
        { ROOT_PACKET_CONTEXT, "content_size", ROLE_CONTENT_SIZE },
        { ROOT_PACKET_CONTEXT, "packet_size", ROLE_PACKET_SIZE },
        { ROOT_PACKET_CONTEXT, "packet_seq_num", ROLE_SEQUENCE },
        { ROOT_PACKET_CONTEXT, "events_discarded", ROLE_DISCARDED },
        { ROOT_PACKET_CONTEXT, "cpu_id", ROLE_CPU },
        { ROOT_EVENT_HEADER, "id", ROLE_ID },
        { ROOT_EVENT_HEADER, "timestamp", ROLE_TIME },
        { ROOT_STREAM_EVENT_CONTEXT, "vpid", ROLE_PID },
        { ROOT_STREAM_EVENT_CONTEXT, "pid", ROLE_PID },
        { ROOT_STREAM_EVENT_CONTEXT, "vtid", ROLE_TID },
        { ROOT_STREAM_EVENT_CONTEXT, "tid", ROLE_TID },
        { ROOT_EVENT_FIELDS, "pid", ROLE_PID }, /* of tracectl:thread alone */
        { ROOT_EVENT_FIELDS, "tid", ROLE_TID },
};

static int find_clock(struct compiler *compiler, const char *name, const struct clock **ret) {
        for (const struct clock *clock = compiler->metadata->clocks; clock; clock = clock->next)
                if (strcmp(clock->name, name) == 0) {
                        *ret = clock;
                        return 0;
                }
        return compiler_fail(compiler, "there is no clock '%s'", name);
}

int role_find(struct compiler *compiler, const char *name, const struct type *integer, enum role *ret) {
        enum role role = ROLE_NONE;
        const struct clock *clock = NULL;
        int r;

        for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
                if (roles[i].root == compiler->root && strcmp(roles[i].name, name) == 0)
                        role = roles[i].role;
        if (compiler->root == ROOT_EVENT_FIELDS && !compiler->event->is_thread)
                role = ROLE_NONE;

        if (integer && integer->integer.clock && compiler->stream) {
                r = find_clock(compiler, integer->integer.clock, &clock);
                if (r < 0)
                        return r;
                if (!compiler->stream->clock || compiler->root == ROOT_EVENT_HEADER)
                        compiler->stream->clock = clock;
                if (compiler->root == ROOT_EVENT_HEADER)
                        role = ROLE_TIME;
        }
        *ret = role;
        return 0;
}
