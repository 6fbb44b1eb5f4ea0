/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "service/state/roll.h"

/* Slots were mostly filled in the order of numbers: one is looked for from so many places before its own on. */
#define SLOTS_NEAR 16

/* The file grows by so many slots, two pages; memory for them is there before they are used. */
#define SLOTS_STEP 256

struct roll {
        pthread_mutex_t lock;
        struct fd_store *store;
        uint64_t stored;
        int fd;
        bool closed;
        size_t size; /* that is mapped, for the file's largest */
        struct roll_header *header;
        uint8_t *missing; /* for each slot: of an earlier tracingd's application that has not come back */
        uint32_t n_used, first_free; /* slots ever used; a hint */
        atomic_uint n_missing;
};

static struct roll_slot *slot_at(const struct roll *r, uint32_t i) {
        return (struct roll_slot *) ((char *) r->header + r->header->header_size + (size_t) i * r->header->slot_size);
}

static int map(struct roll *r, size_t header_size, size_t slot_size) {
        void *p;

        r->size = header_size + slot_size * ROLL_SLOTS_MAX;
        p = mmap(NULL, r->size, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
        if (p == MAP_FAILED)
                return -errno;
        r->header = p;
        return 0;
}

static int grow(struct roll *r) {
        uint32_t n = r->header->n_slots + SLOTS_STEP;
        int k;

        if (n > ROLL_SLOTS_MAX)
                return -ENOSPC;
        k = posix_fallocate(r->fd, 0, (off_t) (r->header->header_size + (size_t) n * r->header->slot_size));
        if (k > 0)
                return -k;
        r->header->n_slots = n;
        return 0;
}

static int make_file(struct roll *r) {
        int k;

        r->fd = memfd_create("tracectl-roll", MFD_CLOEXEC);
        if (r->fd < 0)
                return -errno;
        k = posix_fallocate(r->fd, 0, sizeof(*r->header));
        if (k > 0)
                return -k;
        k = map(r, sizeof(*r->header), sizeof(struct roll_slot));
        if (k < 0)
                return k;
        *r->header = (struct roll_header) {
                .magic = ROLL_MAGIC,
                .major = ROLL_MAJOR,
                .minor = ROLL_MINOR,
                .header_size = sizeof(*r->header),
                .slot_size = sizeof(struct roll_slot),
        };
        k = grow(r);
        if (k >= 0)
                r->stored = fd_store_add(r->store, r->fd, FD_STORE_STATE);
        return k;
}

/* Another version's slots are as large as it says. */
static bool read_header(int fd, struct roll_header *ret) {
        struct roll_header h;
        struct stat st;

        if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || pread(fd, &h, sizeof(h), 0) != sizeof(h))
                return false;
        if (h.magic != ROLL_MAGIC || h.major != ROLL_MAJOR || h.header_size < sizeof(h) || h.header_size > 4096 ||
            h.header_size % 8 != 0 || h.slot_size < SIZE_BEFORE_LATER(struct roll_slot) || h.slot_size > 4096 ||
            h.slot_size % 8 != 0 || h.n_slots > ROLL_SLOTS_MAX)
                return false;
        *ret = h;
        return (uint64_t) st.st_size >= h.header_size + (uint64_t) h.n_slots * h.slot_size;
}

/* All that are there are missing until they come back. */
static void read_slots(struct roll *r) {
        for (uint32_t i = 0; i < r->header->n_slots; i++)
                if (slot_at(r, i)->id) {
                        r->missing[i] = 1;
                        r->n_used = i + 1;
                        atomic_fetch_add(&r->n_missing, 1);
                }
}

/* 1: that one was taken over. */
static int find_file(struct roll *r) {
        struct fd_identity identity;
        struct roll_header h;
        size_t position = 0;
        int fd, k;

        while ((fd = fd_store_next(r->store, &position, &identity)) >= 0) {
                if (!read_header(fd, &h))
                        continue;
                r->fd = fd_store_claim(r->store, &identity, &r->stored);
                if (r->fd < 0)
                        return r->fd;
                k = map(r, h.header_size, h.slot_size);
                if (k < 0)
                        return k;
                read_slots(r);
                return 1;
        }
        return 0;
}

int roll_new(struct fd_store *store, struct roll **ret) {
        _cleanup_(roll_freep) struct roll *r = NULL;
        int k;

        r = calloc(1, sizeof(*r));
        if (!r)
                return -ENOMEM;
        r->fd = -1;
        r->store = store;
        pthread_mutex_init(&r->lock, NULL);
        r->missing = calloc(ROLL_SLOTS_MAX, 1);
        if (!r->missing)
                return -ENOMEM;
        k = find_file(r);
        if (k == 0)
                k = make_file(r);
        if (k < 0)
                return k;
        *ret = TAKE_PTR(r);
        return 0;
}

struct roll *roll_free(struct roll *r) {
        if (!r)
                return NULL;
        if (!r->closed)
                fd_store_remove(r->store, &r->stored);
        if (r->header)
                munmap(r->header, r->size);
        closep(&r->fd);
        free(r->missing);
        pthread_mutex_destroy(&r->lock);
        free(r);
        return NULL;
}

void roll_close(struct roll *r) {
        if (!r)
                return;
        pthread_mutex_lock(&r->lock);
        r->closed = true;
        pthread_mutex_unlock(&r->lock);
}

uint64_t roll_last(const struct roll *r) {
        return r ? r->header->last_id : 0;
}

static int find_free(struct roll *r, uint32_t *ret) {
        uint32_t i = r->first_free;
        int k;

        while (i < r->n_used && slot_at(r, i)->id)
                i++;
        if (i == r->header->n_slots) {
                k = grow(r);
                if (k < 0)
                        return k;
        }
        r->first_free = i + 1;
        if (i >= r->n_used)
                r->n_used = i + 1;
        *ret = i;
        return 0;
}

/* The number is last, so that a process that is killed here leaves a free slot. */
static void fill(struct roll *r, uint32_t i, const struct roll_entry *entry) {
        struct roll_slot *slot = slot_at(r, i);

        if (r->header->last_id < entry->id)
                __atomic_store_n(&r->header->last_id, entry->id, __ATOMIC_RELAXED);
        slot->process = entry->process;
        slot->uid = entry->uid;
        slot->pid = entry->pid;
        /* Earlier versions leave what is there: of another process. */
        slot->at_home = entry->at_home ? entry->process : 0;
        __atomic_store_n(&slot->id, entry->id, __ATOMIC_RELEASE);
}

uint32_t roll_put(struct roll *r, const struct roll_entry *entry) {
        uint32_t i = 0;
        int k = -EPIPE;

        if (!r)
                return 0;
        pthread_mutex_lock(&r->lock);
        if (!r->closed)
                k = find_free(r, &i);
        if (k >= 0)
                fill(r, i, entry);
        pthread_mutex_unlock(&r->lock);
        return k < 0 ? 0 : i + 1;
}

static bool is_of(const struct roll_slot *slot, const struct roll_entry *entry) {
        return slot->id == entry->id && slot->uid == entry->uid && slot->pid == entry->pid &&
               slot->process == entry->process;
}

/* Of one that is missing, under the lock; 0: there is none. */
static uint32_t find_missing(const struct roll *r, const struct roll_entry *entry) {
        uint32_t first;

        /* Where the kernel does not tell processes apart, nobody is known again. */
        if (entry->id == 0 || entry->process == 0)
                return 0;
        first = (uint32_t) ((entry->id - 1) % (r->n_used ? r->n_used : 1));
        first = first < SLOTS_NEAR ? 0 : first - SLOTS_NEAR;
        for (uint32_t n = 0; n < r->n_used && atomic_load(&r->n_missing) > 0; n++) {
                uint32_t i = (first + n) % r->n_used;

                if (r->missing[i] && is_of(slot_at(r, i), entry))
                        return i + 1;
        }
        return 0;
}

bool roll_was_at_home(struct roll *r, const struct roll_entry *entry) {
        uint32_t number;
        bool was;

        if (!r)
                return false;
        pthread_mutex_lock(&r->lock);
        number = find_missing(r, entry);
        was = number > 0 && slot_at(r, number - 1)->at_home == entry->process;
        pthread_mutex_unlock(&r->lock);
        return was;
}

uint32_t roll_resume(struct roll *r, const struct roll_entry *entry) {
        uint32_t number;

        if (!r)
                return 0;
        pthread_mutex_lock(&r->lock);
        number = find_missing(r, entry);
        if (number > 0)
                r->missing[number - 1] = 0;
        pthread_mutex_unlock(&r->lock);
        return number;
}

void roll_resumed(struct roll *r) {
        atomic_fetch_sub(&r->n_missing, 1);
}

void roll_drop(struct roll *r, uint32_t number) {
        if (!r || number == 0)
                return;
        pthread_mutex_lock(&r->lock);
        if (!r->closed) {
                __atomic_store_n(&slot_at(r, number - 1)->id, 0, __ATOMIC_RELEASE);
                if (number - 1 < r->first_free)
                        r->first_free = number - 1;
        }
        pthread_mutex_unlock(&r->lock);
}

void roll_shrink(struct roll *r) {
        uint32_t n;

        if (!r)
                return;
        pthread_mutex_lock(&r->lock);
        while (r->n_used > 0 && !slot_at(r, r->n_used - 1)->id)
                r->n_used--;
        if (r->first_free > r->n_used)
                r->first_free = r->n_used;
        n = r->n_used < SLOTS_STEP ? SLOTS_STEP : (r->n_used + SLOTS_STEP - 1) / SLOTS_STEP * SLOTS_STEP;
        if (!r->closed && n < r->header->n_slots) {
                off_t from = (off_t) ((char *) slot_at(r, n) - (char *) r->header);

                /* The number is first, so that a process that is killed here leaves a file that says what it has. A
                 * hole, not an end: roll_sift() may be about to read a slot that it then finds free. Beyond the end,
                 * since of the last page nothing is given back otherwise. */
                __atomic_store_n(&r->header->n_slots, n, __ATOMIC_RELEASE);
                (void) fallocate(r->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, from,
                                 (off_t) r->size - from);
        }
        pthread_mutex_unlock(&r->lock);
}

uint32_t roll_missing(const struct roll *r) {
        return r ? atomic_load(&r->n_missing) : 0;
}

/* False: no longer missing. */
static bool read_missing(struct roll *r, uint32_t i, struct roll_entry *ret) {
        const struct roll_slot *slot = slot_at(r, i);
        bool missing;

        pthread_mutex_lock(&r->lock);
        missing = r->missing[i];
        *ret = (struct roll_entry) { .id = slot->id, .process = slot->process, .uid = slot->uid, .pid = slot->pid };
        pthread_mutex_unlock(&r->lock);
        return missing;
}

static bool give_up(struct roll *r, uint32_t i) {
        bool missing;

        pthread_mutex_lock(&r->lock);
        missing = r->missing[i];
        r->missing[i] = 0;
        if (missing)
                atomic_fetch_sub(&r->n_missing, 1);
        pthread_mutex_unlock(&r->lock);
        if (missing)
                roll_drop(r, i + 1);
        return missing;
}

bool roll_sift(struct roll *r, uint32_t *position, unsigned max, bool (*is_there)(const struct roll_entry *entry),
               void (*gone)(const struct roll_entry *entry, void *userdata), void *userdata) {
        struct roll_entry entry;

        for (; r && *position < r->n_used && roll_missing(r) > 0; (*position)++) {
                if (!read_missing(r, *position, &entry))
                        continue;
                if (max-- == 0)
                        return false;
                if ((!is_there || !is_there(&entry)) && give_up(r, *position))
                        gone(&entry, userdata);
        }
        *position = 0;
        return true;
}
