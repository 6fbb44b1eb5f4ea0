/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fd.h"
#include "common/hash.h"
#include "consumer/kernel-synced.h"
#include "consumer/ring-place.h"

#define NAME "synced"
#define NAME_NEW "synced.new"

/* More than any number of processors and channels makes. */
#define FILE_SIZE_MAX (64 << 20)

static uint64_t hash_first(const struct ctf_packet *first) {
        return hash_bytes(HASH_INIT, first, sizeof(*first));
}

static int add(struct kernel_synced *synced, const char *name, uint64_t size, const struct ctf_packet *first) {
        struct kernel_synced_stream *streams;

        streams = reallocarray(synced->streams, synced->n + 1, sizeof(*streams));
        if (!streams)
                return -ENOMEM;
        synced->streams = streams;
        streams[synced->n] = (struct kernel_synced_stream) { .size = size, .first = hash_first(first) };
        memcpy(streams[synced->n++].name, name, strlen(name) + 1);
        return 0;
}

/* A stream without a whole header has nothing that could be believed. */
static int look_at(struct kernel_synced *synced, int kernel, const char *name) {
        _cleanup_close_ int fd = -1;
        struct ctf_packet first;
        struct stat st;

        if (name[0] == '.' || strcmp(name, "metadata") == 0 || strlen(name) >= KERNEL_SYNCED_NAME_MAX)
                return 0;
        fd = openat(kernel, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
            pread(fd, &first, sizeof(first), 0) != (ssize_t) sizeof(first))
                return 0;
        return add(synced, name, (uint64_t) st.st_size, &first);
}

/* The metadata last: it is written before what needs it. */
static int look_below(struct kernel_synced *synced, DIR *dir) {
        struct dirent *entry;
        struct stat st;
        int r = 0;

        while (r >= 0 && (entry = readdir(dir)))
                r = look_at(synced, dirfd(dir), entry->d_name);
        if (r >= 0 && fstatat(dirfd(dir), "metadata", &st, AT_SYMLINK_NOFOLLOW) >= 0)
                synced->metadata = (uint64_t) st.st_size;
        return r;
}

int kernel_synced_look(int directory, struct kernel_synced *ret) {
        int fd = openat(directory, "kernel", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), r;
        DIR *dir;

        *ret = (struct kernel_synced) {};
        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        dir = fdopendir(fd);
        if (!dir) {
                close(fd);
                return -ENOMEM;
        }
        r = look_below(ret, dir);
        closedir(dir);
        if (r < 0)
                kernel_synced_done(ret);
        return r;
}

void kernel_synced_done(struct kernel_synced *synced) {
        free(synced->streams);
        *synced = (struct kernel_synced) {};
}

bool kernel_synced_equal(const struct kernel_synced *a, const struct kernel_synced *b) {
        return a->metadata == b->metadata && a->n == b->n &&
               (a->n == 0 || memcmp(a->streams, b->streams, a->n * sizeof(a->streams[0])) == 0);
}

static int write_new(int place, const struct kernel_synced *synced) {
        struct kernel_synced_header h = {
                .magic = KERNEL_SYNCED_MAGIC,
                .major = KERNEL_SYNCED_MAJOR,
                .minor = KERNEL_SYNCED_MINOR,
                .header_size = sizeof(h),
                .stream_size = sizeof(synced->streams[0]),
                .n = synced->n,
                .metadata = synced->metadata,
        };
        struct iovec iov[] = { { &h, sizeof(h) }, { synced->streams, synced->n * sizeof(synced->streams[0]) } };
        _cleanup_close_ int fd = -1;
        int r;

        h.hash = hash_bytes(hash_bytes(HASH_INIT, &h, sizeof(h)), iov[1].iov_base, iov[1].iov_len);
        fd = openat(place, NAME_NEW, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        r = pwritev_full(fd, iov, synced->n > 0 ? 2 : 1, 0);
        if (r < 0)
                return r;
        return fsync(fd) < 0 ? -errno : 0;
}

int kernel_synced_keep(int directory, const struct kernel_synced *synced) {
        _cleanup_close_ int place = openat(directory, RING_PLACE, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int r;

        if (place < 0)
                return -errno;
        r = write_new(place, synced);
        if (r >= 0 && (renameat(place, NAME_NEW, place, NAME) < 0 || fsync(place) < 0))
                r = -errno;
        return r;
}

int kernel_synced_begin(int directory) {
        static const struct kernel_synced nothing;

        return kernel_synced_keep(directory, &nothing);
}

static bool makes_sense(const struct kernel_synced_header *h, uint64_t size) {
        return h->magic == KERNEL_SYNCED_MAGIC && h->major == KERNEL_SYNCED_MAJOR &&
               h->header_size >= SIZE_BEFORE_LATER(*h) && h->header_size <= size &&
               h->stream_size >= SIZE_BEFORE_LATER(struct kernel_synced_stream) && h->n <= size &&
               (size - h->header_size) / h->stream_size == h->n &&
               (size - h->header_size) % h->stream_size == 0;
}

/* As another version has it, perhaps with more in each struct. */
static int parse(char *data, uint64_t size, struct kernel_synced *ret) {
        struct kernel_synced_header h = {};
        struct kernel_synced synced;
        uint64_t hash;

        memcpy(&h, data, SIZE_BEFORE_LATER(h));
        if (!makes_sense(&h, size))
                return 0;
        memset(data + offsetof(struct kernel_synced_header, hash), 0, sizeof(hash));
        hash = hash_bytes(HASH_INIT, data, size);
        if (hash != h.hash)
                return 0;
        synced = (struct kernel_synced) { .metadata = h.metadata, .n = h.n };
        synced.streams = calloc(h.n + 1, sizeof(synced.streams[0]));
        if (!synced.streams)
                return -ENOMEM;
        for (uint64_t i = 0; i < h.n; i++)
                memcpy(&synced.streams[i], data + h.header_size + i * h.stream_size,
                       SIZE_BEFORE_LATER(struct kernel_synced_stream));
        *ret = synced;
        return 1;
}

int kernel_synced_read(int place, struct kernel_synced *ret) {
        _cleanup_close_ int fd = openat(place, NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        _cleanup_free_ char *data = NULL;
        struct stat st;

        *ret = (struct kernel_synced) {};
        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_size < (off_t) SIZE_BEFORE_LATER(struct kernel_synced_header) ||
            st.st_size > FILE_SIZE_MAX)
                return 0;
        data = malloc((size_t) st.st_size);
        if (!data)
                return -ENOMEM;
        if (pread(fd, data, (size_t) st.st_size, 0) != (ssize_t) st.st_size)
                return 0;
        return parse(data, (uint64_t) st.st_size, ret);
}

uint64_t kernel_synced_size(const struct kernel_synced *synced, const char *name, const struct ctf_packet *first) {
        uint64_t hash = hash_first(first);

        for (uint64_t i = 0; i < synced->n; i++)
                if (strncmp(synced->streams[i].name, name, KERNEL_SYNCED_NAME_MAX) == 0 &&
                    synced->streams[i].first == hash)
                        return synced->streams[i].size;
        return 0;
}
