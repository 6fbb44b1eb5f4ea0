/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/tracectl/monitor-print.h"
#include "client/tracectl/text.h"
#include "common/cleanup.h"

static const char *const changes[] = {
        [TRACECTL_CHANGE_ADDED] = "added",         [TRACECTL_CHANGE_REMOVED] = "removed",
        [TRACECTL_CHANGE_CHANGED] = "changed",     [TRACECTL_CHANGE_FAILED] = "failed",
        [TRACECTL_CHANGE_STOPPED] = "stopped",     [TRACECTL_CHANGE_FOLLOWING] = "following",
        [TRACECTL_CHANGE_LOST] = "lost",
};

/* Local time of the day for people, all of it in UTC for programs. */
static int format_time(bool is_whole, char buffer[static 64]) {
        struct timespec now;
        struct tm tm;
        size_t n;

        clock_gettime(CLOCK_REALTIME, &now);
        if (!(is_whole ? gmtime_r(&now.tv_sec, &tm) : localtime_r(&now.tv_sec, &tm)))
                return -EOVERFLOW;
        n = is_whole ? strftime(buffer, 64, "%FT%T", &tm) : strftime(buffer, 64, "%T", &tm);
        snprintf(buffer + n, 64 - n, ".%06li%s", now.tv_nsec / 1000, is_whole ? "Z" : "");
        return 0;
}

/* Members that are there where they have something to say. */
static int add_object(json_t *json, const tracectl_notice *notice) {
        const char *session = tracectl_notice_get_session(notice);
        const tracectl_value *values = tracectl_notice_get_values(notice);
        int r = json_object_set_new(json, "path", json_from_text(tracectl_notice_get_path(notice)));

        if (r >= 0 && session) {
                r = json_object_set_new(json, "session", json_from_text(session));
                if (r >= 0)
                        r = json_object_set_new(json, "owner", json_from_number(tracectl_notice_get_owner(notice)));
        }
        if (r >= 0 && values)
                r = json_object_set_new(json, "values", json_from_value(values));
        return r;
}

static int print_json(const tracectl_notice *notice, const char *change, enum json_mode mode) {
        json_t *json = json_object();
        char now[64];
        int r;

        r = format_time(true, now);
        if (r >= 0 && (!json || json_object_set_new(json, "time", json_from_text(now)) < 0 ||
                       json_object_set_new(json, "change", json_from_text(change)) < 0 ||
                       json_object_set_new(json, "kind", json_from_text(tracectl_notice_get_kind(notice))) < 0 ||
                       add_object(json, notice) < 0))
                r = -ENOMEM;
        if (r < 0) {
                json_decref(json);
                return r;
        }
        return json_print(mode, json) == 0 ? 0 : -ENOMEM;
}

static int print_value(const char *key, const tracectl_value *value);

static int print_items(const tracectl_value *value) {
        int r = 0;

        for (size_t i = 0; i < tracectl_value_get_size(value) && r >= 0; i++) {
                const char *key = tracectl_value_get_key(value, i);

                if (!key && i > 0)
                        putchar(',');
                r = print_value(key, tracectl_value_get_item(value, i));
        }
        return r;
}

static int print_value(const char *key, const tracectl_value *value) {
        _cleanup_free_ char *name = text_escaped_copy(key ?: ""), *text = NULL;

        if (!name)
                return -ENOMEM;
        if (key)
                printf(" %s=", name);
        switch (tracectl_value_get_type(value)) {
        case TRACECTL_BOOLEAN:
                fputs(tracectl_value_get_boolean(value) ? "yes" : "no", stdout);
                return 0;
        case TRACECTL_NUMBER:
                printf("%" PRIu64, tracectl_value_get_number(value));
                return 0;
        case TRACECTL_STRING:
                text = text_escaped_copy(tracectl_value_get_string(value));
                if (!text)
                        return -ENOMEM;
                printf(strpbrk(text, " =,") ? "\"%s\"" : "%s", text);
                return 0;
        default:
                return print_items(value);
        }
}

/* What says nothing more than the path does, or nothing at all, is left out. */
static bool is_shown(const char *key, const tracectl_value *value) {
        static const char *const known[] = { "name", "owner", "domain", "channel" };

        for (size_t i = 0; i < ARRAY_SIZE(known); i++)
                if (strcmp(known[i], key) == 0)
                        return false;
        if (tracectl_value_get_type(value) == TRACECTL_STRING)
                return *tracectl_value_get_string(value) != '\0';
        return tracectl_value_get_type(value) < TRACECTL_ARRAY || tracectl_value_get_size(value) > 0;
}

/* "shop", "shop/channel/user/main", "application/7". */
static int print_name(const tracectl_notice *notice) {
        const char *session = tracectl_notice_get_session(notice), *path = tracectl_notice_get_path(notice);
        _cleanup_free_ char *name = NULL;

        if (session) {
                name = text_escaped_copy(session);
                if (!name)
                        return -ENOMEM;
                printf(" %s", name);
                /* Behind /org/tracectl/Tracing1/session/UID/NAME. */
                for (int i = 0; i < 6 && path; i++)
                        path = strchr(path + 1, '/');
        } else {
                const char *slash = strrchr(path, '/');

                path = slash && strcmp(tracectl_notice_get_kind(notice), "service") != 0 ? slash + 1 : NULL;
                if (path)
                        putchar(' ');
        }
        if (!path)
                return 0;
        free(TAKE_PTR(name));
        name = text_escaped_copy(path);
        if (!name)
                return -ENOMEM;
        fputs(name, stdout);
        return 0;
}

static int print_text(const tracectl_notice *notice, const char *change) {
        const tracectl_value *values = tracectl_notice_get_values(notice);
        char now[64];
        int r;

        r = format_time(false, now);
        if (r < 0)
                return r;
        printf("%s  %-9s  %-11s", now, change, tracectl_notice_get_kind(notice));
        r = print_name(notice);
        for (size_t i = 0; i < tracectl_value_get_size(values) && r >= 0; i++) {
                const char *key = tracectl_value_get_key(values, i);

                if (key && is_shown(key, tracectl_value_get_item(values, i)))
                        r = print_value(key, tracectl_value_get_item(values, i));
        }
        putchar('\n');
        return r;
}

int monitor_print(const tracectl_notice *notice, enum json_mode mode) {
        enum tracectl_change change = tracectl_notice_get_change(notice);
        int r;

        /* A later service tells of more than this program knows. */
        if ((size_t) change >= ARRAY_SIZE(changes))
                return 0;
        r = mode == JSON_MODE_OFF ? print_text(notice, changes[change]) : print_json(notice, changes[change], mode);
        if (r < 0)
                return r;
        return fflush(stdout) == 0 ? 0 : -EIO;
}
