/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which events a rule is for: a pattern over `provider:name`, options that leave
 * some of them out again, and the applications that it reaches. Constant and counted; any thread, since the
 * published model has the same ones as the rules.
 *
 * Its text is what a profile has, and its identity: two selectors of the same
 * text are the same.
 *
 *     [kernel KIND] PATTERN [loglevel>=LEVEL | loglevel=LEVEL] [exclude=PATTERN]... [TARGET] [PROBE] [filter=EXPRESSION]
 *
 * loglevel>= means LEVEL and what is more severe. target.h has the targets, probe.h the probes, whose
 * pattern is the name that their events get. The expression is all of the
 * rest. Made from options or from a text, the text is in this order, with
 * excluded patterns sorted.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "protocol/filter.h"
#include "service/model/failure.h"
#include "service/model/loglevel.h"
#include "service/model/probe.h"
#include "service/model/target.h"

#define SELECTOR_PATTERN_MAX 511
#define SELECTOR_EXCLUDE_MAX 16

enum selector_kind {
        SELECTOR_EVENT,
        SELECTOR_SYSCALL, /* the kernel's alone, as all that follow */
        SELECTOR_USERSPACE_PROBE,
        SELECTOR_PROBE,
        SELECTOR_FUNCTION,
        _SELECTOR_KIND_MAX,
};

/* Names of kinds; a rule of the kernel has one. */
const char *selector_kind_to_string(enum selector_kind kind);

struct selector_options {
        bool kernel;      /* of events of the kernel */
        const char *kind; /* a name of a kind; NULL: "event" */
        const char *pattern;
        const char *loglevel, *loglevel_only; /* names of levels; NULL: any */
        char **exclude;                       /* patterns, NULL at the end; NULL: none */
        const char *filter;                   /* an expression, protocol/filter.h; NULL: none */
        const char *probe, *strings;          /* of the kinds of probes: where, and which arguments are strings */
        struct target_options target;
};

#define SELECTOR_OPTIONS_NONE { .target = TARGET_OPTIONS_NONE }

enum selector_levels {
        SELECTOR_ANY_LEVEL,
        SELECTOR_LEVEL_OR_ABOVE,
        SELECTOR_LEVEL_ONLY,
};

struct selector {
        atomic_uint refs;
        bool kernel;
        enum selector_kind kind;
        char *pattern;
        enum selector_levels levels;
        uint8_t level;
        char **exclude; /* NULL at the end */
        char *filter;   /* or NULL, with filter_program */
        struct filter_program *filter_program;
        struct target target;
        struct probe probe;
        char *text;
};

/* 0 when pattern is `*` or `provider:name`, each made of letters, digits, '_' and '*'. */
int pattern_check(const char *pattern, struct failure *failure);

int selector_new(const struct selector_options *options, struct selector **ret, struct failure *failure);
int selector_parse(const char *text, struct selector **ret, struct failure *failure);

struct selector *selector_ref(struct selector *s);
struct selector *selector_unref(struct selector *s);
DEFINE_CLEANUP(struct selector *, selector_unref)

/* Whether a text has options behind its pattern. */
bool selector_text_has_options(const char *text);

/* Whether an event is selected, apart from the filter, which decides each record. */
bool selector_selects(const struct selector *s, const char *event, uint8_t loglevel);

/* Whether there is a log level that both have. */
bool selector_levels_overlap(const struct selector *a, const struct selector *b);

struct selectors {
        struct selector **items;
        size_t n;
};

/* Takes a reference. */
int selectors_add(struct selectors *list, struct selector *s);
bool selectors_have(const struct selectors *list, const struct selector *s);
void selectors_done(struct selectors *list);
