/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "consumer/ring-place.h"
#include "consumer/tree.h"

#define NAME_SIZE sizeof("18446744073709551615-4294967295.positions")

/*
 * Where a store to a mapped page can fail although the page was allocated, the
 * program that records would be killed, or wait: because a server or a process
 * does not answer, or because even what is there is written to a new place each
 * time. (btrfs can be told not to; a store to a full one still looks for room, for
 * tens of milliseconds, or fails, and after a snapshot it needs it.)
 */
static bool is_dangerous(int directory) {
        static const uint32_t types[] = {
                0x6969,     0x517b,     0xff534d42, 0xfe534d42, /* nfs, smb, cifs, smb2 */
                0x01021997, 0x65735546, 0x00c36400, 0x5346414f, /* 9p, fuse, ceph, afs */
                0x2fc12fc1, 0xca451a4e, 0x9123683e,             /* zfs, bcachefs, btrfs */
        };
        struct statfs s;

        if (fstatfs(directory, &s) < 0)
                return true;
        for (size_t i = 0; i < ARRAY_SIZE(types); i++)
                if ((uint32_t) s.f_type == types[i])
                        return true;
        return false;
}

static int open_place(int directory, int *ret_fd) {
        int fd = openat(directory, RING_PLACE, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        *ret_fd = fd;
        return 0;
}

int ring_place_take(int directory, bool resumed, int *ret_lock) {
        _cleanup_close_ int fd = -1;
        struct stat st;
        int r;

        if (is_dangerous(directory))
                return -EOPNOTSUPP;
        if (mkdirat(directory, RING_PLACE, 0700) < 0 && errno != EEXIST)
                return -errno;
        r = open_place(directory, &fd);
        if (r < 0)
                return r;
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                return errno == EWOULDBLOCK ? -EBUSY : -errno;
        if (!resumed && fstatat(fd, "journal", &st, AT_SYMLINK_NOFOLLOW) >= 0)
                return -EEXIST;
        *ret_lock = TAKE_FD(fd);
        return 0;
}

static void name_of(const struct request *q, char ret[NAME_SIZE]) {
        switch (q->kind) {
        case REQUEST_JOURNAL:
                strcpy(ret, "journal");
                break;
        case REQUEST_RECORD:
                strcpy(ret, "session");
                break;
        default:
                snprintf(ret, NAME_SIZE, "%" PRIu64 "-%" PRIu32 "%s", q->set_id, q->stream,
                         q->kind == REQUEST_RING ? "" : ".positions");
        }
}

/* Whether fd is a file that this session can have made. */
static int check_ours(int fd, struct stat *st) {
        if (fstat(fd, st) < 0)
                return -errno;
        return S_ISREG(st->st_mode) && st->st_uid == geteuid() && st->st_nlink == 1 ? 0 : -EPERM;
}

/* A hole would be a SIGBUS in whoever stores to it. */
static int allocate(int fd, uint64_t size) {
        struct stat st;
        int r;

        r = check_ours(fd, &st);
        if (r < 0)
                return r;
        if (size == 0)
                return 0;
        if ((uint64_t) st.st_size > size)
                return -EBADMSG;
        r = posix_fallocate(fd, 0, (off_t) size);
        /* The disk may have been taken in part, to its end. */
        if (r > 0 && st.st_size == 0)
                (void) !ftruncate(fd, 0);
        return -r;
}

int ring_place_open(int directory, const struct request *q, int *ret_fd) {
        bool reader = q->kind == REQUEST_POSITIONS_READER;
        _cleanup_close_ int place = -1, fd = -1;
        char name[NAME_SIZE];
        struct stat st;
        int r;

        r = open_place(directory, &place);
        if (r < 0)
                return r;
        name_of(q, name);
        fd = openat(place, name, (reader ? O_RDONLY : O_RDWR | O_CREAT) | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        r = reader ? check_ours(fd, &st) : allocate(fd, q->size);
        if (r < 0)
                return r;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

int ring_place_open_snapshot(int directory, int *ret_fd) {
        return open_place(directory, ret_fd);
}

int ring_place_clear(int directory) {
        _cleanup_close_ int place = -1;
        int r;

        r = open_place(directory, &place);
        return r < 0 ? r : tree_remove(place, "");
}

/* Where it was, where it is, and that this is there. */
static int sync_names(int directory, int place, const char *name) {
        _cleanup_close_ int fd = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        return fd < 0 || fsync(fd) < 0 || fsync(directory) < 0 || fsync(place) < 0 ? -EIO : 0;
}

int ring_place_publish(int directory, const char *name, bool sync) {
        _cleanup_close_ int place = -1;
        int synced = 0, r;

        r = open_place(directory, &place);
        if (r >= 0 && sync && tree_sync(place) < 0)
                synced = -EIO;
        if (r >= 0)
                r = tree_move_from(place, directory, name);
        if (r >= 0 && sync && synced >= 0)
                synced = sync_names(directory, place, name);
        return r < 0 ? r : synced;
}

/* Those of a set: the files whose name begins with its number. */
static int forget(int place, uint64_t set) {
        _cleanup_close_ int copy = openat(place, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        char begin[sizeof("18446744073709551615-")];
        struct dirent *entry;
        DIR *dir;

        if (copy < 0)
                return -errno;
        dir = fdopendir(copy);
        if (!dir)
                return -ENOMEM;
        copy = -1;
        snprintf(begin, sizeof(begin), "%" PRIu64 "-", set);
        while ((entry = readdir(dir)))
                if (strncmp(entry->d_name, begin, strlen(begin)) == 0)
                        (void) unlinkat(place, entry->d_name, 0);
        closedir(dir);
        return 0;
}

int ring_place_change(int directory, const struct request *q) {
        _cleanup_close_ int place = -1;
        int r;

        if (q->kind == REQUEST_END) {
                r = ring_place_clear(directory);
                return r < 0 ? r : tree_remove_part(directory, RING_PLACE);
        }
        r = open_place(directory, &place);
        return r < 0 ? r : forget(place, q->set_id);
}
