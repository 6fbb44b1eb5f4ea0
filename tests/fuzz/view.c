/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * An input is a session view as the library gets it: a byte that says how many
 * descriptors came with it, then the view. One that is accepted is applied, and
 * the program then records events by it.
 */

#undef NDEBUG

#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/make-view.h"
#include "tests/unit/tracer/program.h"
#include "tracer/actions.h"

#define FDS_MAX 8

static struct snapshot *snapshot;
static int fds[FDS_MAX];

static void set_up(void) {
        made_rings(fds, FDS_MAX);
        objects_lock();
        (void) objects_add(program_object());
        g_assert_cmpint(objects_snapshot(&snapshot), ==, 0);
        objects_unlock();
        g_assert_cmpuint(snapshot->n_definitions, ==, MADE_VIEW_EVENTS);
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

static void add_view(fuzz_add add, uint32_t n_rings, const char *const *filters, uint32_t n_filters) {
        g_autoptr(GByteArray) view = made_view(n_rings, filters, n_filters, 0);
        const uint8_t n_fds = (uint8_t) (4 * n_rings);

        g_byte_array_prepend(view, &n_fds, 1);
        add(view->data, view->len);
}

void fuzz_seeds(fuzz_add add) {
        static const char *const filters[] = { "value == 7 && text == \"a*g\"", "$ctx.vtid > 1 || value < 2" };

        add_view(add, 1, NULL, 0);
        add_view(add, 2, filters, G_N_ELEMENTS(filters));
}
