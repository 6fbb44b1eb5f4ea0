/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Waits for mutexes and conditions. A mutex that is free is no event, however
 * often it is taken; nor is one of the tracepoint library's, which the program's
 * threads take in fork() and dlopen().
 */

#include <linux/futex.h>
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

/* As the C library's static initializers have them: part of its ABI. */
#define KIND_ROBUST 16
#define KIND_INHERIT 32

enum attempt {
        ATTEMPT_TAKEN,  /* without waiting: nothing remains to be done */
        ATTEMPT_WAIT,   /* somebody has it */
        ATTEMPT_IGNORE, /* no event, whatever the call comes to */
};

/*
 * Whether the calling thread must wait for this mutex. Robust ones and those
 * with priority inheritance are only looked at: the C library's trylock leaves a
 * robust mutex that cannot be recovered locked.
 */
static enum attempt attempt(pthread_mutex_t *mutex) {
        uint32_t owner;

        if ((uintptr_t) mutex >= library_start && (uintptr_t) mutex < library_end)
                return ATTEMPT_IGNORE;
        if (!(mutex->__data.__kind & (KIND_ROBUST | KIND_INHERIT)))
                return real()->pthread_mutex_trylock(mutex) == 0 ? ATTEMPT_TAKEN : ATTEMPT_WAIT;
        owner = (uint32_t) __atomic_load_n(&mutex->__data.__lock, __ATOMIC_RELAXED) & FUTEX_TID_MASK;
        return owner == 0 || owner == (uint32_t) gettid() ? ATTEMPT_IGNORE : ATTEMPT_WAIT;
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
        uint64_t begin = CALL_BEGIN(pthread_mutex_lock);
        enum attempt first = begin ? attempt(mutex) : ATTEMPT_IGNORE;
        int r;

        if (first == ATTEMPT_TAKEN)
                return 0;
        r = real()->pthread_mutex_lock(mutex);
        if (first == ATTEMPT_WAIT)
                record_lock(begin, mutex, r);
        return r;
}

EXPORT int pthread_mutex_timedlock(pthread_mutex_t *mutex, const struct timespec *deadline) {
        uint64_t begin = CALL_BEGIN(pthread_mutex_timedlock);
        enum attempt first = begin ? attempt(mutex) : ATTEMPT_IGNORE;
        int r;

        if (first == ATTEMPT_TAKEN)
                return 0;
        r = real()->pthread_mutex_timedlock(mutex, deadline);
        if (first == ATTEMPT_WAIT)
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
