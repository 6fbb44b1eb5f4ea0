/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Sorts numbers with more threads than CPUs, as programs do: threads take pieces
 * and sort them, and then take pairs of pieces and merge them. An event every
 * BATCH comparisons, one a piece, and one when a thread begins, that say which
 * thread this is and how many it has emitted.
 *
 *   parallel-sort THREADS PIECES
 *
 * Prints "emitted N". Fails where the result is not in order.
 */

#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tracectl/tracepoint.h>

#define THREADS_MAX 64
#define PIECE 16384
#define BATCH 64

struct sort {
        uint64_t *values, *merged;
        size_t pieces;
        size_t length; /* of a sorted run, in pieces; 0 before the first round */
        size_t taken;
        uint64_t emitted;
        pthread_barrier_t barrier;
};

static __thread uint64_t compared, counter;
static __thread int32_t self;

static bool is_less(uint64_t a, uint64_t b) {
        if (++compared % BATCH == 0)
                tracectl_trace(sort, compared, tp_i32(tid, self), tp_u64(counter, ++counter));
        return a < b;
}

static int compare(const void *a, const void *b) {
        uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;

        return is_less(x, y) ? -1 : x != y;
}

static void merge(struct sort *s, size_t first) {
        size_t length = s->length * PIECE, all = s->pieces * PIECE;
        size_t i = first * PIECE, middle = i + length < all ? i + length : all;
        size_t k = middle, end = middle + length < all ? middle + length : all;

        tracectl_trace(sort, merge, tp_i32(tid, self), tp_u64(counter, ++counter), tp_u64(first, first));
        for (size_t to = i; to < end; to++)
                s->merged[to] = k == end || (i < middle && !is_less(s->values[k], s->values[i])) ? s->values[i++]
                                                                                                  : s->values[k++];
}

static void run_round(struct sort *s) {
        size_t step = s->length ? 2 * s->length : 1;

        for (;;) {
                size_t first = __atomic_fetch_add(&s->taken, step, __ATOMIC_RELAXED);

                if (first >= s->pieces)
                        return;
                if (s->length)
                        merge(s, first);
                else {
                        tracectl_trace(sort, piece, tp_i32(tid, self), tp_u64(counter, ++counter),
                                       tp_u64(first, first));
                        qsort(s->values + first * PIECE, PIECE, sizeof(uint64_t), compare);
                }
        }
}

static void next_round(struct sort *s) {
        if (s->length) {
                uint64_t *merged = s->merged;

                s->merged = s->values;
                s->values = merged;
        }
        s->length = s->length ? 2 * s->length : 1;
        s->taken = 0;
}

static void *work(void *userdata) {
        struct sort *s = userdata;

        self = gettid();
        /* One that comes late finds no piece left. */
        tracectl_trace(sort, begins, tp_i32(tid, self), tp_u64(counter, ++counter));
        do {
                run_round(s);
                if (pthread_barrier_wait(&s->barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
                        next_round(s);
                (void) pthread_barrier_wait(&s->barrier);
        } while (s->length < s->pieces);
        __atomic_fetch_add(&s->emitted, counter, __ATOMIC_RELAXED);
        return NULL;
}

static bool run(struct sort *s, unsigned n) {
        pthread_t threads[THREADS_MAX];

        if (pthread_barrier_init(&s->barrier, NULL, n) != 0)
                return false;
        for (unsigned i = 0; i < n; i++)
                if (pthread_create(&threads[i], NULL, work, s) != 0)
                        return false;
        for (unsigned i = 0; i < n; i++)
                (void) pthread_join(threads[i], NULL);
        for (size_t i = 1; i < s->pieces * PIECE; i++)
                if (s->values[i - 1] > s->values[i])
                        return false;
        return true;
}

int main(int argc, char *argv[]) {
        struct sort s = { .pieces = argc == 3 ? strtoul(argv[2], NULL, 10) : 0 };
        unsigned n = argc == 3 ? (unsigned) atoi(argv[1]) : 0;

        if (n < 1 || n > THREADS_MAX || s.pieces < 1) {
                fprintf(stderr, "Usage: parallel-sort THREADS PIECES\n");
                return 2;
        }
        s.values = calloc(s.pieces * PIECE, sizeof(uint64_t));
        s.merged = calloc(s.pieces * PIECE, sizeof(uint64_t));
        if (!s.values || !s.merged)
                return 1;
        for (size_t i = 0; i < s.pieces * PIECE; i++)
                s.values[i] = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
        if (!run(&s, n))
                return 1;
        printf("emitted %" PRIu64 "\n", s.emitted);
        free(s.values);
        free(s.merged);
        return 0;
}
