/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "protocol/context.h"
#include "service/model/profile.h"

struct profile_change *profile_changes_free(struct profile_change *changes) {
        while (changes) {
                struct profile_change *next = changes->next;

                if (changes->before_list)
                        strings_done(changes->before_list);
                if (changes->after_list)
                        strings_done(changes->after_list);
                free(changes->before_list);
                free(changes->after_list);
                free(changes->before);
                free(changes->after);
                free(changes->key);
                free(changes);
                changes = next;
        }
        return NULL;
}

/* Collects what differs; an error stays. */
struct differ {
        struct profile_change **last;
        char section[MODEL_NAME_MAX + 24];
        int error;
};

static struct profile_change *add(struct differ *d, const char *key) {
        struct profile_change *c = calloc(1, sizeof(*c));

        if (c && asprintf(&c->key, "%s.%s", d->section, key) < 0)
                c->key = NULL;
        if (!c || !c->key) {
                free(c);
                d->error = -ENOMEM;
                return NULL;
        }
        *d->last = c;
        d->last = &c->next;
        return c;
}

static char *copy(struct differ *d, const char *s) {
        char *text = s ? strdup(s) : NULL;

        if (s && !text)
                d->error = -ENOMEM;
        return text;
}

/* NULL: there is no such key on that side. */
static void compare(struct differ *d, const char *key, const char *before, const char *after) {
        struct profile_change *c;

        if (before == after || (before && after && strcmp(before, after) == 0))
                return;
        c = add(d, key);
        if (!c)
                return;
        c->before = copy(d, before);
        c->after = copy(d, after);
}

static bool all_in(const struct strings *a, const struct strings *b) {
        for (size_t i = 0; i < a->n; i++)
                if (!strings_have(b, a->items[i]))
                        return false;
        return true;
}

static struct strings *copy_list(struct differ *d, const struct strings *list) {
        struct strings *l = list ? calloc(1, sizeof(*l)) : NULL;

        if (list && !l)
                d->error = -ENOMEM;
        for (size_t i = 0; l && i < list->n; i++)
                if (strings_add(l, list->items[i]) < 0)
                        d->error = -ENOMEM;
        return l;
}

/* The order decides nothing: all rules of a channel lead to the same ring. */
static void compare_lists(struct differ *d, const char *key, const struct strings *before,
                          const struct strings *after) {
        struct profile_change *c;

        if (before ? before->n == after->n && all_in(before, after) : after->n == 0)
                return;
        c = add(d, key);
        if (!c)
                return;
        c->before_list = copy_list(d, before);
        c->after_list = copy_list(d, after);
}

static const char *size_text(char *buffer, size_t n, uint64_t size) {
        snprintf(buffer, n, size % 1024 == 0 ? "%" PRIu64 "K" : "%" PRIu64, size % 1024 == 0 ? size / 1024 : size);
        return buffer;
}

static const char *msec_text(char *buffer, size_t n, uint32_t msec) {
        snprintf(buffer, n, "%" PRIu32 "ms", msec);
        return buffer;
}

static const char *count_text(char *buffer, size_t n, uint32_t count) {
        snprintf(buffer, n, "%" PRIu32, count);
        return buffer;
}

static const char *yes_no(bool b) {
        return b ? "yes" : "no";
}

static struct strings context_names(struct differ *d, const struct context_set *contexts) {
        struct strings list = { 0 };
        char name[CONTEXT_TEXT_MAX];

        for (unsigned i = 0; contexts && context_set_next(contexts, &i, name);)
                if (strings_add(&list, name) < 0)
                        d->error = -ENOMEM;
        return list;
}

static struct strings texts_of(struct differ *d, const struct selectors *list) {
        struct strings texts = { 0 };

        for (size_t i = 0; list && i < list->n; i++)
                if (strings_add(&texts, list->items[i]->text) < 0)
                        d->error = -ENOMEM;
        return texts;
}

static void compare_events(struct differ *d, const char *key, const struct selectors *before,
                           const struct selectors *after) {
        struct strings b = texts_of(d, before), a = texts_of(d, after);

        compare_lists(d, key, before ? &b : NULL, &a);
        strings_done(&b);
        strings_done(&a);
}

static void compare_channel(struct differ *d, const struct profile_channel *b, const struct profile_channel *a) {
        struct strings before = context_names(d, b ? &b->contexts : NULL), after = context_names(d, &a->contexts);
        char x[32], y[32];

        snprintf(d->section, sizeof(d->section), "%s %s", a->kernel ? "Kernel channel" : "Channel", a->name);
        compare(d, "SubBufferSize", b ? size_text(x, sizeof(x), b->subbuf_size) : NULL,
                size_text(y, sizeof(y), a->subbuf_size));
        compare(d, "SubBufferCount", b ? count_text(x, sizeof(x), b->n_subbufs) : NULL,
                count_text(y, sizeof(y), a->n_subbufs));
        compare(d, "Mode", b ? b->mode : NULL, a->mode);
        if (a->ordered_clock || (b && b->ordered_clock))
                compare(d, "OrderedClock", b ? yes_no(b->ordered_clock) : NULL, yes_no(a->ordered_clock));
        compare(d, "Enabled", b ? yes_no(b->enabled) : NULL, yes_no(a->enabled));
        compare_lists(d, "Context", b ? &before : NULL, &after);
        compare_events(d, "Event", b ? &b->events : NULL, &a->events);
        compare_events(d, "DisabledEvent", b ? &b->disabled : NULL, &a->disabled);
        strings_done(&before);
        strings_done(&after);
}

static const char *time_text(char *buffer, size_t n, uint64_t usec) {
        snprintf(buffer, n, "%" PRIu64 "ms", usec / 1000);
        return buffer;
}

/* 0: there is no such key. */
static void compare_space(struct differ *d, const struct space_config *b, const struct space_config *a) {
        char x[32], y[32];

        compare(d, "RotateSize", b && b->rotate_size ? size_text(x, sizeof(x), b->rotate_size) : NULL,
                a->rotate_size ? size_text(y, sizeof(y), a->rotate_size) : NULL);
        compare(d, "RotateEvery", b && b->rotate_usec ? time_text(x, sizeof(x), b->rotate_usec) : NULL,
                a->rotate_usec ? time_text(y, sizeof(y), a->rotate_usec) : NULL);
        compare(d, "MaxSize", b && b->max_size ? size_text(x, sizeof(x), b->max_size) : NULL,
                a->max_size ? size_text(y, sizeof(y), a->max_size) : NULL);
}

int profile_diff(const struct profile *b, const struct profile *a, struct profile_change **ret) {
        _cleanup_(profile_changes_freep) struct profile_change *changes = NULL;
        struct differ d = { .last = &changes, .section = "Session" };
        char before[32], after[32];

        compare(&d, "Mode", b ? session_mode_to_string(b->mode) : NULL, session_mode_to_string(a->mode));
        compare(&d, "Directory", b ? b->directory : NULL, a->directory);
        compare_space(&d, b ? &b->space : NULL, &a->space);
        compare(&d, "Rings", b && b->has_rings ? "files" : NULL, a->has_rings ? "files" : NULL);
        compare(&d, "SyncSec", b && b->sync_msec > 0 ? msec_text(before, sizeof(before), b->sync_msec) : NULL,
                a->sync_msec > 0 ? msec_text(after, sizeof(after), a->sync_msec) : NULL);
        compare(&d, "Start", b ? yes_no(b->start) : NULL, yes_no(a->start));
        for (const struct profile_channel *c = a->channels; c; c = c->next)
                compare_channel(&d, b ? profile_find_channel(b, c->kernel, c->name) : NULL, c);
        if (d.error < 0)
                return d.error;
        *ret = TAKE_PTR(changes);
        return 0;
}
