/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where a rule wants a probe, as its text says it:
 *
 *     sdt:PATH:PROVIDER:NAME    a probe that a program declares, wherever it has it
 *     elf:PATH:SYMBOL           the begin of a program's function; also PATH:SYMBOL
 *     SYMBOL[+OFFSET]           an instruction of the kernel (kind probe)
 *     SYMBOL                    begin and return of a function of the kernel (kind function)
 *
 * Of the arguments of an SDT probe, some can be recorded as the strings that they point to; the
 * first one is 1. A plain value; any thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "service/model/failure.h"

#define PROBE_TEXT_MAX 1024
#define PROBE_NAME_MAX 100 /* of its events */
#define PROBE_ARGUMENTS_MAX 12

enum probe_kind {
        PROBE_NONE,
        PROBE_SDT,
        PROBE_ELF,
        PROBE_KERNEL,
        PROBE_FUNCTION,
};

struct probe {
        enum probe_kind kind;
        char *text;                 /* as it was given */
        char *path;                 /* of a program, absolute; else NULL */
        char *provider, *name;      /* name: of the probe, or the symbol */
        uint64_t offset;            /* bytes behind a symbol of the kernel */
        uint32_t strings;           /* bit N-1: of argument N */
};

/* kind is that of a rule: "userspace-probe", "probe", "function". strings: "1,3", or NULL. */
int probe_parse(const char *kind, const char *text, const char *strings, struct probe *ret, struct failure *failure);
void probe_done(struct probe *p);

static inline bool probe_is_of_program(const struct probe *p) {
        return p->path;
}

/* " probe=TEXT strings=1,3", as in a selector's text. */
void probe_write(const struct probe *p, FILE *f);
