/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "consumer/kernel-description.h"

#define LINE_MAX_SIZE (2 * KERNEL_NAME_MAX + 32)

_Static_assert(KERNEL_NAME_MAX == 128, "as in the scanned formats");

int kernel_descriptions_next(struct kernel_descriptions *d, struct kernel_description *ret) {
        size_t left = (size_t) (d->end - d->at);
        const char *stop = memchr(d->at, '\n', left);
        char line[LINE_MAX_SIZE];
        size_t n = stop ? (size_t) (stop - d->at) : left;
        int used = -1;

        if (left == 0)
                return 0;
        if (!stop || n >= sizeof(line))
                return -EBADMSG;
        memcpy(line, d->at, n);
        line[n] = '\0';
        if (sscanf(line, "@ %127[A-Za-z0-9_-] %127[A-Za-z0-9_-] %9zu%n", ret->system, ret->name, &ret->size, &used) != 3 ||
            used != (int) n || ret->size > left - n - 1)
                return -EBADMSG;
        ret->text = stop + 1;
        d->at = ret->text + ret->size;
        return 1;
}
