/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/libtracectl-read/window.h"

#define WINDOW_SIZE ((size_t) 64 << 10)

static int resize(struct window *window, size_t capacity, size_t offset, size_t keep) {
        uint8_t *data = malloc(capacity);

        if (!data)
                return -ENOMEM;
        if (keep > 0)
                memcpy(data, window->data + offset, keep);
        free(window->data);
        window->data = data;
        window->capacity = capacity;
        return 0;
}

/* Makes room, and brings along what is there already. A large event's room is given back behind it. */
static int move(struct window *window, uint64_t start, size_t size) {
        size_t keep = 0, offset = 0, wanted = size > WINDOW_SIZE ? size : WINDOW_SIZE;
        int r = 0;

        if (start >= window->start && start - window->start < window->size) {
                offset = (size_t) (start - window->start);
                keep = window->size - offset;
        }
        if (size > window->capacity || (wanted < window->capacity && keep <= wanted))
                r = resize(window, wanted, offset, keep);
        else if (keep > 0)
                memmove(window->data, window->data + offset, keep);
        if (r < 0)
                return r;
        window->start = start;
        window->size = keep;
        return 0;
}

int window_load(struct window *window, uint64_t start, size_t size) {
        size_t wanted;
        int r;

        r = move(window, start, size);
        if (r < 0)
                return r;
        wanted = window->ahead > 0 ? window->ahead : window->capacity;
        if (wanted < size)
                wanted = size;
        while (window->size < wanted) {
                ssize_t n = pread(window->fd, window->data + window->size, wanted - window->size,
                                  (off_t) (start + window->size));

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                window->size += (size_t) n;
        }
        return 0;
}

void window_done(struct window *window) {
        free(window->data);
        if (window->fd >= 0)
                close(window->fd);
        *window = (struct window) { .fd = -1 };
}
