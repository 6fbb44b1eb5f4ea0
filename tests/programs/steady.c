/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Emits events for as long as it is wanted, and accounts for each before and
 * after, so that who kills it knows what it had emitted:
 *
 *   steady PAGE WRITER THREADS
 *
 * PAGE is an existing file of struct page, through which it is told what to do.
 * Thread i is writer WRITER + i, on the i-th of the processors that it may use
 * (round about), and its events have the counters 0, 1, 2... If it is wanted to,
 * it makes system calls as well, getpgid() of its writer and a counter of theirs,
 * which nobody needs to be asked about.
 */

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <tracectl/tracepoint.h>

#define THREADS_MAX 16
#define CALL_BITS 24 /* of a call's argument that are the counter; the writer is above */

enum slot_state {
        SLOT_PAUSED_OFF = 1, /* and nobody records the event */
        SLOT_PAUSED_ON,
        SLOT_STARTING, /* wanted to run; no event has been recorded yet */
        SLOT_RUNNING,  /* every event is, until the next pause */
};

/* A thread's, who alone writes it. begun - done is 1 inside an event, else 0. Events that are off do not count. */
struct slot {
        uint64_t begun, done;
        uint32_t state;
        uint32_t cpu;
        uint32_t bursts; /* that it has taken */
        uint32_t missed; /* events that were off while it ran */
        uint64_t calls_begun, calls_done;
};

/* Written from outside. */
struct page {
        uint32_t wanted; /* 0: pause. 1: run, as soon as somebody records the event */
        uint32_t rate;   /* events a millisecond and thread */
        uint32_t bursts; /* how many there have been */
        uint32_t burst;  /* events of the last one, as fast as they can; and so many calls, if there are any */
        uint32_t calls;  /* a millisecond and thread */
        uint32_t reserved;
        struct slot slots[THREADS_MAX];
};

struct job {
        struct page *page;
        struct slot *slot;
        uint64_t writer;
        int cpu;
};

static uint32_t load(const uint32_t *word) {
        return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

/* What a reader can check a record's content by. */
static uint64_t mix(uint64_t writer, uint64_t counter) {
        uint64_t x = (writer << 40) ^ counter;

        x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
        return x ^ (x >> 31);
}

static void emit(const struct job *job, uint32_t n) {
        static const char text[] = "abcdefghijklmnopqrstuvwxyz";
        struct slot *slot = job->slot;

        for (uint32_t k = 0; k < n; k++) {
                uint64_t i = slot->done;
                bool on = false;

                __atomic_store_n(&slot->begun, i + 1, __ATOMIC_RELEASE);
                /* Values are looked at only while the event is on. No text is empty: babeltrace2 2.0 shows another one then. */
                tracectl_trace(test, tock, tp_u64(writer, (on = true, job->writer)), tp_u64(counter, i),
                               tp_u64(mix, mix(job->writer, i)), tp_str(text, text + i % 26));
                if (!on) {
                        __atomic_store_n(&slot->begun, i, __ATOMIC_RELEASE);
                        slot->missed += slot->state == SLOT_RUNNING;
                        return;
                }
                __atomic_store_n(&slot->done, i + 1, __ATOMIC_RELEASE);
                __atomic_store_n(&slot->state, SLOT_RUNNING, __ATOMIC_RELEASE);
        }
}

static void call(const struct job *job, uint32_t n) {
        struct slot *slot = job->slot;

        for (uint32_t k = 0; k < n; k++) {
                uint64_t i = slot->calls_done;

                __atomic_store_n(&slot->calls_begun, i + 1, __ATOMIC_RELEASE);
                (void) syscall(SYS_getpgid, (int) (job->writer << CALL_BITS | (i & ((1U << CALL_BITS) - 1))));
                __atomic_store_n(&slot->calls_done, i + 1, __ATOMIC_RELEASE);
        }
}

static void turn(const struct job *job) {
        struct page *page = job->page;
        struct slot *slot = job->slot;
        uint32_t bursts;

        if (!load(&page->wanted)) {
                uint32_t state = tracectl_trace_enabled(test, tock) ? SLOT_PAUSED_ON : SLOT_PAUSED_OFF;

                __atomic_store_n(&slot->state, state, __ATOMIC_RELEASE);
                return;
        }
        if (slot->state < SLOT_STARTING)
                __atomic_store_n(&slot->state, SLOT_STARTING, __ATOMIC_RELEASE);
        bursts = load(&page->bursts);
        if (bursts != slot->bursts) {
                emit(job, load(&page->burst));
                if (load(&page->calls))
                        call(job, load(&page->burst));
                __atomic_store_n(&slot->bursts, bursts, __ATOMIC_RELEASE);
        }
        emit(job, load(&page->rate));
        call(job, load(&page->calls));
}

static void *run(void *userdata) {
        const struct timespec pause = { .tv_nsec = 1000000 };
        const struct job *job = userdata;
        cpu_set_t set;

        CPU_ZERO(&set);
        CPU_SET(job->cpu, &set);
        if (pthread_setaffinity_np(pthread_self(), sizeof(set), &set) != 0)
                exit(EXIT_FAILURE);
        job->slot->cpu = (uint32_t) job->cpu;
        job->slot->bursts = load(&job->page->bursts);
        for (;;) {
                turn(job);
                nanosleep(&pause, NULL);
        }
}

/* The nth processor of those that we may use. */
static int nth_cpu(const cpu_set_t *allowed, unsigned n) {
        n %= (unsigned) CPU_COUNT(allowed);
        for (int cpu = 0;; cpu++)
                if (CPU_ISSET(cpu, allowed) && n-- == 0)
                        return cpu;
}

int main(int argc, char *argv[]) {
        struct job jobs[THREADS_MAX];
        pthread_t thread;
        struct page *page;
        cpu_set_t allowed;
        unsigned n;
        int fd;

        if (argc != 4 || (n = (unsigned) atoi(argv[3])) == 0 || n > THREADS_MAX)
                return 2;
        fd = open(argv[1], O_RDWR | O_CLOEXEC);
        page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (page == MAP_FAILED || sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
                return EXIT_FAILURE;
        for (unsigned i = 0; i < n; i++) {
                jobs[i] = (struct job) { page, &page->slots[i], strtoull(argv[2], NULL, 10) + i, nth_cpu(&allowed, i) };
                if (pthread_create(&thread, NULL, run, &jobs[i]) != 0)
                        return EXIT_FAILURE;
        }
        pthread_join(thread, NULL);
        return EXIT_FAILURE;
}
