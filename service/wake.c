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

/*
 * So many are woken at a time, and more when nobody comes for so long: longer than
 * a machine takes that has much else to do, or it is given ever more.
 */
#define WINDOW_MIN 32
#define WINDOW_MAX (1 << 20)
#define WINDOW_USEC (50 * 1000)

/* As often in a row some were served, and too few for the next window: the others are not waited for. */
#define WINDOW_WAITS 4

struct wake {
        char *directory;
        struct wait_page *page; /* NULL: not there */
        bool wanted, resting;
        uint32_t expected, missing;
        bool waking;           /* some may be asleep that shall come */
        bool awaiting;         /* some may fall asleep that shall come */
        bool emptied;          /* nobody was left asleep when some were last woken */
        uint32_t window, open;  /* how many are awake at once; those woken that have not been served */
        uint32_t served, waits; /* since the timer of the window last expired; how often it has in this window */
        sd_event_source *timer, *window_timer;
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
 * The kernel compares the word with what a waiter has read before it lets him
 * sleep, so that one who comes in between stays awake.
 */
static void set_word(struct wait_page *page, bool wanted) {
        _Atomic uint32_t *word = (_Atomic uint32_t *) &page->word;
        uint32_t next = (atomic_load(word) & ~WAIT_WANTED) + 2;

        atomic_store(word, wanted ? next | WAIT_WANTED : next);
}

/* Returns how many were woken: those who have slept longest. */
static uint32_t wake_some(struct wait_page *page, int max) {
        long n = syscall(SYS_futex, &page->word, FUTEX_WAKE, max, NULL, NULL, 0);

        return n > 0 ? (uint32_t) n : 0;
}

/* Moves all to where they are and wakes none, which only tells how many there are; 0 where the kernel does not. */
static uint32_t count_asleep(struct wait_page *page) {
        long n = syscall(SYS_futex, &page->word, FUTEX_REQUEUE, 0, (void *) INT_MAX, &page->word, 0);

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

static void set_timer(sd_event_source *timer, uint64_t usec) {
        if (sd_event_source_set_time_relative(timer, usec) >= 0)
                (void) sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

static void stop_waking(struct wake *w) {
        w->waking = false;
        (void) sd_event_source_set_enabled(w->window_timer, SD_EVENT_OFF);
}

/*
 * Ten thousand that run at once would keep everybody waiting, and one another. So
 * they are woken a few at a time, the next when those sleep again: who has
 * registered has its rings to map, and would be one of ever more that do that. Each
 * window has all the time again to settle.
 */
static void open_window(struct wake *w) {
        uint32_t wanted = w->window - w->open, n = wake_some(w->page, (int) wanted);

        w->open += n;
        w->served = w->waits = 0;
        w->emptied = n < wanted;
        if (w->emptied && !w->awaiting)
                stop_waking(w);
        else
                set_timer(w->window_timer, WINDOW_USEC);
        if (w->expected > 0 && (n > 0 || !w->awaiting))
                set_timer(w->timer, WAKE_SETTLE_USEC);
}

static void begin_waking(struct wake *w) {
        w->waking = true;
        w->window = WINDOW_MIN;
        w->open = 0;
        open_window(w);
}

/*
 * They may have died, been stopped or woken for another reason: when nobody comes
 * twice as many then, so that nobody can delay others. But where some come, it is
 * the machine that is slow, and more at once would make it slower.
 */
static int on_window_timeout(sd_event_source *s, uint64_t usec, void *userdata) {
        struct wake *w = userdata;
        bool served = w->served > 0;

        w->served = 0;
        if (served && ++w->waits < WINDOW_WAITS) {
                set_timer(w->window_timer, WINDOW_USEC);
                return 0;
        }
        w->open = 0;
        if (!served && !w->emptied && w->window < WINDOW_MAX)
                w->window *= 2;
        open_window(w);
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

/* All look at the word again, and sleep again. */
static void let_wait(struct wake *w) {
        stop_waking(w);
        set_word(w->page, false);
        (void) wake_some(w->page, INT_MAX);
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
        if (r >= 0)
                r = sd_event_add_time_relative(event, &w->window_timer, CLOCK_MONOTONIC, 0, 1, on_window_timeout, w);
        /* After the news of those that have come. */
        if (r >= 0)
                r = sd_event_source_set_priority(w->window_timer, SD_EVENT_PRIORITY_IDLE);
        if (r >= 0)
                r = sd_event_source_set_enabled(w->window_timer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        if (directory && !(w->directory = strdup(directory)))
                return -ENOMEM;
        find_page(w);
        /* One that was killed may have left it set. */
        if (w->page && w->page->word & WAIT_WANTED && !resumed)
                let_wait(w);
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
        sd_event_source_disable_unref(w->window_timer);
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
        w->missing = w->expected = 0;
        if (!w->page)
                return;
        set_word(w->page, true);
        w->expected = count_asleep(w->page);
        if (w->expected == 0)
                w->expected = wake_some(w->page, INT_MAX);
        if (w->expected == 0)
                return;
        log_debug("%u applications are woken", w->expected);
        begin_waking(w);
}

void wake_await(struct wake *w, bool awaited) {
        w->awaiting = awaited;
        if (awaited && !w->waking && w->wanted && w->page)
                begin_waking(w);
}

void wake_rest(struct wake *w) {
        w->resting = true;
        if (!w->wanted)
                return;
        w->wanted = false;
        if (w->page)
                let_wait(w);
}

void wake_leave(struct wake *w) {
        w->resting = true;
        w->wanted = false;
        if (w->waking)
                (void) wake_some(w->page, INT_MAX);
        stop_waking(w);
}

void wake_registered(struct wake *w) {
        if (w->missing > 0)
                w->missing--;
        if (w->expected > 0 && --w->expected == 0)
                settle(w);
}

void wake_served(struct wake *w, uint64_t n) {
        w->open -= n < w->open ? (uint32_t) n : w->open;
        w->served += (uint32_t) n;
        if (!w->waking || w->open > w->window / 2)
                return;
        /* One that became larger because nobody came becomes smaller again. */
        if (w->window > WINDOW_MIN)
                w->window /= 2;
        if (w->open < w->window)
                open_window(w);
}

bool wake_is_waking(const struct wake *w) {
        return w->waking;
}

uint32_t wake_expected(const struct wake *w) {
        return w->expected;
}

uint32_t wake_missing(const struct wake *w) {
        return w->missing;
}
