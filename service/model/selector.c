/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "common/glob.h"
#include "service/model/selector.h"
#include "service/model/text.h"

#define NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"
#define PATTERN_CHARACTERS NAME_CHARACTERS "*"

int pattern_check(const char *pattern, struct failure *failure) {
        const char *colon = strchr(pattern, ':');
        size_t provider = strspn(pattern, PATTERN_CHARACTERS), name;

        if (*pattern == '\0')
                return fail(failure, FAILURE_INVALID_PATTERN,
                            "The event pattern is empty; write '*' for all events, or 'provider:name'.");
        if (strlen(pattern) > SELECTOR_PATTERN_MAX)
                return fail(failure, FAILURE_INVALID_PATTERN,
                            "The event pattern '%.40s...' is too long; it can have %i characters.", pattern,
                            SELECTOR_PATTERN_MAX);
        if (strcmp(pattern, "*") == 0)
                return 0;
        if (!colon && pattern[provider] == '\0')
                return fail(failure, FAILURE_INVALID_PATTERN,
                            "'%.200s' is no event pattern: write '%.200s:*' for all events of a provider.", pattern,
                            pattern);
        name = colon ? strspn(colon + 1, PATTERN_CHARACTERS) : 0;
        if (!colon || pattern + provider != colon || provider == 0 || name == 0 || colon[1 + name] != '\0')
                return fail(failure, FAILURE_INVALID_PATTERN,
                            "'%.200s' is no event pattern: write 'provider:name' of letters, digits, '_' and '*', such "
                            "as 'shop:*'.", pattern);
        return 0;
}

const char *selector_kind_to_string(enum selector_kind kind) {
        static const char *const names[_SELECTOR_KIND_MAX] = {
                [SELECTOR_EVENT] = "event",
                [SELECTOR_SYSCALL] = "syscall",
                [SELECTOR_USERSPACE_PROBE] = "userspace-probe",
                [SELECTOR_PROBE] = "probe",
                [SELECTOR_FUNCTION] = "function",
        };

        return names[kind];
}

static int read_kind(const char *name, enum selector_kind *ret, struct failure *failure) {
        for (enum selector_kind kind = 0; kind < _SELECTOR_KIND_MAX; kind++)
                if (!name || strcmp(name, selector_kind_to_string(kind)) == 0) {
                        *ret = kind;
                        return 0;
                }
        return fail(failure, FAILURE_INVALID_OPTION, "Unknown kind '%.60s' of an event; known are: event, syscall, "
                    "userspace-probe, probe, function.", name);
}

/* `name` or `system:name`; a system call has no colon. */
static int check_kernel_pattern(const char *pattern, enum selector_kind kind, struct failure *failure) {
        size_t n = strspn(pattern, PATTERN_CHARACTERS), name = n;

        if (kind == SELECTOR_EVENT && n > 0 && pattern[n] == ':') {
                name = strspn(pattern + n + 1, PATTERN_CHARACTERS);
                n += 1 + name;
        }
        if (name == 0 || pattern[n] != '\0' || n > SELECTOR_PATTERN_MAX)
                return fail(failure, FAILURE_INVALID_PATTERN,
                            "'%.200s' is no pattern for %s of the kernel: use letters, digits, '_' and '*', such as %s.",
                            pattern, kind == SELECTOR_EVENT ? "events" : "system calls",
                            kind == SELECTOR_EVENT ? "'sched_switch' or 'irq:*'" : "'open*'");
        return 0;
}

static bool is_probe(const struct selector *s) {
        return s->kind >= SELECTOR_USERSPACE_PROBE;
}

/* `NAME` or `GROUP:NAME`, without stars: what its events are called in the trace. */
static int check_probe_name(const char *name, struct failure *failure) {
        size_t n = strspn(name, NAME_CHARACTERS), second;

        if (n > 0 && name[n] == ':' && (second = strspn(name + n + 1, NAME_CHARACTERS)) > 0)
                n += 1 + second;
        if (n > 0 && name[n] == '\0' && n <= PROBE_NAME_MAX)
                return 0;
        return fail(failure, FAILURE_INVALID_PATTERN, "'%.200s' is no name for the events of a probe: use letters, "
                    "digits and '_', such as 'queries:begin'.", name);
}

static int check_pattern(const struct selector *s, const char *pattern, struct failure *failure) {
        if (is_probe(s))
                return check_probe_name(pattern, failure);
        return s->kernel ? check_kernel_pattern(pattern, s->kind, failure) : pattern_check(pattern, failure);
}

static int set_probe(struct selector *s, const struct selector_options *options, struct failure *failure) {
        const char *kind = selector_kind_to_string(s->kind);

        if (is_probe(s) && !options->probe)
                return fail(failure, FAILURE_INVALID_OPTION, "Where is the %s '%.100s'? Say it by the option 'probe'.",
                            kind, options->pattern);
        if (!is_probe(s) && (options->probe || options->strings))
                return fail(failure, FAILURE_INVALID_OPTION, "'%.100s' is no probe; leave 'probe' and 'strings' away, or "
                            "say its kind, such as userspace-probe.", options->pattern);
        if (is_probe(s) && options->exclude && *options->exclude)
                return fail(failure, FAILURE_INVALID_OPTION, "'%.100s' is one event, and nothing can be excluded from "
                            "it.", options->pattern);
        return is_probe(s) ? probe_parse(kind, options->probe, options->strings, &s->probe, failure) : 0;
}

/* What a rule of one domain cannot have. */
static int check_domain(const struct selector_options *o, struct failure *failure) {
        if (!o->kernel && o->kind)
                return fail(failure, FAILURE_INVALID_OPTION, "Events of programs have no kinds; leave 'kind' away.");
        if (o->kernel && (o->loglevel || o->loglevel_only))
                return fail(failure, FAILURE_INVALID_OPTION, "Events of the kernel have no log levels; leave them "
                            "away.");
        return 0;
}

static void free_names(char **names) {
        for (char **p = names; p && *p; p++)
                free(*p);
        free(names);
}

struct selector *selector_ref(struct selector *s) {
        atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
        return s;
}

struct selector *selector_unref(struct selector *s) {
        if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) > 1)
                return NULL;
        free_names(s->exclude);
        if (s->filter_program)
                filter_program_unref(s->filter_program);
        target_done(&s->target);
        probe_done(&s->probe);
        free(s->pattern);
        free(s->filter);
        free(s->text);
        free(s);
        return NULL;
}

static int set_levels(struct selector *s, const struct selector_options *options, struct failure *failure) {
        const char *name = options->loglevel ?: options->loglevel_only;

        if (!name)
                return 0;
        if (options->loglevel && options->loglevel_only)
                return fail(failure, FAILURE_INVALID_OPTION, "The events '%.200s' cannot be those of one log level and "
                            "above, and of one only; say either loglevel or loglevel-only.", options->pattern);
        if (loglevel_from_string(name, &s->level) < 0)
                return fail(failure, FAILURE_INVALID_OPTION,
                            "Unknown log level '%.60s'; known are: " LOGLEVEL_NAMES ".", name);
        s->levels = options->loglevel ? SELECTOR_LEVEL_OR_ABOVE : SELECTOR_LEVEL_ONLY;
        return 0;
}

static int compare(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

static int set_exclude(struct selector *s, const struct selector_options *options, struct failure *failure) {
        size_t n = 0, kept = 0;
        int r;

        for (char **p = options->exclude; p && *p; p++, n++) {
                r = check_pattern(s, *p, failure);
                if (r < 0)
                        return r;
        }
        if (n > SELECTOR_EXCLUDE_MAX)
                return fail(failure, FAILURE_INVALID_OPTION, "%zu patterns are to be excluded from '%.200s', and %i is "
                            "the most; use patterns with '*'.", n, options->pattern, SELECTOR_EXCLUDE_MAX);
        s->exclude = calloc(n + 1, sizeof(*s->exclude));
        if (!s->exclude)
                return fail_memory(failure);
        for (size_t i = 0; i < n; i++) {
                s->exclude[i] = strdup(options->exclude[i]);
                if (!s->exclude[i])
                        return fail_memory(failure);
        }
        if (n > 0)
                qsort(s->exclude, n, sizeof(*s->exclude), compare);
        for (size_t i = 0; i < n; i++)
                if (i > 0 && strcmp(s->exclude[kept - 1], s->exclude[i]) == 0)
                        free(s->exclude[i]);
                else
                        s->exclude[kept++] = s->exclude[i];
        s->exclude[kept] = NULL;
        return 0;
}

/* A profile has it in one line. */
static int check_filter_text(const char *text, struct failure *failure) {
        char escaped[4 * FILTER_TEXT_MAX + 1];

        if (strlen(text) > FILTER_TEXT_MAX)
                return fail(failure, FAILURE_INVALID_OPTION, "The filter '%.40s...' is too long; it can have %i "
                            "characters.", text, FILTER_TEXT_MAX);
        text_escape(text, escaped, sizeof(escaped));
        if (strcmp(text, escaped) != 0)
                return fail(failure, FAILURE_INVALID_OPTION, "The filter '%.200s' has a control character, or is no "
                            "UTF-8; write it as \\xHH in a string.", text);
        return 0;
}

static int refuse_filter(const char *text, const struct filter_error *error, struct failure *failure) {
        if (text[error->position] == '\0')
                return fail(failure, FAILURE_INVALID_OPTION, "The filter '%.200s' is wrong at its end: %s", text,
                            error->message);
        return fail(failure, FAILURE_INVALID_OPTION, "The filter is wrong at character %u, '%.30s': %s",
                    error->position + 1, text + error->position, error->message);
}

static int set_filter(struct selector *s, const char *text, struct failure *failure) {
        struct filter_error error;
        size_t n;
        int r;

        if (!text)
                return 0;
        text += strspn(text, " ");
        for (n = strlen(text); n > 0 && text[n - 1] == ' '; n--)
                ;
        s->filter = strndup(text, n);
        if (!s->filter)
                return fail_memory(failure);
        r = check_filter_text(s->filter, failure);
        if (r < 0)
                return r;
        r = filter_compile(s->filter, &s->filter_program, &error);
        if (r == -EINVAL)
                return refuse_filter(s->filter, &error, failure);
        return r < 0 ? fail_memory(failure) : 0;
}

static int set_text(struct selector *s) {
        size_t size;
        FILE *f;
        bool ok;

        f = open_memstream(&s->text, &size);
        if (!f)
                return -ENOMEM;
        if (s->kernel)
                fprintf(f, "kernel %s ", selector_kind_to_string(s->kind));
        fputs(s->pattern, f);
        if (s->levels != SELECTOR_ANY_LEVEL)
                fprintf(f, " loglevel%s%s", s->levels == SELECTOR_LEVEL_ONLY ? "=" : ">=",
                        loglevel_to_string(s->level));
        for (char **p = s->exclude; *p; p++)
                fprintf(f, " exclude=%s", *p);
        target_write(&s->target, f);
        probe_write(&s->probe, f);
        if (s->filter)
                fprintf(f, " filter=%s", s->filter);
        ok = !ferror(f);
        return fclose(f) == 0 && ok ? 0 : -ENOMEM;
}

/* The kernel knows threads alone, and can be told that those are meant which some others have made. */
static int check_kernel_target(const struct target *t, struct failure *failure) {
        if (t->own && (t->pid == 0 || t->uid != TARGET_ANY_UID))
                return fail(failure, FAILURE_INVALID_OPTION, "Whose own processes are meant? Say which one by "
                            "target-pid.");
        if (!target_is_set(t) || (t->pid != 0 && t->children && !t->executable && !t->unit))
                return 0;
        if (t->pid != 0 && !t->children)
                return fail(failure, FAILURE_INVALID_OPTION, "The kernel follows a process with its children alone; "
                            "add target-children (--children), or filter: 'common_pid == %i'.", (int) t->pid);
        return fail(failure, FAILURE_INVALID_OPTION, "A rule of the kernel's events is for all processes, or for one "
                    "and its children; say target-pid (--pid), leave the target away, or say it in a filter, such as "
                    "'common_pid == 1'.");
}

int selector_new(const struct selector_options *options, struct selector **ret, struct failure *failure) {
        _cleanup_(selector_unrefp) struct selector *s = NULL;
        int r;

        s = calloc(1, sizeof(*s));
        if (!s)
                return fail_memory(failure);
        s->refs = 1;
        s->kernel = options->kernel;
        r = check_domain(options, failure);
        if (r >= 0)
                r = read_kind(options->kind, &s->kind, failure);
        if (r >= 0)
                r = check_pattern(s, options->pattern, failure);
        if (r < 0)
                return r;
        s->pattern = strdup(options->pattern);
        if (!s->pattern)
                return fail_memory(failure);
        r = set_probe(s, options, failure);
        if (r >= 0)
                r = set_levels(s, options, failure);
        if (r >= 0)
                r = set_exclude(s, options, failure);
        if (r >= 0)
                r = target_init(&s->target, &options->target, failure);
        if (r >= 0)
                r = set_filter(s, options->filter, failure);
        if (r >= 0 && s->kernel)
                r = check_kernel_target(&s->target, failure);
        if (r < 0)
                return r;
        if (set_text(s) < 0)
                return fail_memory(failure);
        *ret = TAKE_PTR(s);
        return 0;
}

bool selector_selects(const struct selector *s, const char *event, uint8_t loglevel) {
        if ((s->levels == SELECTOR_LEVEL_OR_ABOVE && loglevel > s->level) ||
            (s->levels == SELECTOR_LEVEL_ONLY && loglevel != s->level) || !glob_match(s->pattern, event))
                return false;
        for (char **p = s->exclude; *p; p++)
                if (glob_match(*p, event))
                        return false;
        return true;
}

bool selector_levels_overlap(const struct selector *a, const struct selector *b) {
        if (a->levels == SELECTOR_LEVEL_ONLY)
                return b->levels == SELECTOR_ANY_LEVEL || b->level == a->level ||
                       (b->levels == SELECTOR_LEVEL_OR_ABOVE && a->level < b->level);
        /* From the most severe level on: such two always have that one. */
        return b->levels != SELECTOR_LEVEL_ONLY || selector_levels_overlap(b, a);
}

int selectors_add(struct selectors *list, struct selector *s) {
        struct selector **items = realloc(list->items, (list->n + 1) * sizeof(*items));

        if (!items)
                return -ENOMEM;
        list->items = items;
        items[list->n++] = selector_ref(s);
        return 0;
}

bool selectors_have(const struct selectors *list, const struct selector *s) {
        for (size_t i = 0; i < list->n; i++)
                if (strcmp(list->items[i]->text, s->text) == 0)
                        return true;
        return false;
}

void selectors_done(struct selectors *list) {
        for (size_t i = 0; i < list->n; i++)
                selector_unref(list->items[i]);
        free(list->items);
        *list = (struct selectors) { 0 };
}
