/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <inttypes.h>
#include <string.h>

#include "client/tracectl/format.h"

void format_number(FILE *f, uint64_t n) {
        if (n >= 1000) {
                format_number(f, n / 1000);
                fprintf(f, ",%03" PRIu64, n % 1000);
        } else
                fprintf(f, "%" PRIu64, n);
}

void format_count(FILE *f, uint64_t n, const char *one, const char *many) {
        format_number(f, n);
        fprintf(f, " %s", n == 1 ? one : many);
}

void format_bytes(FILE *f, uint64_t n) {
        static const char prefixes[] = "kMGTPE";
        uint64_t unit = 1000, tenths;
        size_t i = 0;

        if (n < 1000) {
                format_count(f, n, "byte", "bytes");
                return;
        }
        /* What would be rounded to 1000.0 is 1.0 of the next. */
        while (i + 2 < sizeof(prefixes) && n >= unit * 1000 - unit / 20) {
                unit *= 1000;
                i++;
        }
        tenths = n / (unit / 10) + (n % (unit / 10) >= unit / 20);
        fprintf(f, "%" PRIu64 ".%" PRIu64 " %cB", tenths / 10, tenths % 10, prefixes[i]);
}

void format_shell_word(FILE *f, const char *word) {
        static const char plain[] =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@%+=:,./-";

        if (*word && word[strspn(word, plain)] == '\0') {
                fputs(word, f);
                return;
        }
        fputc('\'', f);
        for (; *word; word++)
                if (*word == '\'')
                        fputs("'\\''", f);
                else
                        fputc(*word, f);
        fputc('\'', f);
}
