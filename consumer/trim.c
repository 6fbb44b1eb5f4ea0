/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/parse.h"
#include "consumer/tree.h"
#include "consumer/trim.h"
#include "protocol/consumer.h"

struct chunk {
        uint32_t number;
        uint64_t bytes;
};

struct chunks {
        struct chunk *items;
        size_t n, allocated;
        uint64_t bytes;
};

static void chunks_done(struct chunks *chunks) {
        free(chunks->items);
}

static void name_of(uint32_t number, char ret[CONSUMER_NAME_MAX]) {
        snprintf(ret, CONSUMER_NAME_MAX, CONSUMER_CHUNK_PREFIX "%u", number);
}

/* Its number, or 0: another directory, which somebody may have named. */
static uint32_t number_of(const char *name) {
        char again[CONSUMER_NAME_MAX];
        uint64_t n;

        if (strncmp(name, CONSUMER_CHUNK_PREFIX, strlen(CONSUMER_CHUNK_PREFIX)) != 0 ||
            parse_u64(name + strlen(CONSUMER_CHUNK_PREFIX), &n) < 0 || n == 0 || n > UINT32_MAX)
                return 0;
        name_of((uint32_t) n, again);
        return strcmp(name, again) == 0 ? (uint32_t) n : 0;
}

static int chunks_add(struct chunks *chunks, uint32_t number, uint64_t bytes) {
        if (chunks->n == chunks->allocated) {
                size_t n = chunks->allocated ? chunks->allocated * 2 : 64;
                struct chunk *items = realloc(chunks->items, n * sizeof(items[0]));

                if (!items)
                        return -ENOMEM;
                chunks->items = items;
                chunks->allocated = n;
        }
        chunks->items[chunks->n++] = (struct chunk) { number, bytes };
        chunks->bytes += bytes;
        return 0;
}

static int find_chunks(int directory, struct chunks *chunks) {
        int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
        struct dirent *entry;
        uint32_t number;
        uint64_t bytes;
        DIR *dir;

        if (fd < 0)
                return -errno;
        dir = fdopendir(fd);
        if (!dir) {
                close(fd);
                return -ENOMEM;
        }
        while (r >= 0 && (entry = readdir(dir))) {
                number = number_of(entry->d_name);
                if (number == 0)
                        continue;
                r = tree_measure(directory, entry->d_name, &bytes);
                if (r >= 0)
                        r = chunks_add(chunks, number, bytes);
        }
        closedir(dir);
        return r;
}

static int by_number(const void *a, const void *b) {
        const struct chunk *x = a, *y = b;

        return x->number < y->number ? -1 : x->number > y->number;
}

static int remove_chunk(int directory, uint32_t number) {
        char name[CONSUMER_NAME_MAX];
        int r;

        name_of(number, name);
        r = tree_remove(directory, name);
        if (r < 0)
                return r;
        return unlinkat(directory, name, AT_REMOVEDIR) < 0 && errno != ENOTEMPTY && errno != ENOENT ? -errno : 0;
}

int trim_chunks(int directory, uint64_t keep, uint32_t *ret_removed) {
        _cleanup_(chunks_done) struct chunks chunks = {};
        int r;

        *ret_removed = 0;
        r = find_chunks(directory, &chunks);
        if (r < 0)
                return r;
        if (chunks.n > 0)
                qsort(chunks.items, chunks.n, sizeof(chunks.items[0]), by_number);
        for (size_t i = 0; i < chunks.n && chunks.bytes > keep; i++) {
                /* What is left of one that had files of others in it. */
                if (chunks.items[i].bytes == 0)
                        continue;
                r = remove_chunk(directory, chunks.items[i].number);
                if (r < 0)
                        return r;
                chunks.bytes -= chunks.items[i].bytes;
                *ret_removed = chunks.items[i].number;
        }
        return 0;
}
