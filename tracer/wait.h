/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Waiting on a wait page (protocol/wait.h). The page's word is only ever read
 * with pread(): the mapping serves as the address to wait at and is never
 * loaded from, so a page that is cut short under us cannot kill the program.
 * Each look opens the file at the path anew, which takes microseconds and
 * happens after wake-ups and hang-ups only; a file that was replaced is noticed
 * then, and nothing stays open.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * How long a program waits for an answer: so long that hardly any machine is too
 * busy, for the daemon of $TRACECTL_SOCKET, which is there for this program and
 * few others. But nobody shall notice a service of the machine's that does not answer.
 */
#define WAIT_ANSWER_MSEC 500
#define WAIT_OWN_ANSWER_MSEC 10000

/* What a thread waits at. */
struct wait_map {
        void *page; /* NULL: none */
        dev_t dev;  /* of the last page that was good */
        ino_t ino;
        uint32_t contradicted; /* the last word that the kernel did not see where pread() did */
        bool contradicts;
};

/* Constant in the library; tests that are linked with its code set others before they register anything. */
struct wait_config {
        const char *system_run; /* the system's directory */
        uid_t system_owner;
        int64_t recheck_msec;
        int64_t give_up_msec;
        int64_t answer_msec, own_answer_msec;
        int64_t restart_msec; /* that who was hung up on waits for the next daemon to change the word, at least */
};
extern struct wait_config wait_config;

/*
 * Reads the word of the page at path, a regular file of root or owner; in the
 * system's directory, one that outside.h takes for root's, too. With
 * map, also maps it where it is another file than last time; where there is no
 * page, *map is empty afterwards. -errno: -EBADMSG for what is no page, -EACCES
 * for another's.
 */
int wait_look(const char *path, uid_t owner, struct wait_map *map, uint32_t *ret_word);

/*
 * Sleeps until the word is not word any more, *wakes is not seen any more (it
 * was changed and woken by wait_wake()), or the time to look again has come.
 */
void wait_for_change(struct wait_map *map, uint32_t word, const uint32_t *wakes, uint32_t seen);

/* The word of the page as it is now; where none is mapped, what the caller knows. */
uint32_t wait_word(const struct wait_map *map, uint32_t known);

/* The same as wait_for_change() for msec at most, by one who has been hung up on. -ETIMEDOUT: that is over. */
int wait_for_next(const struct wait_map *map, uint32_t word, const uint32_t *wakes, uint32_t seen, int64_t msec);

/* Ends a wait_for_change() or wait_for_next() on wakes. Async-signal-safe. */
void wait_wake(uint32_t *wakes);

void wait_unmap(struct wait_map *map);
