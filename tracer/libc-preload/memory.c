/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * malloc and its kin. The dynamic linker may allocate memory while it looks up
 * the real allocator; that little comes from an arena here and is never given
 * back.
 *
 * free is recorded before the call: afterwards another thread may have been
 * given the same address already, and its malloc would come first.
 */

#include <string.h>

#include "tracer/libc-preload/call.h"
#include "tracer/libc-preload/real.h"

#define ARENA_SIZE 16384
#define ARENA_ALIGN 16 /* of every block; its size lies in front of it */

static char arena[ARENA_SIZE] __attribute__((aligned(ARENA_ALIGN)));
static size_t arena_used;

/* Zeroed, since nothing is ever used twice. */
static void *arena_new(size_t size) {
        size_t room, start;
        char *block;

        if (size > ARENA_SIZE)
                return NULL;
        room = ARENA_ALIGN + ((size + ARENA_ALIGN - 1) & ~(size_t) (ARENA_ALIGN - 1));
        start = __atomic_fetch_add(&arena_used, room, __ATOMIC_RELAXED);
        if (start > ARENA_SIZE - ARENA_ALIGN || room > ARENA_SIZE - start)
                return NULL;
        block = arena + start + ARENA_ALIGN;
        memcpy(block - ARENA_ALIGN, &size, sizeof(size));
        return block;
}

static bool arena_has(const void *p) {
        return (const char *) p >= arena && (const char *) p < arena + ARENA_SIZE;
}

static size_t arena_size(const void *p) {
        size_t size;

        memcpy(&size, (const char *) p - ARENA_ALIGN, sizeof(size));
        return size;
}

/* In these, no result is an error; except for a size of 0, where that is the allocator's choice. */
static int error_of(const void *ret, size_t size, int error) {
        return ret || size == 0 ? 0 : error;
}

static CALL_RECORDER void record_malloc(uint64_t begin, size_t size, const void *ret) {
        int saved = errno;

        tracectl_trace(libc, malloc, tp_u64(size, size), tp_hex64(ret, call_pointer(ret)),
                       tp_i32(error, error_of(ret, size, saved)), tp_u64(duration, call_duration(begin)));
        errno = saved;
}

static CALL_RECORDER void record_calloc(uint64_t begin, size_t count, size_t size, const void *ret) {
        int saved = errno;

        tracectl_trace(libc, calloc, tp_u64(count, count), tp_u64(size, size), tp_hex64(ret, call_pointer(ret)),
                       tp_i32(error, error_of(ret, count && size, saved)), tp_u64(duration, call_duration(begin)));
        errno = saved;
}

static CALL_RECORDER void record_realloc(uint64_t begin, uint64_t pointer, size_t size, const void *ret) {
        int saved = errno;

        tracectl_trace(libc, realloc, tp_hex64(pointer, pointer), tp_u64(size, size),
                       tp_hex64(ret, call_pointer(ret)), tp_i32(error, error_of(ret, size, saved)),
                       tp_u64(duration, call_duration(begin)));
        errno = saved;
}

static CALL_RECORDER void record_free(const void *pointer) {
        tracectl_trace(libc, free, tp_hex64(pointer, call_pointer(pointer)));
}

static CALL_RECORDER void record_aligned_alloc(uint64_t begin, size_t alignment, size_t size, const void *ret) {
        int saved = errno;

        tracectl_trace(libc, aligned_alloc, tp_u64(alignment, alignment), tp_u64(size, size),
                       tp_hex64(ret, call_pointer(ret)), tp_i32(error, error_of(ret, size, saved)),
                       tp_u64(duration, call_duration(begin)));
        errno = saved;
}

static CALL_RECORDER void record_posix_memalign(uint64_t begin, size_t alignment, size_t size, const void *pointer,
                                                int error) {
        int saved = errno;

        tracectl_trace(libc, posix_memalign, tp_u64(alignment, alignment), tp_u64(size, size),
                       tp_hex64(pointer, call_pointer(pointer)), tp_i32(error, error),
                       tp_u64(duration, call_duration(begin)));
        errno = saved;
}

EXPORT void *malloc(size_t size) {
        uint64_t begin = CALL_BEGIN(malloc);
        const struct real_functions *f = real();
        void *ret;

        if (__builtin_expect(!f->malloc, 0))
                return arena_new(size);
        ret = f->malloc(size);
        if (begin)
                record_malloc(begin, size, ret);
        return ret;
}

EXPORT void *calloc(size_t count, size_t size) {
        uint64_t begin = CALL_BEGIN(calloc);
        const struct real_functions *f = real();
        void *ret;

        if (__builtin_expect(!f->calloc, 0))
                return size && count > ARENA_SIZE / size ? NULL : arena_new(count * size);
        ret = f->calloc(count, size);
        if (begin)
                record_calloc(begin, count, size, ret);
        return ret;
}

static void *realloc_arena(void *pointer, size_t size) {
        size_t old = pointer ? arena_size(pointer) : 0;
        void *ret = malloc(size);

        if (ret && pointer)
                memcpy(ret, pointer, old < size ? old : size);
        return ret;
}

EXPORT void *realloc(void *pointer, size_t size) {
        uint64_t begin = CALL_BEGIN(realloc), before = call_pointer(pointer);
        const struct real_functions *f = real();
        void *ret;

        if (__builtin_expect(!f->realloc || arena_has(pointer), 0))
                return realloc_arena(pointer, size);
        ret = f->realloc(pointer, size);
        if (begin)
                record_realloc(begin, before, size, ret);
        return ret;
}

EXPORT void free(void *pointer) {
        if (__builtin_expect(arena_has(pointer), 0))
                return;
        if (tracectl_trace_enabled(libc, free))
                record_free(pointer);
        real()->free(pointer);
}

EXPORT int posix_memalign(void **ret_pointer, size_t alignment, size_t size) {
        uint64_t begin = CALL_BEGIN(posix_memalign);
        int error = real()->posix_memalign(ret_pointer, alignment, size);

        if (begin)
                record_posix_memalign(begin, alignment, size, error == 0 ? *ret_pointer : NULL, error);
        return error;
}

EXPORT void *aligned_alloc(size_t alignment, size_t size) {
        uint64_t begin = CALL_BEGIN(aligned_alloc);
        void *ret = real()->aligned_alloc(alignment, size);

        if (begin)
                record_aligned_alloc(begin, alignment, size, ret);
        return ret;
}

EXPORT void *memalign(size_t alignment, size_t size) {
        uint64_t begin = CALL_BEGIN(aligned_alloc);
        void *ret = real()->memalign(alignment, size);

        if (begin)
                record_aligned_alloc(begin, alignment, size, ret);
        return ret;
}
