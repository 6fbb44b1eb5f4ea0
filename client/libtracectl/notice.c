/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdbool.h>
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

/* The session that a path is of or below. */
static bool find_session(tracectl_notice *notice) {
        static const char prefix[] = TRACECTL_ROOT "/session/";
        _cleanup_free_ char *copy = NULL, *uid = NULL;
        char *slash, *end;

        if (notice->session)
                return true;
        if (strncmp(notice->path, prefix, strlen(prefix)) != 0)
                return false;
        copy = strdup(notice->path);
        slash = copy ? strchr(copy + strlen(prefix), '/') : NULL;
        if (!slash)
                return false;
        slash[1 + strcspn(slash + 1, "/")] = '\0';
        if (sd_bus_path_decode_many(copy, TRACECTL_ROOT "/session/%/%", &uid, &notice->session) <= 0)
                return false;
        errno = 0;
        notice->owner = (uint32_t) strtoul(uid, &end, 10);
        if (errno == 0 && *uid && !*end)
                return true;
        free(TAKE_PTR(notice->session));
        return false;
}

const char *tracectl_notice_get_session(const tracectl_notice *notice) {
        return find_session((tracectl_notice *) notice) ? notice->session : NULL;
}

uint32_t tracectl_notice_get_owner(const tracectl_notice *notice) {
        return find_session((tracectl_notice *) notice) ? notice->owner : (uint32_t) -1;
}

void notice_done(tracectl_notice *notice) {
        free(TAKE_PTR(notice->session));
}
