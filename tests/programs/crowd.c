/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Many processes that each emit an event now and then, and account for it:
 *
 *   crowd PAGE N SECONDS
 *
 * PAGE is an existing file of struct page with N accounts. Each of the N processes
 * emits one event in SECONDS, spread evenly, with its number and a counter from 0;
 * all end with the one that started them.
 */

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <tracectl/tracepoint.h>

enum wanted {
        WANTED_NOTHING,
        WANTED_EVENTS,
        WANTED_END,
};

enum state {
        STATE_READY = 1,
        STATE_ENDED,
};

/* Of one process, which alone writes it. */
struct account {
        uint32_t emitted; /* while somebody recorded the event */
        uint32_t missed;  /* while nobody did */
        uint32_t state;
        uint32_t unused;
};

struct page {
        uint32_t wanted; /* enum wanted, written from outside; looked at before each event */
        uint32_t unused[3];
        struct account accounts[];
};

static struct page *open_page(const char *path) {
        int fd = open(path, O_RDWR | O_CLOEXEC);
        struct stat st;
        struct page *page;

        if (fd < 0 || fstat(fd, &st) < 0)
                return NULL;
        page = mmap(NULL, (size_t) st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
        return page == MAP_FAILED ? NULL : page;
}

static void emit(struct account *account, uint32_t number) {
        bool on = false;

        /* Values are looked at only while the event is on. */
        tracectl_trace(test, crowd, tp_u32(writer, (on = true, number)), tp_u32(counter, account->emitted));
        if (on)
                __atomic_store_n(&account->emitted, account->emitted + 1, __ATOMIC_RELEASE);
        else
                __atomic_store_n(&account->missed, account->missed + 1, __ATOMIC_RELEASE);
}

/* Sleeps until the given time, or the end is wanted. */
static bool sleep_until(const struct page *page, const struct timespec *until) {
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, until, NULL);
        return __atomic_load_n(&page->wanted, __ATOMIC_ACQUIRE) != WANTED_END;
}

static _Noreturn void run(struct page *page, uint32_t number, uint32_t n, uint32_t seconds) {
        struct account *account = &page->accounts[number];
        struct timespec turn;

        clock_gettime(CLOCK_MONOTONIC, &turn);
        turn.tv_sec++;
        turn.tv_nsec = (long) ((uint64_t) number * 1000000000 / n);
        turn.tv_sec += (time_t) (number % seconds);
        __atomic_store_n(&account->state, STATE_READY, __ATOMIC_RELEASE);
        for (; sleep_until(page, &turn); turn.tv_sec += seconds)
                if (__atomic_load_n(&page->wanted, __ATOMIC_ACQUIRE) == WANTED_EVENTS)
                        emit(account, number);
        __atomic_store_n(&account->state, STATE_ENDED, __ATOMIC_RELEASE);
        for (;;)
                pause();
}

/* The number of each is its fourth argument. */
static int start(char *argv[], uint32_t number) {
        char text[16], *const arguments[] = { argv[0], argv[1], argv[2], argv[3], text, NULL };
        pid_t parent = getpid(), pid;

        (void) snprintf(text, sizeof(text), "%u", number);
        pid = vfork();
        if (pid == 0) {
                (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
                if (getppid() == parent)
                        execv("/proc/self/exe", arguments);
                _exit(1);
        }
        return pid;
}

int main(int argc, char *argv[]) {
        uint32_t n, seconds;
        struct page *page;

        if (argc < 4 || (n = (uint32_t) atoi(argv[2])) == 0 || (seconds = (uint32_t) atoi(argv[3])) == 0)
                return 2;
        if (argc > 4) {
                page = open_page(argv[1]);
                if (!page)
                        return EXIT_FAILURE;
                run(page, (uint32_t) atoi(argv[4]), n, seconds);
        }
        for (uint32_t i = 0; i < n; i++)
                if (start(argv, i) < 0)
                        return EXIT_FAILURE;
        for (;;)
                pause();
}
