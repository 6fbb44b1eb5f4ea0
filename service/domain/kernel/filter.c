/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "service/domain/kernel/filter.h"

#define COMMAND "  Command: "

static const struct {
        const char *ours, *kernels;
} contexts[] = {
        { "$ctx.procname", "COMM" },
        { "$ctx.cpu_id", "CPU" },
        { "$ctx.vtid", "common_pid" },
};

#define NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.$:"

/* The string's text up to its end quote, for the kernel: no escapes but that of the star, which it does not have. */
static int read_string(const char **at, FILE *f, bool *ret_pattern, struct failure *failure) {
        char quote = *(*at)++;

        *ret_pattern = false;
        for (; **at != quote; (*at)++) {
                if (**at == '\\' || **at == '"')
                        return fail(failure, FAILURE_INVALID_OPTION, "The kernel cannot compare with a string that has "
                                    "'\\' or '\"'.");
                *ret_pattern |= **at == '*';
                fputc(**at, f);
        }
        (*at)++;
        return 0;
}

struct piece {
        char *text;
        size_t size;
};

static inline void piece_done(struct piece *p) {
        free(p->text);
}

/* The name at *at in the kernel's words. */
static int translate_name(const char *name, size_t n, const char **ret, size_t *ret_n, struct failure *failure) {
        *ret = name;
        *ret_n = n;
        for (size_t i = 0; i < ARRAY_SIZE(contexts); i++)
                if (n == strlen(contexts[i].ours) && strncmp(name, contexts[i].ours, n) == 0) {
                        *ret = contexts[i].kernels;
                        *ret_n = strlen(*ret);
                        return 0;
                }
        if (*name != '$')
                return 0;
        return fail(failure, FAILURE_INVALID_OPTION, "The kernel cannot compare with '%.*s'; it knows $ctx.procname, "
                    "$ctx.cpu_id and $ctx.vtid.", (int) n, name);
}

static const char *skip_spaces(const char *s) {
        return s + strspn(s, " ");
}

/* `name == "a*"` and `name != "a*"`: the kernel compares patterns by `~`, and has no opposite of that. */
static int write_comparison(const char *name, size_t n, const char *op, const char **at, FILE *f,
                            struct failure *failure) {
        const char *value = skip_spaces(op + 2);
        _cleanup_(piece_done) struct piece piece = { 0 };
        bool pattern;
        FILE *text;
        int r;

        text = open_memstream(&piece.text, &piece.size);
        if (!text)
                return fail_memory(failure);
        r = read_string(&value, text, &pattern, failure);
        if (fclose(text) != 0)
                return fail_memory(failure);
        if (r < 0)
                return r;
        if (pattern)
                fprintf(f, "%s(%.*s ~ \"%s\")", *op == '!' ? "!" : "", (int) n, name, piece.text);
        else
                fprintf(f, "%.*s %.2s \"%s\"", (int) n, name, op, piece.text);
        *at = value;
        return 0;
}

static bool is_quote(char c) {
        return c == '"' || c == '\'';
}

/* A name with the string that it is compared with; a number; or one character of anything else. */
static int copy_word(const char **at, FILE *f, struct failure *failure) {
        size_t n = strspn(*at, NAME_CHARACTERS);
        const char *op = skip_spaces(*at + n), *name;
        int r;

        if (n == 0) {
                fputc(*(*at)++, f);
                return 0;
        }
        r = translate_name(*at, n, &name, &n, failure);
        if (r < 0)
                return r;
        if ((strncmp(op, "==", 2) == 0 || strncmp(op, "!=", 2) == 0) && is_quote(*skip_spaces(op + 2)))
                return write_comparison(name, n, op, at, f, failure);
        fprintf(f, "%.*s", (int) n, name);
        *at += strspn(*at, NAME_CHARACTERS);
        return 0;
}

int kernel_filter_translate(const char *text, char **ret, struct failure *failure) {
        _cleanup_(piece_done) struct piece piece = { 0 };
        const char *at = text;
        int r = 0;
        FILE *f;

        f = open_memstream(&piece.text, &piece.size);
        if (!f)
                return fail_memory(failure);
        while (*at && r >= 0) {
                if (is_quote(*at))
                        r = fail(failure, FAILURE_INVALID_OPTION, "The kernel wants a string on the right side of a "
                                 "comparison; write it there.");
                else
                        r = copy_word(&at, f, failure);
        }
        if (fclose(f) != 0)
                return fail_memory(failure);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(piece.text);
        return 0;
}

/* [  12.345678] event filter parse error: error: Field not found
 *   Command: nosuch == 1
 *            ^
 */
void kernel_filter_error(const char *error_log, char *ret, size_t size) {
        const char *found = NULL, *line, *caret;
        char message[128] = "";

        for (const char *p = error_log; (p = strstr(p, ": error: ")); p++)
                found = p + 9;
        *ret = '\0';
        if (!found)
                return;
        snprintf(message, sizeof(message), "%.*s", (int) strcspn(found, "\n"), found);
        line = strstr(found, "\n" COMMAND);
        line = line ? strchr(line + 1, '\n') : NULL;
        caret = line ? strchr(line, '^') : NULL;
        if (caret && caret - line > (ptrdiff_t) strlen(COMMAND))
                snprintf(ret, size, "at character %td: %s", caret - line - (ptrdiff_t) strlen(COMMAND), message);
        else
                snprintf(ret, size, "%s", message);
}
