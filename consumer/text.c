/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "consumer/text.h"

void text_done(struct text *text) {
        free(text->data);
        *text = (struct text) {};
}

static int text_reserve(struct text *text, size_t n) {
        size_t allocated = text->allocated ?: 4096;
        char *data;

        while (allocated - text->size <= n)
                allocated *= 2;
        if (allocated == text->allocated)
                return 0;
        data = realloc(text->data, allocated);
        if (!data)
                return -ENOMEM;
        text->data = data;
        text->allocated = allocated;
        return 0;
}

int text_printf(struct text *text, const char *format, ...) {
        va_list ap;
        int n;

        va_start(ap, format);
        n = vsnprintf(NULL, 0, format, ap);
        va_end(ap);
        if (n < 0 || text_reserve(text, (size_t) n) < 0)
                return -ENOMEM;
        va_start(ap, format);
        vsnprintf(text->data + text->size, (size_t) n + 1, format, ap);
        va_end(ap);
        text->size += (size_t) n;
        return 0;
}
