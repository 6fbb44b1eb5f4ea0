/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "client/libtracectl/connection.h"
#include "client/libtracectl/notice.h"

const char *notice_kind_of(const char *interface) {
        static const struct {
                const char *interface, *kind;
        } kinds[] = {
                { TRACECTL_INTERFACE "Session", "session" },
                { TRACECTL_INTERFACE "Channel", "channel" },
                { TRACECTL_INTERFACE "Event", "event" },
                { TRACECTL_INTERFACE "Application", "application" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                if (strcmp(kinds[i].interface, interface) == 0)
                        return kinds[i].kind;
        return NULL;
}

enum tracectl_change tracectl_notice_get_change(const tracectl_notice *notice) {
        return notice->change;
}

const char *tracectl_notice_get_kind(const tracectl_notice *notice) {
        return notice->kind;
}

const char *tracectl_notice_get_path(const tracectl_notice *notice) {
        return notice->path;
}

const tracectl_value *tracectl_notice_get_values(const tracectl_notice *notice) {
        return notice->values;
}
