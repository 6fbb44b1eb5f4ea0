/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/libtracectl-read/window.h"

#define WINDOW_SIZE ((size_t) 64 << 10)
#define ENOUGH ((size_t) 4096) /* for the beginning of a packet: with so much there is no need to read more yet */

static int resize(struct window *window, size_t capacity, size_t offset, size_t keep) {
        uint8_t *data = malloc(capacity);

        if (!data)
                return -ENOMEM;
        if (keep > 0)
                memcpy(data, window->data + offset, keep);
        free(window->memory);
        window->memory = window->data = data;
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
                memmove(window->memory, window->data + offset, keep);
        if (r < 0)
                return r;
        window->data = window->memory;
        window->start = start;
        window->size = keep;
        return 0;
}

/* Packets of a few bytes would else move what is behind them again and again. */
static bool pass(struct window *window, uint64_t start, size_t size) {
        uint64_t offset = start - window->start;

        if (start < window->start || offset > window->size || window->size - offset < (size > ENOUGH ? size : ENOUGH))
                return false;
        window->data += offset;
        window->size -= (size_t) offset;
        window->start = start;
        return true;
}

int window_load(struct window *window, uint64_t start, size_t size) {
        size_t wanted;
        int r;

        if (pass(window, start, size))
                return 0;
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
        free(window->memory);
        if (window->fd >= 0)
                close(window->fd);
        *window = (struct window) { .fd = -1 };
}
