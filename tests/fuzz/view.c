/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * An input is a session view as the library gets it: a byte that says how many
 * descriptors came with it, then the view. One that is accepted is applied, and
 * the program then records events by it.
 */

#undef NDEBUG

#include <string.h>
#include <sys/mman.h>

#include "common/clock.h"
#include "common/fd.h"
#include "protocol/ctf.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/protocol/filter-play.h"
#include "tests/unit/tracer/program.h"
#include "tracer/actions.h"

#define FDS_MAX 8
#define EVENTS 2 /* of the program, without its plugin */

static struct snapshot *snapshot;
static int fds[FDS_MAX]; /* a shared ring, then one with locks, and again */

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

static void set_up(void) {
        for (unsigned i = 0; i < FDS_MAX; i += 2)
                make_ring(i % 4 ? RING_LOCKED : RING_OVERWRITE, &fds[i]);
        objects_lock();
        (void) objects_add(program_object());
        g_assert_cmpint(objects_snapshot(&snapshot), ==, 0);
        objects_unlock();
        g_assert_cmpuint(snapshot->n_definitions, ==, EVENTS);
}

static void apply(const struct view *view) {
        static struct applied applied;

        if (view->header->n_events != snapshot->n_definitions)
                return;
        if (actions_apply(&applied, view, fds, snapshot) < 0)
                return;
        g_assert_cmpint(program_enabled() != 0, ==, view->n_actions > 0);
        program_trace(7);
        actions_clear(&applied);
        g_assert_cmpuint(program_enabled(), ==, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        g_autofree uint8_t *copy = NULL;
        struct view view;

        if (!snapshot)
                set_up();
        if (size < 1)
                return 0;
        /* At a multiple of 8, as it would be mapped. */
        copy = g_memdup2(data + 1, size - 1);
        if (view_check(copy, size - 1, *data % (FDS_MAX + 1), &view) == 0)
                apply(&view);
        return 0;
}

/* Of each ring's kind one, for the event itself and by a filter. */
static void add_view(fuzz_add add, uint32_t n_rings, const char *const *filters, uint32_t n_filters) {
        struct definition event = { .provider = "program", .name = "string", .n_fields = 2,
                                    .fields = { { DEFINITION_U64, "value" }, { DEFINITION_STRING, "text" } } };
        struct view_header h = {
                .magic = VIEW_MAGIC, .major = VIEW_MAJOR, .minor = VIEW_MINOR, .header_size = sizeof(h),
                .ring_size = sizeof(struct view_ring), .action_size = sizeof(struct view_action), .n_rings = n_rings,
                .n_events = EVENTS, .n_filters = n_filters, .filter_size = sizeof(struct view_filter),
        };
        g_autoptr(GByteArray) view = g_byte_array_new(), codes = g_byte_array_new();
        struct view_filter places[4];
        uint8_t n_fds = (uint8_t) (4 * n_rings);

        h.n_actions = n_rings * (1 + n_filters);
        h.total_size = sizeof(h) + n_rings * sizeof(struct view_ring) + h.n_actions * sizeof(struct view_action) +
                       n_filters * sizeof(struct view_filter);
        for (uint32_t i = 0; i < n_filters; i++) {
                char code[4096] __attribute__((aligned(8)));
                struct filter_program *compiled = play_compile(filters[i]);
                size_t size;

                g_assert_cmpint(filter_bind(&compiled, 1, &event, code, sizeof(code), &size), ==, 1);
                filter_program_unref(compiled);
                places[i] = (struct view_filter) { (uint32_t) h.total_size, (uint32_t) size };
                g_byte_array_append(codes, (const guint8 *) code, (guint) size);
                h.total_size += size;
        }
        g_byte_array_append(view, &n_fds, 1);
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
        g_byte_array_append(view, codes->data, codes->len);
        add(view->data, view->len);
}

void fuzz_seeds(fuzz_add add) {
        static const char *const filters[] = { "value == 7 && text == \"a*g\"", "$ctx.vtid > 1 || value < 2" };

        add_view(add, 1, NULL, 0);
        add_view(add, 2, filters, G_N_ELEMENTS(filters));
}
