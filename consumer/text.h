/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Text that grows at its end. The owner calls text_done(); one thread. */

#include <stddef.h>

struct text {
        char *data;
        size_t size; /* without the NUL */
        size_t allocated;
};

void text_done(struct text *text);

/* Appends, or leaves the text as it was: -ENOMEM. */
int text_printf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
