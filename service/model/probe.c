/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "common/parse.h"
#include "service/model/probe.h"
#include "service/model/text.h"

#define WORD "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"
#define SYMBOL WORD ".$@"

void probe_done(struct probe *p) {
        free(p->text);
        free(p->path);
        free(p->provider);
        free(p->name);
        *p = (struct probe) { 0 };
}

static bool is_made_of(const char *text, const char *characters) {
        return *text && text[strspn(text, characters)] == '\0';
}

static int refuse(const char *text, struct failure *failure) {
        return fail(failure, FAILURE_INVALID_OPTION, "'%.200s' is no place for a probe of a program: write "
                    "sdt:/PATH:PROVIDER:NAME, or /PATH:SYMBOL for the begin of a function.", text);
}

/* Moves what is behind the last colon of text to *ret; false where there is none. */
static bool cut_last(char *text, char **ret) {
        char *colon = strrchr(text, ':');

        if (!colon)
                return false;
        *colon = '\0';
        *ret = strdup(colon + 1);
        return true;
}

static int parse_program(const char *text, struct probe *p, struct failure *failure) {
        _cleanup_free_ char *rest = NULL;
        bool ok;

        p->kind = strncmp(text, "sdt:", 4) == 0 ? PROBE_SDT : PROBE_ELF;
        rest = strdup(p->kind == PROBE_SDT || strncmp(text, "elf:", 4) == 0 ? text + 4 : text);
        if (!rest)
                return fail_memory(failure);
        ok = cut_last(rest, &p->name) && (p->kind != PROBE_SDT || cut_last(rest, &p->provider));
        if (!ok || *rest != '/')
                return refuse(text, failure);
        p->path = strdup(rest);
        if (!p->name || !p->path || (p->kind == PROBE_SDT && !p->provider))
                return fail_memory(failure);
        if (!is_made_of(p->name, SYMBOL) || (p->provider && !is_made_of(p->provider, SYMBOL)))
                return refuse(text, failure);
        return 0;
}

static int parse_kernel(const char *kind, const char *text, struct probe *p, struct failure *failure) {
        const char *plus = strchr(text, '+');
        int r = 0;

        p->kind = strcmp(kind, "function") == 0 ? PROBE_FUNCTION : PROBE_KERNEL;
        p->name = plus ? strndup(text, (size_t) (plus - text)) : strdup(text);
        if (!p->name)
                return fail_memory(failure);
        if (plus && p->kind == PROBE_FUNCTION)
                r = -EINVAL;
        else if (plus)
                r = strncmp(plus, "+0x", 3) == 0 ? parse_hex64(plus + 3, &p->offset) : parse_u64(plus + 1, &p->offset);
        if (r >= 0 && is_made_of(p->name, SYMBOL))
                return 0;
        return fail(failure, FAILURE_INVALID_OPTION, "'%.200s' is no %s of the kernel: write SYMBOL%s.", text, kind,
                    p->kind == PROBE_FUNCTION ? "" : " or SYMBOL+OFFSET");
}

static int parse_strings(const char *text, struct probe *p, struct failure *failure) {
        _cleanup_free_ char *copy = strdup(text);
        char *rest = copy, *word;
        uint64_t n;

        if (!copy)
                return fail_memory(failure);
        while ((word = strsep(&rest, ",")))
                if (p->kind != PROBE_SDT || parse_u64(word, &n) < 0 || n < 1 || n > PROBE_ARGUMENTS_MAX)
                        return fail(failure, FAILURE_INVALID_OPTION, "'%.60s' are no strings of '%.200s': write the "
                                    "numbers of an SDT probe's arguments, such as 1,3.", text, p->text);
                else
                        p->strings |= UINT32_C(1) << (n - 1);
        return 0;
}

static int parse(const char *kind, const char *text, const char *strings, struct probe *p, struct failure *failure) {
        char escaped[4 * PROBE_TEXT_MAX + 1];
        int r;

        if (strlen(text) > PROBE_TEXT_MAX)
                return fail(failure, FAILURE_INVALID_OPTION, "The probe '%.40s...' is too long; it can have %i bytes.",
                            text, PROBE_TEXT_MAX);
        text_escape(text, escaped, sizeof(escaped));
        if (strcmp(text, escaped) != 0 || strchr(text, ' '))
                return fail(failure, FAILURE_INVALID_OPTION, "The probe '%.200s' has a blank or a control character, or "
                            "is no UTF-8; make a link to the program whose name has none.", text);
        p->text = strdup(text);
        if (!p->text)
                return fail_memory(failure);
        r = strcmp(kind, "userspace-probe") == 0 ? parse_program(text, p, failure)
                                                 : parse_kernel(kind, text, p, failure);
        return r < 0 || !strings ? r : parse_strings(strings, p, failure);
}

int probe_parse(const char *kind, const char *text, const char *strings, struct probe *ret, struct failure *failure) {
        struct probe p = { 0 };
        int r;

        r = parse(kind, text, strings, &p, failure);
        if (r < 0)
                probe_done(&p);
        else
                *ret = p;
        return r;
}

void probe_write(const struct probe *p, FILE *f) {
        if (p->kind == PROBE_NONE)
                return;
        fprintf(f, " probe=%s", p->text);
        for (unsigned i = 0, n = 0; i < PROBE_ARGUMENTS_MAX; i++)
                if (p->strings & UINT32_C(1) << i)
                        fprintf(f, "%s%u", n++ ? "," : " strings=", i + 1);
}
