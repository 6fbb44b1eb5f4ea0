/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A ring as the library reads it, whose words others can store to. An input is
 * the beginning of the header, then, for a ring that is taken, words and events.
 * Whatever they are, a writer ends, and touches nothing but the words and data of
 * its own CPU.
 */

#undef NDEBUG

#include <string.h>
#include <sys/mman.h>

#include "common/clock.h"
#include "common/fd.h"
#include "tests/fuzz/fuzz.h"
#include "tracer/ring-map.h"
#include "tracer/ring-write.h"

#define CPUS 2
#define SUBBUFS 2
#define STEPS_MAX 100
#define HEADER_SIZE offsetof(struct ring_header, wake)

static struct ring_geometry geometry;
static int ring_fd, positions_fd;
static void *ring;
static struct ring_positions *positions;

static void set_up(void) {
        g_assert_cmpint(ring_geometry_init(&geometry, RING_LOCKED, TRACE_CLOCK_MONOTONIC, CPUS, SUBBUFS,
                                           RING_SUBBUF_SIZE_MIN), ==, 0);
        g_assert_cmpint(memfd_new_shared("ring", geometry.total_size, &ring_fd), ==, 0);
        g_assert_cmpint(memfd_new_shared("positions", geometry.positions_size, &positions_fd), ==, 0);
        ring = mmap(NULL, geometry.total_size, PROT_READ | PROT_WRITE, MAP_SHARED, ring_fd, 0);
        positions = mmap(NULL, geometry.positions_size, PROT_READ | PROT_WRITE, MAP_SHARED, positions_fd, 0);
        g_assert_true(ring != MAP_FAILED && positions != MAP_FAILED);
}

/* CPU 1's lock is taken: all that can be written to are the words and data of CPU 0, and the count of what found no ring. */
static void assert_others(char *before) {
        size_t size = geometry.n_subbufs * geometry.subbuf_size;
        struct ring_cpu *other = ring_cpu_at(&geometry, ring, 1);

        ring_cpu_at(&geometry, before, 1)->discarded = other->discarded;
        g_assert_cmpmem(before, HEADER_SIZE, ring, HEADER_SIZE);
        g_assert_cmpmem(ring_cpu_at(&geometry, before, 1), geometry.cpu_stride, other, geometry.cpu_stride);
        g_assert_cmpmem(ring_data_at(&geometry, before, 1), size, ring_data_at(&geometry, ring, 1), size);
}

static void step(const struct ring_map *map, struct fuzz_input *input) {
        struct ring_cpu *c = ring_cpu_at(&geometry, ring, 0);
        uint8_t n = fuzz_take_u8(input), which = n / 8;
        struct ring_subbuf *s = &c->subbuf[which % (2 * SUBBUFS)];
        uint64_t *const words[] = { &c->commit.position, &c->commit.meta, &c->last_time, &c->limit, &c->discarded,
                                    &s->end, &s->sequence, &positions->cpu[0].consumed };
        uint64_t *word = words[which % G_N_ELEMENTS(words)];
        uint8_t size;
        const uint8_t *payload;

        switch (n % 8) {
        case 0:
                *word = fuzz_take_u64(input);
                break;
        case 1:
                *word += (uint64_t) (int8_t) fuzz_take_u8(input);
                break;
        case 2:
                *word += geometry.subbuf_size * fuzz_take_u8(input);
                break;
        case 3:
                c->lock = which % 2;
                positions->sleeping = which / 2;
                break;
        default:
                size = fuzz_take_u8(input);
                payload = fuzz_take(input, size);
                if (payload) {
                        const struct tracectl_span spans[] = {
                                { payload, size, n % 8 == 4 ? TRACECTL_SPAN_STRING : TRACECTL_SPAN_BYTES },
                                { ring_data_at(&geometry, ring, 0), n % 8 == 7 ? 4000 : 0, TRACECTL_SPAN_BYTES },
                        };
                        const struct write_event event = { .id = n % 8 == 5 ? 1 : 70000, .pid = 77, .tid = 1 + which,
                                                           .spans = spans, .n_spans = 2 };

                        ring_locked_write(map, &event);
                }
        }
}

static void play(struct fuzz_input input) {
        struct ring_cpu *mine = ring_cpu_at(&geometry, ring, 0);
        g_autofree char *before = NULL;
        struct ring_map map;

        if (ring_map_open(&map, 1, ring_fd, positions_fd, RING_LOCKED, false) < 0)
                return;
        /* As it is: what a file of this size can be, and the copy that writers have of it. */
        g_assert_cmpuint(map.n_cpus * map.data_stride, <=, geometry.total_size);
        if (map.n_cpus == CPUS && map.n_subbufs == SUBBUFS && map.subbuf_size == geometry.subbuf_size) {
                ring_cpu_at(&geometry, ring, 1)->lock = 1;
                before = g_memdup2(ring, geometry.total_size);
                for (unsigned i = 0; i < STEPS_MAX && input.size > 0; i++) {
                        step(&map, &input);
                        assert_others(before);
                        g_assert_cmpuint(mine->lock, <=, 1);
                }
        }
        ring_map_close(&map);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct fuzz_input input = { data, size };
        uint8_t options = fuzz_take_u8(&input);
        const uint8_t *header = options & 1 ? fuzz_take(&input, HEADER_SIZE) : NULL;

        if (!ring)
                set_up();
        memset(ring, 0, geometry.total_size);
        memset(positions, 0, geometry.positions_size);
        geometry.flags = RING_LOCKED | (options & 2 ? RING_OVERWRITE : 0);
        ring_format(&geometry, trace_clock_read_monotonic(0), ring, positions);
        if (header)
                memcpy(ring, header, HEADER_SIZE);
        play(input);
        return 0;
}

void fuzz_seeds(fuzz_add add) {
        static const uint8_t steps[] = {
                5, 3, 1, 2, 3, 4, 4, 'a', 'b', 0, 'c', 7, 1, 9, 5, 1, 1, 26, 1, 5, 1, 1, 24, 0, 0, 0, 0, 0, 0, 1, 0, 5, 1, 1,
                0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 7, 0, 58, 4, 7, 0, 7, 0, 25, 0xff, 5, 0, 11, 5, 1, 1,
        };
        g_autoptr(GByteArray) input = g_byte_array_new();

        if (!ring)
                set_up();
        for (uint8_t options = 0; options < 4; options++) {
                g_byte_array_set_size(input, 0);
                g_byte_array_append(input, &options, 1);
                if (options & 1) {
                        ring_format(&geometry, 1000, ring, positions);
                        g_byte_array_append(input, ring, HEADER_SIZE);
                }
                g_byte_array_append(input, steps, sizeof(steps));
                add(input->data, input->len);
        }
}
