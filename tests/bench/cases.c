/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <tracectl/tracepoint.h>

#include "tests/bench/cases.h"

#ifdef WITH_LTTNG
#define LTTNG_UST_TRACEPOINT_CREATE_PROBES
#define LTTNG_UST_TRACEPOINT_DEFINE
#include "lttng-provider.h"
#endif

static const char text[] = "a string of thirty-two bytes, 32";

static void empty_loop(uint64_t n) {
        for (uint64_t i = 0; i < n; i++)
                __asm__ volatile("" ::"r"(i));
}

#if defined(__x86_64__)
#define RING_SIZE ((size_t) 8 * 512 * 1024)

static __thread char sink[1 << 16];

static void clock_alone(uint64_t n) {
        for (uint64_t i = 0; i < n; i++)
                __asm__ volatile("" ::"r"(__builtin_ia32_rdtsc()));
}

/* One record after the other, also where a run is one record: across lines and pages, as they come. */
static inline __attribute__((always_inline)) size_t store(char *memory, size_t size, size_t offset, uint64_t n) {
        for (uint64_t i = 0; i < n; i++) {
                uint32_t now = (uint32_t) __builtin_ia32_rdtsc();
                char *p = memory + offset;

                memcpy(p, &now, 4);
                memcpy(p + 4, &i, 8);
                __asm__ volatile("" ::: "memory");
                offset = offset < size - 24 ? offset + 12 : 0;
        }
        return offset;
}

static void clock_and_store(uint64_t n) {
        static __thread size_t at;

        at = store(sink, sizeof(sink), at, n);
}

/* Memory of the kind and size that a CPU's ring has in bench.py's sessions. */
static char *like_a_ring(void) {
        int fd = memfd_create("floor", MFD_CLOEXEC);
        char *memory;

        if (fd < 0 || ftruncate(fd, RING_SIZE) < 0)
                abort();
        memory = mmap(NULL, RING_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (memory == MAP_FAILED)
                abort();
        (void) close(fd);
        memset(memory, 1, RING_SIZE);
        return memory;
}

static void clock_and_store_ring(uint64_t n) {
        static __thread char *ring;
        static __thread size_t at;

        if (!ring)
                ring = like_a_ring();
        at = store(ring, RING_SIZE, at, n);
}
#endif

#define OURS(name, provider, event, ...)                                                                       \
        static void name(uint64_t n) {                                                                         \
                for (uint64_t i = 0; i < n; i++)                                                               \
                        tracectl_trace(provider, event, __VA_ARGS__);                                          \
        }

OURS(ours_off, off, number, tp_u64(number, i))
OURS(ours_number, bench, number, tp_u64(number, i))
OURS(ours_text, bench, text, tp_str(text, text))
OURS(ours_context, bench, context, tp_u64(number, i))
OURS(ours_passes, bench, passes, tp_u64(number, i))
OURS(ours_fails, bench, fails, tp_u64(number, i))

#ifdef WITH_LTTNG
#define PEERS(name, event, value)                                                                              \
        static void name(uint64_t n) {                                                                         \
                for (uint64_t i = 0; i < n; i++)                                                               \
                        lttng_ust_tracepoint(bench, event, value);                                             \
        }

PEERS(lttng_off, off, i)
PEERS(lttng_number, number, i)
PEERS(lttng_text, text, text)
PEERS(lttng_context, context, i)
PEERS(lttng_passes, passes, i)
PEERS(lttng_fails, fails, i)
#endif

const struct bench_case bench_cases[] = {
        { "empty-loop", empty_loop, true, false },
#if defined(__x86_64__)
        { "clock", clock_alone, true, true },
        { "clock-and-store", clock_and_store, true, true },
        { "clock-and-store-ring", clock_and_store_ring, true, true },
#endif
        { "off", ours_off, false, false },
        { "u64", ours_number, false, true },
        { "string-32", ours_text, false, false },
        { "two-contexts", ours_context, false, false },
        { "filter-passes", ours_passes, false, false },
        { "filter-fails", ours_fails, false, false },
#ifdef WITH_LTTNG
        { "lttng-off", lttng_off, false, false },
        { "lttng-u64", lttng_number, false, true },
        { "lttng-string-32", lttng_text, false, false },
        { "lttng-two-contexts", lttng_context, false, false },
        { "lttng-filter-passes", lttng_passes, false, false },
        { "lttng-filter-fails", lttng_fails, false, false },
#endif
};
const unsigned bench_n_cases = sizeof(bench_cases) / sizeof(bench_cases[0]);
