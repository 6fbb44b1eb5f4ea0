/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/queue.h>

#include "service/state/fd-store.h"
#include "service/state/ledger.h"

#define SIZE_MIN (UINT64_C(64) << 10)
#define COMPACT_MIN (UINT64_C(1) << 20)

struct ledger_entry {
        TAILQ_ENTRY(ledger_entry) entries;
        uint64_t offset;
        uint32_t size;
};

TAILQ_HEAD(ledger_entries, ledger_entry);

struct file {
        int fd;
        uint64_t size;
        struct ledger_header *header;
        uint64_t stored; /* in the store of descriptors */
};

struct ledger {
        pthread_mutex_t lock;
        struct fd_store *store;
        struct file file;
        struct ledger_entries live; /* in the order of the file */
        uint64_t live_bytes;
        bool closed;
};

static uint64_t padded(uint64_t n) {
        return (n + 7) & ~UINT64_C(7);
}

static void file_done(struct file *f) {
        if (f->header)
                munmap(f->header, f->size);
        closep(&f->fd);
        *f = (struct file) { .fd = -1 };
}

static int file_new(uint64_t size, uint64_t sequence, struct file *ret) {
        struct file f = { .size = size };
        void *p;
        int r;

        f.fd = memfd_create("tracectl-state", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (f.fd < 0)
                return -errno;
        /* Every page is there: a full memory is an error of ours, and no SIGBUS. */
        r = posix_fallocate(f.fd, 0, (off_t) size);
        p = r == 0 ? mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, f.fd, 0) : MAP_FAILED;
        if (p == MAP_FAILED) {
                r = r > 0 ? -r : -errno;
                close(f.fd);
                return r;
        }
        f.header = p;
        *f.header = (struct ledger_header) {
                .magic = LEDGER_MAGIC,
                .major = LEDGER_MAJOR,
                .minor = LEDGER_MINOR,
                .header_size = sizeof(*f.header),
                .sequence = sequence,
                .n_counters = _LEDGER_COUNTERS,
                .committed = sizeof(*f.header),
        };
        *ret = f;
        return 0;
}

static int file_grow(struct file *f, uint64_t needed) {
        uint64_t size = f->size;
        void *p;
        int r;

        while (size < needed)
                size *= 2;
        if (size > LEDGER_SIZE_MAX)
                return -EFBIG;
        r = posix_fallocate(f->fd, 0, (off_t) size);
        if (r > 0)
                return -r;
        p = mremap(f->header, f->size, size, MREMAP_MAYMOVE);
        if (p == MAP_FAILED)
                return -errno;
        f->header = p;
        f->size = size;
        return 0;
}

static struct ledger_record *record_at(const struct file *f, uint64_t offset) {
        return (struct ledger_record *) ((char *) f->header + offset);
}

/* Pairs with nothing in this process: what counts is that a process that is killed has written in this order. */
static void commit(struct file *f, uint64_t committed) {
        __atomic_store_n(&f->header->committed, committed, __ATOMIC_RELEASE);
}

static void copy_live(struct ledger *l, struct file *to) {
        uint64_t offset = to->header->committed;
        struct ledger_entry *e;

        memcpy(to->header->counters, l->file.header->counters, sizeof(to->header->counters));
        TAILQ_FOREACH(e, &l->live, entries) {
                memcpy((char *) to->header + offset, record_at(&l->file, e->offset), e->size);
                record_at(to, offset)->replaces = 0;
                e->offset = offset;
                offset += padded(e->size);
        }
        commit(to, offset);
        __atomic_store_n(&to->header->complete, l->file.header->complete, __ATOMIC_RELEASE);
}

/* Whatever goes wrong, the old file is as good. */
static void compact(struct ledger *l) {
        uint64_t size = SIZE_MIN, needed = sizeof(*l->file.header) + l->live_bytes + l->live_bytes / 2;
        struct file next;

        while (size < needed)
                size *= 2;
        if (file_new(size, l->file.header->sequence + 1, &next) < 0)
                return;
        next.stored = l->file.stored ? fd_store_add(l->store, next.fd, FD_STORE_STATE) : 0;
        if (l->file.stored && !next.stored) {
                file_done(&next);
                return;
        }
        copy_live(l, &next);
        fd_store_remove(l->store, &l->file.stored);
        file_done(&l->file);
        l->file = next;
}

static void compact_above(struct ledger *l, uint64_t least) {
        uint64_t committed = l->file.header->committed;

        if (committed > least && l->live_bytes < committed / 2)
                compact(l);
}

static int make_room(struct ledger *l, uint64_t size) {
        uint64_t committed = l->file.header->committed;

        if (committed + size <= l->file.size)
                return 0;
        compact_above(l, COMPACT_MIN);
        committed = l->file.header->committed;
        return committed + size <= l->file.size ? 0 : file_grow(&l->file, committed + size);
}

static void append(struct ledger *l, struct ledger_entry *e, uint16_t type, uint64_t replaces,
                   const struct iovec *parts, size_t n) {
        const uint64_t offset = l->file.header->committed;
        char *p = (char *) l->file.header + offset;

        *record_at(&l->file, offset) = (struct ledger_record) { .size = e->size, .type = type, .replaces = replaces };
        p += sizeof(struct ledger_record);
        for (size_t i = 0; i < n; i++) {
                if (parts[i].iov_len > 0)
                        memcpy(p, parts[i].iov_base, parts[i].iov_len);
                p += parts[i].iov_len;
        }
        e->offset = offset;
        commit(&l->file, offset + padded(e->size));
}

static void forget(struct ledger *l, struct ledger_entry *e) {
        if (!l->closed)
                __atomic_store_n(&record_at(&l->file, e->offset)->flags, LEDGER_DEAD, __ATOMIC_RELEASE);
        TAILQ_REMOVE(&l->live, e, entries);
        l->live_bytes -= padded(e->size);
        free(e);
}

static int put_locked(struct ledger *l, struct ledger_entry **entry, uint16_t type, const struct iovec *parts, size_t n) {
        uint64_t size = sizeof(struct ledger_record);
        struct ledger_entry *e;
        int r;

        for (size_t i = 0; i < n; i++)
                size += parts[i].iov_len;
        if (size > LEDGER_SIZE_MAX / 2)
                return -EFBIG;
        r = make_room(l, padded(size));
        if (r < 0)
                return r;
        e = malloc(sizeof(*e));
        if (!e)
                return -ENOMEM;
        *e = (struct ledger_entry) { .size = (uint32_t) size };
        append(l, e, type, *entry ? (*entry)->offset : 0, parts, n);
        TAILQ_INSERT_TAIL(&l->live, e, entries);
        l->live_bytes += padded(size);
        if (*entry)
                forget(l, *entry);
        *entry = e;
        return 0;
}

int ledger_put(struct ledger *l, struct ledger_entry **entry, uint16_t type, const struct iovec *parts, size_t n) {
        int r;

        if (!l)
                return 0;
        pthread_mutex_lock(&l->lock);
        r = l->closed ? -EPIPE : put_locked(l, entry, type, parts, n);
        pthread_mutex_unlock(&l->lock);
        return r;
}

void ledger_drop(struct ledger *l, struct ledger_entry **entry) {
        if (!l || !*entry)
                return;
        pthread_mutex_lock(&l->lock);
        forget(l, TAKE_PTR(*entry));
        pthread_mutex_unlock(&l->lock);
}

void ledger_shrink(struct ledger *l) {
        if (!l)
                return;
        pthread_mutex_lock(&l->lock);
        if (!l->closed)
                compact_above(l, SIZE_MIN);
        pthread_mutex_unlock(&l->lock);
}

void ledger_count(struct ledger *l, enum ledger_counter which, uint64_t value) {
        if (!l)
                return;
        pthread_mutex_lock(&l->lock);
        if (!l->closed && l->file.header->counters[which] < value)
                __atomic_store_n(&l->file.header->counters[which], value, __ATOMIC_RELAXED);
        pthread_mutex_unlock(&l->lock);
}

int ledger_complete(struct ledger *l) {
        __atomic_store_n(&l->file.header->complete, 1, __ATOMIC_RELEASE);
        l->file.stored = fd_store_add(l->store, l->file.fd, FD_STORE_STATE);
        return l->file.stored ? 0 : -ENOSPC;
}

bool ledger_is_stored(struct ledger *l) {
        bool stored;

        if (!l)
                return false;
        pthread_mutex_lock(&l->lock);
        stored = l->file.stored;
        pthread_mutex_unlock(&l->lock);
        return stored;
}

void ledger_close(struct ledger *l) {
        if (!l)
                return;
        pthread_mutex_lock(&l->lock);
        l->closed = true;
        pthread_mutex_unlock(&l->lock);
}

int ledger_new(struct fd_store *store, uint64_t sequence, struct ledger **ret) {
        _cleanup_(ledger_freep) struct ledger *l = NULL;
        int r;

        l = malloc(sizeof(*l));
        if (!l)
                return -ENOMEM;
        *l = (struct ledger) { .store = store, .file = { .fd = -1 } };
        pthread_mutex_init(&l->lock, NULL);
        TAILQ_INIT(&l->live);
        r = file_new(SIZE_MIN, sequence + 1, &l->file);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(l);
        return 0;
}

struct ledger *ledger_free(struct ledger *l) {
        struct ledger_entry *e;

        if (!l)
                return NULL;
        while ((e = TAILQ_FIRST(&l->live))) {
                TAILQ_REMOVE(&l->live, e, entries);
                free(e);
        }
        if (!l->closed)
                fd_store_remove(l->store, &l->file.stored);
        file_done(&l->file);
        pthread_mutex_destroy(&l->lock);
        free(l);
        return NULL;
}
