/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Two words are waited for at once: the page's, in a file that this process can
 * only read, and one of its own, for its own wake-ups; a signal would not do,
 * for those that are blocked do not end a futex wait. futex_waitv (Linux 5.16)
 * waits for both. Where there is none, FUTEX_WAIT waits for the page's word, and
 * looks at its own once a second: what needs it then, the main thread's
 * pthread_exit() alone, may take that long.
 */

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "protocol/wait.h"
#include "tracer/outside.h"
#include "tracer/probe.h"
#include "tracer/sys.h"
#include "tracer/valgrind.h"
#include "tracer/wait.h"

#define FALLBACK_MSEC 1000

struct wait_config wait_config = {
        .system_run = TRACECTL_SYSTEM_RUN,
        .recheck_msec = WAIT_RECHECK_SECONDS * 1000,
        .give_up_msec = WAIT_RESUME_SECONDS * 1000,
        .answer_msec = WAIT_ANSWER_MSEC,
        .own_answer_msec = WAIT_OWN_ANSWER_MSEC,
        .restart_msec = WAIT_RESTART_MSEC,
};

/* One that was good once. Whose it is cannot be seen any more from a user namespace of our own. */
static bool is_known(const struct wait_map *map, const struct stat *st) {
        return map && map->ino != 0 && map->dev == st->st_dev && map->ino == st->st_ino;
}

/* A user's own page must show its owner. */
static bool is_systems(const char *path) {
        size_t n = strlen(wait_config.system_run);

        return strncmp(path, wait_config.system_run, n) == 0 && path[n] == '/';
}

static bool is_trusted(const char *path, uid_t owner, const struct wait_map *map, const struct stat *st) {
        return st->st_uid == 0 || st->st_uid == owner || is_known(map, st) ||
               (is_systems(path) && outside_is_roots(path, st));
}

static int check_page(int fd, const char *path, uid_t owner, const struct wait_map *map, struct stat *ret_stat, uint32_t *ret_word) {
        struct wait_page page;
        ssize_t n;

        if (fstat(fd, ret_stat) < 0)
                return -errno;
        if (!S_ISREG(ret_stat->st_mode))
                return -EBADMSG;
        if (!is_trusted(path, owner, map, ret_stat))
                return -EACCES;
        n = pread(fd, &page, sizeof(page), 0);
        if (n < 0)
                return -errno;
        if (n != sizeof(page) || memcmp(page.magic, WAIT_MAGIC, sizeof(page.magic)) != 0)
                return -EBADMSG;
        *ret_word = page.word;
        return 0;
}

static int map_page(struct wait_map *map, int fd, const struct stat *st) {
        void *page;

        if (map->page && is_known(map, st))
                return 0;
        page = mmap(NULL, sizeof(struct wait_page), PROT_READ, MAP_SHARED, fd, 0);
        if (page == MAP_FAILED)
                return -errno;
        wait_unmap(map);
        *map = (struct wait_map) { .page = page, .dev = st->st_dev, .ino = st->st_ino };
        return 0;
}

int wait_look(const char *path, uid_t owner, struct wait_map *map, uint32_t *ret_word) {
        _cleanup_close_ int fd = -1;
        struct stat st;
        int r;

        /* Not to hang on a FIFO, nor to follow a link to somewhere else. */
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        r = fd < 0 ? -errno : check_page(fd, path, owner, map, &st, ret_word);
        if (r >= 0 && map)
                r = map_page(map, fd, &st);
        if (r < 0 && map)
                wait_unmap(map);
        return r;
}

void wait_unmap(struct wait_map *map) {
        if (map->page)
                munmap(map->page, sizeof(struct wait_page));
        *map = (struct wait_map) { 0 };
}

void wait_wake(uint32_t *wakes) {
        __atomic_fetch_add(wakes, 1, __ATOMIC_SEQ_CST);
        (void) sys_futex_wake(wakes, INT_MAX);
}

static struct timespec timespec_of_msec(int64_t msec) {
        return (struct timespec) { .tv_sec = msec / 1000, .tv_nsec = msec % 1000 * 1000000 };
}

/* Nothing to wait for but our own word. */
static int wait_own(const uint32_t *wakes, uint32_t seen, int64_t msec) {
        struct timespec timeout = timespec_of_msec(msec);

        return sys_futex_wait(wakes, seen, &timeout);
}

static int wait_both(const uint32_t *word, uint32_t value, const uint32_t *wakes, uint32_t seen, int64_t msec) {
        struct futex_waitv waiters[] = {
                { .val = value, .uaddr = (uintptr_t) word, .flags = FUTEX_32 },
                { .val = seen, .uaddr = (uintptr_t) wakes, .flags = FUTEX_32 },
        };
        static const struct probe none = { SYS_futex_waitv, { 0 } };
        struct timespec until;

        /* valgrind refuses it with a page of text. */
        if (on_valgrind() || !probe_survives(&none, 1))
                return -ENOSYS;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += msec / 1000;
        until.tv_nsec += msec % 1000 * 1000000;
        if (until.tv_nsec >= 1000000000) {
                until.tv_nsec -= 1000000000;
                until.tv_sec++;
        }
        return sys_futex_waitv(waiters, ARRAY_SIZE(waiters), &until);
}

static int wait_in_turns(const uint32_t *word, uint32_t value, const uint32_t *wakes, uint32_t seen, int64_t msec) {
        int r = -ETIMEDOUT;

        for (int64_t left = msec; left > 0 && r == -ETIMEDOUT; left -= FALLBACK_MSEC) {
                struct timespec timeout = timespec_of_msec(left < FALLBACK_MSEC ? left : FALLBACK_MSEC);

                if (__atomic_load_n(wakes, __ATOMIC_ACQUIRE) != seen)
                        return 0;
                r = sys_futex_wait(word, value, &timeout);
        }
        return r;
}

static const uint32_t *word_of(const struct wait_map *map) {
        return (const uint32_t *) ((const char *) map->page + offsetof(struct wait_page, word));
}

uint32_t wait_word(const struct wait_map *map, uint32_t known) {
        return map->page ? __atomic_load_n(word_of(map), __ATOMIC_ACQUIRE) : known;
}

int wait_for_next(const struct wait_map *map, uint32_t word, const uint32_t *wakes, uint32_t seen, int64_t msec) {
        const uint32_t *address;
        int r;

        if (!map->page)
                return wait_own(wakes, seen, msec);
        address = word_of(map);
        r = wait_both(address, word, wakes, seen, msec);
        /* Unknown to the kernel, or refused by a filter of system calls. */
        if (r == -ENOSYS || r == -EPERM)
                r = wait_in_turns(address, word, wakes, seen, msec);
        if (r < 0 && r != -EAGAIN && r != -EINTR && r != -ETIMEDOUT) /* cut short: no reason to spin */
                r = wait_own(wakes, seen, msec);
        return r;
}

void wait_for_change(struct wait_map *map, uint32_t word, const uint32_t *wakes, uint32_t seen) {
        int r = wait_for_next(map, word, wakes, seen, wait_config.recheck_msec);

        if (!map->page)
                return;
        if (r != -EAGAIN || __atomic_load_n(wakes, __ATOMIC_ACQUIRE) != seen) {
                map->contradicts = false;
                return;
        }
        /* Once, the word changed in between. Twice with the same word, reading and waiting see different files. */
        if (map->contradicts && map->contradicted == word)
                (void) wait_own(wakes, seen, wait_config.recheck_msec);
        map->contradicts = true;
        map->contradicted = word;
}
