/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Waits for mutexes and conditions. A mutex that is free is no event, however
 * often it is taken; nor is one of the tracepoint library's, which the program's
 * threads take in fork() and dlopen().
 */

#include <link.h>

#include "tracer/libc-preload/call.h"
#include "tracer/libc-preload/real.h"

/* Where the tracepoint library lies; set by the constructor, constant afterwards. */
static uintptr_t library_start, library_end;

static int find_library(struct dl_phdr_info *info, size_t size, void *unused) {
        uintptr_t start = UINTPTR_MAX, end = 0, inside = (uintptr_t) tracectl_record_fixed;

        for (unsigned i = 0; i < info->dlpi_phnum; i++) {
                const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
                uintptr_t address = info->dlpi_addr + segment->p_vaddr;

                if (segment->p_type != PT_LOAD)
                        continue;
                if (address < start)
                        start = address;
                if (address + segment->p_memsz > end)
                        end = address + segment->p_memsz;
        }
        if (inside < start || inside >= end)
                return 0;
        library_start = start;
        library_end = end;
        return 1;
}

static void __attribute__((constructor)) find_library_early(void) {
        (void) dl_iterate_phdr(find_library, NULL);
}

static bool is_programs(const pthread_mutex_t *mutex) {
        return (uintptr_t) mutex < library_start || (uintptr_t) mutex >= library_end;
}

/*
 * Tries to take a mutex without waiting. False where the caller must wait, or
 * where only the real call knows what is right.
 */
static bool take(pthread_mutex_t *mutex, int *ret) {
        int r = real()->pthread_mutex_trylock(mutex);

        /* Taken, too: the owner before died, and what the mutex guards needs repair. */
        if (r != 0 && r != EOWNERDEAD)
                return false;
        *ret = r;
        return true;
}

static CALL_RECORDER void record_lock(uint64_t begin, const pthread_mutex_t *mutex, int error) {
        int saved = errno;

        tracectl_trace(libc, pthread_mutex_lock, tp_hex64(mutex, call_pointer(mutex)), tp_i32(error, error),
                       tp_u64(duration, call_duration(begin)));
        errno = saved;
}

static CALL_RECORDER void record_timedlock(uint64_t begin, const pthread_mutex_t *mutex, int error) {
        int saved = errno;

        tracectl_trace(libc, pthread_mutex_timedlock, tp_hex64(mutex, call_pointer(mutex)), tp_i32(error, error),
                       tp_u64(duration, call_duration(begin)));
        errno = saved;
}

static CALL_RECORDER void record_wait(uint64_t begin, const pthread_cond_t *cond, const pthread_mutex_t *mutex,
                                      int error) {
        int saved = errno;

        tracectl_trace(libc, pthread_cond_wait, tp_hex64(cond, call_pointer(cond)),
                       tp_hex64(mutex, call_pointer(mutex)), tp_i32(error, error),
                       tp_u64(duration, call_duration(begin)));
        errno = saved;
}

static CALL_RECORDER void record_timedwait(uint64_t begin, const pthread_cond_t *cond, const pthread_mutex_t *mutex,
                                           int error) {
        int saved = errno;

        tracectl_trace(libc, pthread_cond_timedwait, tp_hex64(cond, call_pointer(cond)),
                       tp_hex64(mutex, call_pointer(mutex)), tp_i32(error, error),
                       tp_u64(duration, call_duration(begin)));
        errno = saved;
}

EXPORT int pthread_mutex_lock(pthread_mutex_t *mutex) {
        uint64_t begin;
        int r;

        if (!tracectl_trace_enabled(libc, pthread_mutex_lock))
                return real()->pthread_mutex_lock(mutex);
        if (take(mutex, &r))
                return r;
        begin = CALL_BEGIN(pthread_mutex_lock);
        r = real()->pthread_mutex_lock(mutex);
        if (begin && is_programs(mutex))
                record_lock(begin, mutex, r);
        return r;
}

EXPORT int pthread_mutex_timedlock(pthread_mutex_t *mutex, const struct timespec *deadline) {
        uint64_t begin;
        int r;

        if (!tracectl_trace_enabled(libc, pthread_mutex_timedlock))
                return real()->pthread_mutex_timedlock(mutex, deadline);
        if (take(mutex, &r))
                return r;
        begin = CALL_BEGIN(pthread_mutex_timedlock);
        r = real()->pthread_mutex_timedlock(mutex, deadline);
        if (begin && is_programs(mutex))
                record_timedlock(begin, mutex, r);
        return r;
}

EXPORT int pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex) {
        uint64_t begin = CALL_BEGIN(pthread_cond_wait);
        int r = real()->pthread_cond_wait(cond, mutex);

        if (begin)
                record_wait(begin, cond, mutex, r);
        return r;
}

EXPORT int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *deadline) {
        uint64_t begin = CALL_BEGIN(pthread_cond_timedwait);
        int r = real()->pthread_cond_timedwait(cond, mutex, deadline);

        if (begin)
                record_timedwait(begin, cond, mutex, r);
        return r;
}
