/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The roll: which applications are registered, and under which numbers. A table
 * in a memory file that outlives tracingd in the service manager's store. Workers
 * change it in place when applications come and go. The next tracingd goes on
 * with the same file, and gives an application that comes back its number, where
 * the kernel says that it is the same process of the same user.
 *
 * A slot counts while its number is not 0, which is stored last and taken away
 * first. Any thread; the lock is held for a few stores. A roll may be NULL.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/cleanup.h"
#include "protocol/later.h"
#include "service/state/fd-store.h"

#define ROLL_MAGIC UINT64_C(0x4c4c4f524c435254)
#define ROLL_MAJOR 1
#define ROLL_MINOR LATER_MINOR
#define ROLL_SLOTS_MAX (UINT32_C(1) << 19)

/* The file. Later minor versions have larger slots. */
struct roll_header {
        uint64_t magic;
        uint16_t major, minor;
        uint32_t header_size;
        uint32_t slot_size;
        uint32_t n_slots; /* that the file has room for */
        uint64_t last_id; /* the highest number ever given */
};

struct roll_slot {
        uint64_t id;      /* 0: free */
        uint64_t process; /* process_identity() */
        uint32_t uid;
        int32_t pid;
        uint64_t at_home; /* process, where it was in tracingd's own namespaces when it registered; else another number */
        LATER_MEMBER
};

struct roll_entry {
        uint64_t id, process;
        uid_t uid;
        pid_t pid;
        bool at_home;
};

struct roll;

/* The one that an earlier tracingd left in the store, or an empty one, which is put there. */
int roll_new(struct fd_store *store, struct roll **ret);
struct roll *roll_free(struct roll *r);
DEFINE_CLEANUP(struct roll *, roll_free)

/* Nothing changes any more: tracingd leaves. */
void roll_close(struct roll *r);

/* The highest number ever given. */
uint64_t roll_last(const struct roll *r);

/* An application was registered. What it is known by, for roll_drop(); 0: there was no room. */
uint32_t roll_put(struct roll *r, const struct roll_entry *entry);

/* Whether one that is missing was in tracingd's own namespaces when it registered. */
bool roll_was_at_home(struct roll *r, const struct roll_entry *entry);

/*
 * One that was registered with an earlier tracingd has come back. Likewise; 0: it has not, that was another one.
 * It counts as missing until roll_resumed(), which comes when others can see it: it is never in neither place.
 */
uint32_t roll_resume(struct roll *r, const struct roll_entry *entry);
void roll_resumed(struct roll *r);

void roll_drop(struct roll *r, uint32_t number);

/* Gives back the memory of slots behind the last that is used: after many were there at once. */
void roll_shrink(struct roll *r);

/* Those of an earlier tracingd that have not come back. */
uint32_t roll_missing(const struct roll *r);

/*
 * Calls gone for each of the missing that is_there does not want any more, and
 * drops it. With is_there NULL: for all. Looks at max of them at most, from
 * *position on, 0 at first; false where there are more. Main loop.
 */
bool roll_sift(struct roll *r, uint32_t *position, unsigned max, bool (*is_there)(const struct roll_entry *entry),
               void (*gone)(const struct roll_entry *entry, void *userdata), void *userdata);
