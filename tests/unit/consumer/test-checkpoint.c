/* SPDX-License-Identifier: LGPL-2.1-or-later */

#undef NDEBUG
#include <glib.h>
#include <string.h>

#include "consumer/checkpoint.h"

struct record {
        uint64_t values[5];
};

struct fixture {
        uint64_t memory[sizeof(struct checkpoint) / sizeof(uint64_t)];
};

static struct checkpoint *at(struct fixture *f) {
        return (struct checkpoint *) f->memory;
}

static struct record make(uint64_t value) {
        struct record record;

        for (unsigned i = 0; i < G_N_ELEMENTS(record.values); i++)
                record.values[i] = value;
        return record;
}

static void save(struct fixture *f, uint64_t value) {
        struct record record = make(value);

        checkpoint_save(at(f), &record, sizeof(record));
}

static void propose(struct fixture *f, uint64_t generation, uint64_t value) {
        struct record record = make(value);

        checkpoint_propose(at(f), generation, &record, sizeof(record));
}

/* What a successor finds. It may load more than once: another may be killed at once. */
static void assert_holds(struct fixture f, uint64_t generation, uint64_t value) {
        struct record record, expected = make(value);

        for (int i = 0; i < 2; i++) {
                checkpoint_load(at(&f), generation, &record, sizeof(record));
                g_assert_cmpint(memcmp(&record, &expected, sizeof(record)), ==, 0);
        }
}

static void test_save(void) {
        struct fixture f = {};

        assert_holds(f, 0, 0);
        for (uint64_t i = 1; i < 5; i++) {
                save(&f, i);
                assert_holds(f, 0, i);
                assert_holds(f, 100, i);
        }
}

/* The copy that is being written may be anything. */
static void test_torn(void) {
        struct fixture f = {}, g;

        save(&f, 1);
        save(&f, 2);
        g = f;
        save(&g, 3);
        for (size_t i = 1; i < G_N_ELEMENTS(f.memory); i++) {
                f.memory[i] = g.memory[i];
                assert_holds(f, 0, 2);
        }
        f.memory[0] = g.memory[0];
        assert_holds(f, 0, 3);
}

static void test_propose(void) {
        struct fixture f = {};

        save(&f, 1);
        propose(&f, 7, 2);
        assert_holds(f, 6, 1);
        assert_holds(f, 7, 2);
        assert_holds(f, 8, 2);
        checkpoint_settle(at(&f), 7);
        assert_holds(f, 0, 2);
        /* Taken back by another proposal, by a settlement, or by a save. */
        propose(&f, 8, 3);
        propose(&f, 9, 4);
        assert_holds(f, 8, 2);
        assert_holds(f, 9, 4);
        checkpoint_settle(at(&f), 8);
        assert_holds(f, 9, 2);
        propose(&f, 9, 5);
        save(&f, 6);
        assert_holds(f, 9, 6);
}

/* One of a later version is longer; what it had is gone when an earlier version has saved its own. */
static void test_sizes(void) {
        struct { struct record known; uint64_t later; } longer = { make(2), 77 }, found;
        struct fixture f = {};

        save(&f, 1);
        for (unsigned i = 0; i < 2; i++) {
                checkpoint_load(at(&f), 0, &found, sizeof(found));
                g_assert_cmpuint(found.known.values[4], ==, 1);
                g_assert_cmpuint(found.later, ==, 0);
                checkpoint_save(at(&f), &longer, sizeof(longer));
                assert_holds(f, 0, 2);
                checkpoint_load(at(&f), 0, &found, sizeof(found));
                g_assert_cmpuint(found.later, ==, 77);
                checkpoint_propose(at(&f), 5, &longer, sizeof(longer));
                assert_holds(f, 5, 2);
                save(&f, 1);
                save(&f, 1);
        }
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/checkpoint/save", test_save);
        g_test_add_func("/checkpoint/torn", test_torn);
        g_test_add_func("/checkpoint/propose", test_propose);
        g_test_add_func("/checkpoint/sizes", test_sizes);
        return g_test_run();
}
