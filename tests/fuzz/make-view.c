/* SPDX-License-Identifier: LGPL-2.1-or-later */

#undef NDEBUG

#include "tests/fuzz/make-view.h"

#include <string.h>
#include <sys/mman.h>

#include "common/clock.h"
#include "common/fd.h"
#include "protocol/ctf.h"
#include "protocol/ring.h"
#include "protocol/view.h"
#include "tests/unit/protocol/filter-play.h"

static void make_ring(uint32_t flags, int ret[2]) {
        struct ring_geometry g;
        void *ring, *positions;

        g_assert_cmpint(ring_geometry_init(&g, flags, trace_clock_choose(), 4, 2, RING_SUBBUF_SIZE_MIN), ==, 0);
        g_assert_cmpint(memfd_new_shared("ring", g.total_size, &ret[0]), ==, 0);
        g_assert_cmpint(memfd_new_shared("positions", g.positions_size, &ret[1]), ==, 0);
        ring = mmap(NULL, g.total_size, PROT_READ | PROT_WRITE, MAP_SHARED, ret[0], 0);
        positions = mmap(NULL, g.positions_size, PROT_READ | PROT_WRITE, MAP_SHARED, ret[1], 0);
        g_assert_true(ring != MAP_FAILED && positions != MAP_FAILED);
        ring_format(&g, trace_clock_read(g.clock, 0), ring, positions);
        munmap(ring, g.total_size);
        munmap(positions, g.positions_size);
}

void made_rings(int *ret_fds, unsigned n) {
        for (unsigned i = 0; i < n; i += 2)
                make_ring(i % 4 ? RING_LOCKED : RING_OVERWRITE, &ret_fds[i]);
}

GByteArray *made_view(uint32_t n_rings, const char *const *filters, uint32_t n_filters, uint64_t definitions) {
        struct definition event = { .provider = "program", .name = "string", .n_fields = 2,
                                    .fields = { { DEFINITION_U64, "value" }, { DEFINITION_STRING, "text" } } };
        struct view_header h = {
                .magic = VIEW_MAGIC, .major = VIEW_MAJOR, .minor = VIEW_MINOR, .header_size = sizeof(h),
                .ring_size = sizeof(struct view_ring), .action_size = sizeof(struct view_action), .n_rings = n_rings,
                .n_events = MADE_VIEW_EVENTS, .definitions = definitions, .n_filters = n_filters, .filter_size = sizeof(struct view_filter),
        };
        g_autoptr(GByteArray) codes = g_byte_array_new();
        GByteArray *view = g_byte_array_new();
        struct view_filter places[4];

        h.n_actions = n_rings * (1 + n_filters);
        h.total_size = sizeof(h) + n_rings * sizeof(struct view_ring) + h.n_actions * sizeof(struct view_action) +
                       n_filters * sizeof(struct view_filter);
        for (uint32_t i = 0; i < n_filters; i++) {
                char code[4096] __attribute__((aligned(8)));
                struct filter_program *compiled = play_compile(filters[i]);
                size_t size;

                g_assert_cmpint(filter_bind(&compiled, 1, &event, NULL, code, sizeof(code), &size), ==, 1);
                filter_program_unref(compiled);
                places[i] = (struct view_filter) { (uint32_t) h.total_size, (uint32_t) size };
                g_byte_array_append(codes, (const guint8 *) code, (guint) size);
                h.total_size += size;
        }
        g_byte_array_append(view, (const guint8 *) &h, sizeof(h));
        for (uint32_t i = 0; i < n_rings; i++) {
                struct view_ring ring = { .shared_id = 10 + 2 * i, .locked_id = 11 + 2 * i,
                                          .flags = VIEW_RING_SHARED | VIEW_RING_LOCKED,
                                          .contexts = i ? CONTEXTS_KNOWN : 0 };

                strcpy(ring.app_contexts, i ? "shop:queue" : "");
                g_byte_array_append(view, (const guint8 *) &ring, sizeof(ring));
        }
        for (uint32_t i = 0; i < h.n_actions; i++) {
                struct view_action action = { .event = i < n_rings ? 0 : 1, .ring = i % n_rings,
                                              .id = i % 2 ? CTF_ID_FIRST + i : 1000 + i,
                                              .filter = i < n_rings ? 0 : i / n_rings };

                g_byte_array_append(view, (const guint8 *) &action, sizeof(action));
        }
        g_byte_array_append(view, (const guint8 *) places, (guint) (n_filters * sizeof(places[0])));
        return g_byte_array_append(view, codes->data, codes->len);
}
