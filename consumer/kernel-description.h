/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Goes through the text that describes the kernel's events to a consumer, see struct consumer_kernel. No memory. */

#include <stddef.h>

#include "consumer/kernel-format.h"

struct kernel_descriptions {
        const char *at, *end;
};

/* text points into the file, and is not ended by a NUL. */
struct kernel_description {
        char system[KERNEL_NAME_MAX], name[KERNEL_NAME_MAX];
        const char *text;
        size_t size;
};

static inline void kernel_descriptions_init(struct kernel_descriptions *d, const char *text, size_t size) {
        *d = (struct kernel_descriptions) { text, text + size };
}

/* 1; 0 at the end; -EBADMSG. */
int kernel_descriptions_next(struct kernel_descriptions *d, struct kernel_description *ret);
