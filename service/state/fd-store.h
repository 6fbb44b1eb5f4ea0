/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The service manager's store of descriptors (FileDescriptorStoreMax= of our
 * unit): what lies there outlives us, and is passed to the next tracingd. A
 * descriptor is found again by its identity, that is device and inode; its name
 * only tells the store what to take away.
 *
 * Few may be there: the manager compares a new one with all others, and all
 * names travel in one string. What is too much is dropped in silence, so we
 * count ourselves, and refuse. Rings, which anybody can have many of, and
 * without which a restart costs nothing while their consumer lives, leave room
 * for that without which a session ends, and this for the state, without which
 * all sessions end. Any thread. A store may be NULL: there is none.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/cleanup.h"

#define FD_STORE_MAX 512 /* as FileDescriptorStoreMax= of the units has it */

/* What it is for, by which it finds room. */
enum fd_store_use {
        FD_STORE_RINGS,
        FD_STORE_SESSION, /* its output, status page and connection */
        FD_STORE_STATE,
        _FD_STORE_USE_MAX
};

struct fd_store;

struct fd_identity {
        uint64_t device, inode; /* 0 and 0: none */
};

/* What was passed to us, with its name. */
struct fd_passed {
        int fd;
        const char *name; /* copied */
};

/* The descriptors are taken over, also on failure. */
int fd_store_new(const struct fd_passed *passed, size_t n, struct fd_store **ret);

/* Closes ours; the service manager's stay. */
struct fd_store *fd_store_free(struct fd_store *s);
DEFINE_CLEANUP(struct fd_store *, fd_store_free)

/* Puts a copy there. Returns its number, 0 where that is not possible. fd stays the caller's. */
uint64_t fd_store_add(struct fd_store *s, int fd, enum fd_store_use use);

/* Takes it away. *number becomes 0; it may be. */
void fd_store_remove(struct fd_store *s, uint64_t *number);

/* Nothing changes any more: tracingd leaves. */
void fd_store_close(struct fd_store *s);

struct fd_identity fd_identity_of(int fd);
bool fd_identity_is_set(const struct fd_identity *identity);

/* One that was passed: its descriptor, then the caller's, and its number. -ENOENT. */
int fd_store_claim(struct fd_store *s, const struct fd_identity *identity, uint64_t *ret_number);

/* Walks those that nobody has claimed: *position 0 at first. -ENOENT at the end; the descriptor stays the store's. */
int fd_store_next(struct fd_store *s, size_t *position, struct fd_identity *ret_identity);

/* Takes away what nobody has claimed. */
void fd_store_drop_unclaimed(struct fd_store *s);
