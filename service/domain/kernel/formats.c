/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "service/domain/kernel/formats.h"
#include "service/domain/kernel/thread.h"
#include "service/domain/kernel/tracefs.h"

#define SYSTEM "syscalls"

struct formats {
        struct format *items; /* by name; the thread's, while it runs */
        size_t n, room;
        pthread_t thread;
        int tracefs;
        bool begun, running;
        bool complete; /* the thread's, while it runs */
};

int formats_new(struct formats **ret) {
        struct formats *f = calloc(1, sizeof(*f));

        if (!f)
                return -ENOMEM;
        *ret = f;
        return 0;
}

static int add(struct formats *f, int dir, const char *name) {
        struct format format = { 0 };
        char path[NAME_MAX + sizeof("/format")];
        int r;

        if (f->n == f->room) {
                size_t room = f->room ? 2 * f->room : 1024;
                struct format *items = realloc(f->items, room * sizeof(*items));

                if (!items)
                        return -ENOMEM;
                f->items = items;
                f->room = room;
        }
        snprintf(path, sizeof(path), "%s/format", name);
        r = tracefs_read(dir, path, &format.text, &format.size);
        /* Files there are that are no events, such as "enable". */
        if (r < 0)
                return r == -ENOTDIR || r == -ENOENT ? 0 : r;
        format.name = strdup(name);
        if (!format.name) {
                free(format.text);
                return -ENOMEM;
        }
        f->items[f->n++] = format;
        return 0;
}

static int compare(const void *a, const void *b) {
        return strcmp(((const struct format *) a)->name, ((const struct format *) b)->name);
}

static void *run(void *userdata) {
        struct formats *f = userdata;
        int fd = openat(f->tracefs, "events/" SYSTEM, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
        struct dirent *entry;
        int r = 0;

        if (!folder) {
                closep(&fd);
                return NULL;
        }
        while (r >= 0 && (errno = 0, entry = readdir(folder)))
                if (entry->d_name[0] != '.')
                        r = add(f, dirfd(folder), entry->d_name);
        f->complete = r >= 0 && errno == 0;
        closedir(folder);
        qsort(f->items, f->n, sizeof(*f->items), compare);
        return NULL;
}

void formats_begin(struct formats *f, int tracefs) {
        if (f->begun)
                return;
        f->tracefs = tracefs;
        f->begun = f->running = thread_start(&f->thread, run, f) >= 0;
}

static void forget(struct formats *f) {
        for (size_t k = 0; k < f->n; k++) {
                free(f->items[k].name);
                free(f->items[k].text);
        }
        f->n = 0;
}

/* Some of them would be taken for all. */
static void finish(struct formats *f) {
        if (!f->running)
                return;
        pthread_join(f->thread, NULL);
        f->running = false;
        if (f->complete)
                return;
        forget(f);
        f->begun = false;
}

size_t formats_get(struct formats *f, const struct format **ret) {
        finish(f);
        *ret = f->items;
        return f->n;
}

const struct format *formats_find(struct formats *f, const char *system, const char *name) {
        const struct format key = { .name = (char *) name };

        if (strcmp(system, SYSTEM) != 0)
                return NULL;
        finish(f);
        return f->n > 0 ? bsearch(&key, f->items, f->n, sizeof(*f->items), compare) : NULL;
}

struct formats *formats_free(struct formats *f) {
        if (!f)
                return NULL;
        finish(f);
        forget(f);
        free(f->items);
        free(f);
        return NULL;
}
