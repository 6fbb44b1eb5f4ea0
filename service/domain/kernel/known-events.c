/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "service/domain/kernel/formats.h"
#include "service/domain/kernel/internal.h"

/*
 * The kernel takes 2 ms to list its 2300 events. What a rule for all system calls, or for one event by its whole name,
 * selects is known without that list.
 */

#define WORD "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"

static bool is_all_calls(const struct selector *s) {
        return s->kind == SELECTOR_SYSCALL && strcmp(s->pattern, "*") == 0;
}

/* SYSTEM:NAME, and no pattern. */
static bool is_one_event(const struct selector *s) {
        size_t system = strspn(s->pattern, WORD), name;

        if (s->kind == SELECTOR_SYSCALL || system == 0 || s->pattern[system] != ':')
                return false;
        name = strspn(s->pattern + system + 1, WORD);
        return name > 0 && s->pattern[system + 1 + name] == '\0' && strlen(s->pattern) < PROBE_WORD_MAX * 2;
}

static bool has_event(const struct kernel_domain *d, const struct selector *s) {
        const char *colon = strchr(s->pattern, ':');
        char path[160];

        snprintf(path, sizeof(path), "events/%.*s/%s/enable", (int) (colon - s->pattern), s->pattern, colon + 1);
        return faccessat(d->tracefs, path, F_OK, 0) == 0;
}

bool kernel_rule_is_known(const struct kernel_domain *d, const struct selector *s) {
        if (s->probe.kind != PROBE_NONE || s->target.own || s->filter || *s->exclude)
                return false;
        if (is_all_calls(s))
                return faccessat(d->tracefs, "events/syscalls/enable", F_OK, 0) == 0;
        return is_one_event(s) && strncmp(s->pattern, PROBE_GROUP_PREFIX, strlen(PROBE_GROUP_PREFIX)) != 0 &&
               has_event(d, s);
}

static bool has(const struct kernel_events *e, const char *system, const char *name) {
        for (size_t k = 0; k < e->n; k++)
                if (strcmp(e->items[k].name, name) == 0 && strcmp(e->items[k].system, system) == 0)
                        return true;
        return false;
}

/* Its strings are text's. */
static void add_event(struct kernel_events *e, const struct selector *s, char **text) {
        char *system = strcpy(*text, s->pattern), *name = strchr(system, ':');

        *name++ = '\0';
        *text += strlen(s->pattern) + 1;
        if (!has(e, system, name))
                e->items[e->n++] = (struct kernel_event) { system, name };
}

int kernel_events_known(const struct kernel_domain *d, const struct kernel_plan *plan, struct kernel_events *ret) {
        const struct format *calls = NULL;
        size_t n_calls = 0, size = 1;
        struct kernel_events e = { 0 };
        bool all_calls = false;
        char *text;

        for (size_t k = 0; k < plan->n_rules; k++) {
                if (!kernel_rule_is_known(d, plan->rules[k].selector))
                        return -ENOENT;
                all_calls |= is_all_calls(plan->rules[k].selector);
                size += strlen(plan->rules[k].selector->pattern) + 1;
        }
        if (all_calls)
                n_calls = formats_get(d->formats, &calls);
        if (all_calls && n_calls == 0)
                return -ENOENT;
        e.text = text = calloc(size, 1);
        e.items = calloc(n_calls + plan->n_rules + 1, sizeof(*e.items));
        if (!e.text || !e.items) {
                kernel_events_done(&e);
                return -ENOMEM;
        }
        for (size_t k = 0; k < n_calls; k++)
                e.items[e.n++] = (struct kernel_event) { "syscalls", calls[k].name };
        for (size_t k = 0; k < plan->n_rules; k++)
                if (!is_all_calls(plan->rules[k].selector))
                        add_event(&e, plan->rules[k].selector, &text);
        *ret = e;
        return 0;
}
