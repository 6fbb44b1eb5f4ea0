/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "protocol/filter-code.h"
#include "service/domain/view-filters.h"

static int reserve(struct view_filters *f) {
        size_t room = f->room ? 2 * f->room : 2 * FILTER_CODE_SIZE_MAX;
        char *data;

        if (f->room - f->size >= FILTER_CODE_SIZE_MAX)
                return 0;
        data = realloc(f->data, room);
        if (!data)
                return -ENOMEM;
        f->data = data;
        f->room = room;
        return 0;
}

/* Events of one provider are often alike. */
static bool is_last(const struct view_filters *f, size_t size) {
        const struct view_filter *last = f->n > 0 ? &f->entries[f->n - 1] : NULL;

        return last && last->size == size && memcmp(f->data + last->offset, f->data + f->size, size) == 0;
}

int view_filters_add(struct view_filters *f, struct filter_program *const *programs, size_t n,
                     const struct definition *event, const struct filter_application *application, uint32_t *ret) {
        struct view_filter *entries;
        size_t size;
        int r;

        r = reserve(f);
        if (r < 0)
                return r;
        r = filter_bind(programs, n, event, application, f->data + f->size, f->room - f->size, &size);
        *ret = 0;
        if (r <= 0)
                return r == -E2BIG ? 1 : r;
        *ret = f->n;
        if (is_last(f, size))
                return 1;
        entries = realloc(f->entries, ((size_t) f->n + 1) * sizeof(*entries));
        if (!entries)
                return -ENOMEM;
        f->entries = entries;
        entries[f->n++] = (struct view_filter) { .offset = (uint32_t) f->size, .size = (uint32_t) size };
        f->size += size;
        *ret = f->n;
        return 1;
}

size_t view_filters_size(const struct view_filters *f) {
        return f->n * sizeof(*f->entries) + f->size;
}

void view_filters_write(const struct view_filters *f, char *view, size_t offset) {
        size_t data = offset + f->n * sizeof(*f->entries);
        struct view_filter *to = (struct view_filter *) (view + offset);

        for (uint32_t i = 0; i < f->n; i++)
                to[i] = (struct view_filter) {
                        .offset = (uint32_t) (data + f->entries[i].offset),
                        .size = f->entries[i].size,
                };
        if (f->size > 0)
                memcpy(view + data, f->data, f->size);
}

void view_filters_done(struct view_filters *f) {
        free(f->entries);
        free(f->data);
        *f = (struct view_filters) { 0 };
}
