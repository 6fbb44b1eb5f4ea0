/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/parse.h"
#include "consumer/kernel-synced.h"
#include "consumer/recover-kernel.h"
#include "consumer/stream-file.h"
#include "consumer/tree.h"

struct recovery {
        int kernel; /* the directory */
        const struct kernel_synced *synced; /* NULL: all that looks right is believed */
        unsigned n; /* streams that have packets */
};

/* A stream's packets so far. */
struct packets {
        struct ctf_packet first, last;
        uint64_t size, limit;
};

/* 1 and the file; 0 where there is none that we can have made. */
static int open_ours(int directory, const char *name, int flags, int *ret_fd, uint64_t *ret_size) {
        _cleanup_close_ int fd = -1;
        struct stat st;

        fd = openat(directory, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | flags, 0600);
        if (fd < 0)
                return errno == ENOENT || errno == EISDIR || errno == ELOOP || errno == ENXIO || errno == EACCES ? 0 : -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_nlink != 1)
                return 0;
        *ret_size = (uint64_t) st.st_size;
        *ret_fd = TAKE_FD(fd);
        return 1;
}

/* As the consumer writes them, one behind the other. */
static bool follows(const struct packets *p, const struct ctf_packet *h) {
        if (h->magic != CTF_MAGIC || h->packet_size != h->content_size || h->packet_size % 8 != 0 ||
            h->packet_size / 8 < sizeof(*h) || h->packet_size / 8 > p->limit - p->size ||
            h->timestamp_end < h->timestamp_begin)
                return false;
        return p->size == 0 || (memcmp(h->uuid, p->first.uuid, sizeof(h->uuid)) == 0 &&
                                h->stream_id == p->first.stream_id && h->cpu_id == p->first.cpu_id &&
                                h->timestamp_begin >= p->last.timestamp_end &&
                                h->events_discarded >= p->last.events_discarded);
}

/* Without an index where somebody else's file is in its place. */
static int walk_packets(struct stream_file *file, struct packets *p) {
        struct ctf_packet h;

        while (pread(file->data.fd, &h, sizeof(h), (off_t) p->size) == (ssize_t) sizeof(h) && follows(p, &h)) {
                int r = file->index.fd >= 0 ? stream_file_append_index(file, &h, p->size) : 0;

                if (r < 0)
                        return r;
                if (p->size == 0)
                        p->first = h;
                p->last = h;
                p->size += h.packet_size / 8;
        }
        return 0;
}

static int open_index_directory(int kernel, int *ret_fd) {
        if (mkdirat(kernel, "index", 0700) < 0 && errno != EEXIST)
                return -errno;
        *ret_fd = openat(kernel, "index", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return *ret_fd < 0 ? -errno : 0;
}

static int remove_stream(int kernel, int index, const char *name, const char *index_name) {
        if (unlinkat(index, index_name, 0) < 0 && errno != ENOENT)
                return -errno;
        return unlinkat(kernel, name, 0) < 0 ? -errno : 0;
}

static uint64_t believed(const struct recovery *recovery, const char *name, int fd, uint64_t size) {
        struct ctf_packet first;
        uint64_t synced;

        if (!recovery->synced)
                return size;
        if (pread(fd, &first, sizeof(first), 0) != (ssize_t) sizeof(first))
                return 0;
        synced = kernel_synced_size(recovery->synced, name, &first);
        return synced < size ? synced : size;
}

static int cut(struct recovery *recovery, struct stream_file *file, const char *name, uint64_t size) {
        struct packets packets = { .limit = believed(recovery, name, file->data.fd, size) };
        int r = walk_packets(file, &packets);

        if (r >= 0 && packets.size < size && ftruncate(file->data.fd, (off_t) packets.size) < 0)
                r = -errno;
        recovery->n += packets.size > 0;
        return r < 0 ? r : packets.size > 0;
}

static int recover_stream(struct recovery *recovery, const char *name) {
        struct stream_file file = { .data = FILE_INIT, .index = FILE_INIT };
        char index_name[KERNEL_SYNCED_NAME_MAX + sizeof(".idx")];
        _cleanup_close_ int index = -1;
        uint64_t size, index_size;
        int r;

        r = open_ours(recovery->kernel, name, 0, &file.data.fd, &size);
        if (r <= 0)
                return r;
        snprintf(index_name, sizeof(index_name), "%s.idx", name);
        r = open_index_directory(recovery->kernel, &index);
        if (r >= 0)
                r = open_ours(index, index_name, O_CREAT, &file.index.fd, &index_size);
        /* What is in it goes with the first entry. */
        file.index.dirty = true;
        if (r >= 0)
                r = cut(recovery, &file, name, size);
        stream_file_done(&file);
        return r == 0 ? remove_stream(recovery->kernel, index, name, index_name) : r;
}

static int recover_streams(struct recovery *recovery) {
        _cleanup_close_ int fd = openat(recovery->kernel, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct dirent *entry;
        DIR *dir;
        int r = 0;

        if (fd < 0)
                return -errno;
        dir = fdopendir(fd);
        if (!dir)
                return -ENOMEM;
        fd = -1;
        while (r >= 0 && (entry = readdir(dir)))
                if (entry->d_name[0] != '.' && strcmp(entry->d_name, "metadata") != 0 &&
                    strcmp(entry->d_name, "index") != 0 && strlen(entry->d_name) < KERNEL_SYNCED_NAME_MAX)
                        r = recover_stream(recovery, entry->d_name);
        closedir(dir);
        return r;
}

/* Where the last description ends that is whole: each ends so, and nothing else does. */
static uint64_t end_of_descriptions(int fd, uint64_t size) {
        static const char mark[] = { '}', ';', '\n', '\n' };
        char buffer[4096];

        while (size >= sizeof(mark)) {
                uint64_t begin = size > sizeof(buffer) ? size - sizeof(buffer) : 0;

                if (pread(fd, buffer, size - begin, (off_t) begin) != (ssize_t) (size - begin))
                        return 0;
                for (uint64_t end = size; end >= begin + sizeof(mark); end--)
                        if (memcmp(buffer + (end - begin - sizeof(mark)), mark, sizeof(mark)) == 0)
                                return end;
                size = begin > 0 ? begin + sizeof(mark) - 1 : 0;
        }
        return 0;
}

static int recover_metadata(const struct recovery *recovery) {
        _cleanup_close_ int fd = -1;
        uint64_t size, end;
        int r;

        r = open_ours(recovery->kernel, "metadata", 0, &fd, &size);
        if (r <= 0)
                return r;
        end = recovery->synced && recovery->synced->metadata < size ? recovery->synced->metadata : size;
        end = end_of_descriptions(fd, end);
        return end < size && ftruncate(fd, (off_t) end) < 0 ? -errno : 0;
}

/* A trace without packets has nothing to say; its metadata can be in pieces. */
static int recover_present(int directory, const struct kernel_synced *synced) {
        struct recovery recovery = { .synced = synced };
        int r;

        recovery.kernel = openat(directory, "kernel", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (recovery.kernel < 0)
                return errno == ENOENT ? 0 : -errno;
        r = recover_streams(&recovery);
        if (r >= 0)
                r = recover_metadata(&recovery);
        close(recovery.kernel);
        return r >= 0 && recovery.n == 0 ? tree_remove_part(directory, "kernel") : r;
}

/* In the directory itself, or one of a chunk or snapshot. */
static bool has_kernel(int directory) {
        char path[sizeof(((struct dirent *) NULL)->d_name) + sizeof("/kernel/metadata")];
        int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        bool found = faccessat(directory, "kernel/metadata", F_OK, 0) >= 0;
        DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
        struct dirent *entry;

        if (!dir) {
                closep(&fd);
                return found;
        }
        while (!found && (entry = readdir(dir)))
                if (name_is_valid(entry->d_name)) {
                        snprintf(path, sizeof(path), "%s/kernel/metadata", entry->d_name);
                        found = faccessat(directory, path, F_OK, 0) >= 0;
                }
        closedir(dir);
        return found;
}

int recover_kernel(int directory, int place, bool rebooted, bool *ret_kernel) {
        struct kernel_synced synced = {};
        int r = 0;

        if (rebooted)
                r = kernel_synced_read(place, &synced);
        if (r >= 0)
                r = recover_present(directory, r > 0 ? &synced : NULL);
        kernel_synced_done(&synced);
        if (r >= 0)
                *ret_kernel = has_kernel(directory);
        return r;
}
