/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/glob.h"
#include "service/domain/kernel/event-list.h"
#include "service/domain/kernel/probe-lines.h"
#include "service/domain/kernel/tracefs.h"

#define NAME_MAX_BOTH 256

void kernel_events_done(struct kernel_events *e) {
        free(e->text);
        free(e->items);
        *e = (struct kernel_events) { 0 };
}

int kernel_events_parse(char *text, struct kernel_events *ret) {
        struct kernel_events e = { .text = text };
        size_t lines = 0;
        char *rest = text, *line, *colon;

        for (const char *p = text; *p; p++)
                lines += *p == '\n';
        e.items = calloc(lines + 1, sizeof(*e.items));
        if (!e.items) {
                kernel_events_done(&e);
                return -ENOMEM;
        }
        while (*rest && e.n < lines + 1) {
                line = strsep(&rest, "\n");
                colon = strchr(line, ':');
                if (colon && strlen(line) < NAME_MAX_BOTH) {
                        *colon = '\0';
                        e.items[e.n++] = (struct kernel_event) { line, colon + 1 };
                }
                if (!rest)
                        break;
        }
        *ret = e;
        return 0;
}

int kernel_events_read(int tracefs, struct kernel_events *ret) {
        char *text;
        size_t size;
        int r;

        r = tracefs_read(tracefs, "available_events", &text, &size);
        return r < 0 ? r : kernel_events_parse(text, ret);
}

bool kernel_event_matches(const struct kernel_event *e, const char *pattern) {
        char both[NAME_MAX_BOTH];

        if (!strchr(pattern, ':'))
                return glob_match(pattern, e->name);
        snprintf(both, sizeof(both), "%s:%s", e->system, e->name);
        return glob_match(pattern, both);
}

static const char *call_of(const struct kernel_event *e) {
        if (strcmp(e->system, "syscalls") != 0)
                return NULL;
        if (strncmp(e->name, "sys_enter_", 10) == 0)
                return e->name + 10;
        return strncmp(e->name, "sys_exit_", 9) == 0 ? e->name + 9 : NULL;
}

static bool matches(const struct kernel_event *e, const char *call, const struct selector *s, const char *pattern) {
        return s->kind == SELECTOR_SYSCALL ? glob_match(pattern, call) : kernel_event_matches(e, pattern);
}

bool kernel_event_selected(const struct kernel_event *e, const struct selector *s) {
        const char *call = s->kind == SELECTOR_SYSCALL ? call_of(e) : "";

        if (s->probe.kind != PROBE_NONE || kernel_probe_is_event(e))
                return false;
        if (!call || !matches(e, call, s, s->pattern))
                return false;
        for (char **p = s->exclude; *p; p++)
                if (matches(e, call, s, *p))
                        return false;
        return true;
}
