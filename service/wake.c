/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "protocol/wait.h"
#include "service/log.h"
#include "service/wake.h"

struct wake {
        char *directory;
        struct wait_page *page; /* NULL: not there */
        bool wanted, resting;
        uint32_t expected, missing;
        sd_event_source *timer;
        void (*settled)(void *userdata);
        void *userdata;
};

/* Whoever else could write there could wake nobody up that he could not otherwise, but keep us from doing so. */
static int check_page(int fd) {
        char magic[sizeof(WAIT_MAGIC) - 1];
        struct stat st;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_mode & (S_IWGRP | S_IWOTH))
                return -EPERM;
        if ((size_t) st.st_size < sizeof(struct wait_page))
                return -EBADMSG;
        if (pread(fd, magic, sizeof(magic), 0) != sizeof(magic) || memcmp(magic, WAIT_MAGIC, sizeof(magic)) != 0)
                return -EBADMSG;
        return 0;
}

static int open_page(const char *directory, struct wait_page **ret) {
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int fd = -1;
        void *page;
        int r;

        if (asprintf(&path, "%s/" TRACECTL_WAIT_NAME, directory) < 0)
                return -ENOMEM;
        fd = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        r = check_page(fd);
        if (r < 0)
                return r;
        page = mmap(NULL, sizeof(struct wait_page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (page == MAP_FAILED)
                return -errno;
        *ret = page;
        return 0;
}

/*
 * Returns how many were woken. The kernel compares the word with what a waiter
 * has read before it lets him sleep, so that one who comes in between stays awake.
 */
static uint32_t set_word(struct wait_page *page, bool wanted) {
        _Atomic uint32_t *word = (_Atomic uint32_t *) &page->word;
        uint32_t next = (atomic_load(word) & ~WAIT_WANTED) + 2;
        long n;

        atomic_store(word, wanted ? next | WAIT_WANTED : next);
        n = syscall(SYS_futex, &page->word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
        return n > 0 ? (uint32_t) n : 0;
}

static void settle(struct wake *w) {
        w->missing = w->expected;
        w->expected = 0;
        (void) sd_event_source_set_enabled(w->timer, SD_EVENT_OFF);
        w->settled(w->userdata);
}

static int on_timeout(sd_event_source *s, uint64_t usec, void *userdata) {
        settle(userdata);
        return 0;
}

/* Each time anew: it may have been made, or made again, since the last time. */
static void find_page(struct wake *w) {
        struct wait_page *page = NULL;
        int r;

        if (!w->directory)
                return;
        r = open_page(w->directory, &page);
        if (r >= 0) {
                if (w->page)
                        munmap(w->page, sizeof(*w->page));
                w->page = page;
        } else
                log_warning("%s/" TRACECTL_WAIT_NAME " cannot be used (%s): applications that wait are not woken; "
                            "run systemd-tmpfiles --create", w->directory, strerror(-r));
}

int wake_new(sd_event *event, const char *directory, bool resumed, void (*settled)(void *userdata), void *userdata,
             struct wake **ret) {
        _cleanup_(wake_freep) struct wake *w = NULL;
        int r;

        w = calloc(1, sizeof(*w));
        if (!w)
                return -ENOMEM;
        w->settled = settled;
        w->userdata = userdata;
        r = sd_event_add_time_relative(event, &w->timer, CLOCK_MONOTONIC, 0, 1, on_timeout, w);
        if (r >= 0)
                r = sd_event_source_set_enabled(w->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        if (directory && !(w->directory = strdup(directory)))
                return -ENOMEM;
        find_page(w);
        /* One that was killed may have left it set. */
        if (w->page && w->page->word & WAIT_WANTED && !resumed)
                (void) set_word(w->page, false);
        if (resumed)
                wake_want(w);
        *ret = TAKE_PTR(w);
        return 0;
}

struct wake *wake_free(struct wake *w) {
        if (!w)
                return NULL;
        wake_rest(w);
        sd_event_source_disable_unref(w->timer);
        if (w->page)
                munmap(w->page, sizeof(*w->page));
        free(w->directory);
        free(w);
        return NULL;
}

void wake_want(struct wake *w) {
        if (w->wanted || w->resting)
                return;
        find_page(w);
        w->wanted = true;
        w->missing = 0;
        w->expected = w->page ? set_word(w->page, true) : 0;
        if (w->expected == 0)
                return;
        log_debug("%u applications were woken", w->expected);
        if (sd_event_source_set_time_relative(w->timer, WAKE_SETTLE_USEC) < 0 ||
            sd_event_source_set_enabled(w->timer, SD_EVENT_ONESHOT) < 0)
                w->expected = 0;
}

void wake_rest(struct wake *w) {
        w->resting = true;
        if (!w->wanted)
                return;
        w->wanted = false;
        if (w->page)
                (void) set_word(w->page, false);
}

void wake_leave(struct wake *w) {
        w->resting = true;
        w->wanted = false;
}

void wake_registered(struct wake *w) {
        if (w->missing > 0)
                w->missing--;
        if (w->expected > 0 && --w->expected == 0)
                settle(w);
}

uint32_t wake_expected(const struct wake *w) {
        return w->expected;
}

uint32_t wake_missing(const struct wake *w) {
        return w->missing;
}
