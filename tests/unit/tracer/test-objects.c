/* SPDX-License-Identifier: LGPL-2.1-or-later */

#undef NDEBUG

#include <glib.h>

#include "tracer/objects.h"

static const struct tracectl_field no_fields[1];
static struct tracectl_event event = {
        .size = sizeof(struct tracectl_event),
        .abi = TRACECTL_ABI,
        .provider = "test",
        .name = "event",
        .fields = no_fields,
        .field_size = sizeof(struct tracectl_field),
};
static struct tracectl_event *const events[] = { &event, NULL };

static struct tracectl_object object_of(size_t n) {
        return (struct tracectl_object) {
                .size = sizeof(struct tracectl_object),
                .abi = TRACECTL_ABI,
                .start = events,
                .stop = events + n,
        };
}

/* Code of a library may run after the library's destructor: actions that it still led to would be freed memory. */
static void test_remove_turns_off(void) {
        struct tracectl_object object = object_of(2);

        g_assert_cmpint(objects_add(&object), ==, 1);
        __atomic_store_n(&event.actions, &object, __ATOMIC_RELEASE);
        g_assert_cmpint(objects_remove(&object), ==, 1);
        g_assert_null(event.actions);
}

static void test_add_once(void) {
        struct tracectl_object object = object_of(1);
        uint32_t version = objects_version();

        g_assert_cmpint(objects_add(&object), ==, 1);
        g_assert_cmpint(objects_add(&object), ==, 0);
        g_assert_cmpuint(objects_version(), ==, version + 1);
        g_assert_cmpint(objects_remove(&object), ==, 1);
        g_assert_cmpint(objects_remove(&object), ==, 0);
        g_assert_cmpuint(objects_version(), ==, version + 2);
}

static void test_add_foreign(void) {
        struct tracectl_object empty = object_of(0), newer = object_of(1), small = object_of(1);

        g_assert_cmpint(objects_add(&empty), ==, 0);
        g_assert_cmpint(objects_remove(&empty), ==, 0);
        newer.abi++;
        g_assert_cmpint(objects_add(&newer), ==, 0);
        g_assert_cmpint(newer.registered, ==, 0);
        small.size--;
        g_assert_cmpint(objects_add(&small), ==, 0);
}

static void test_disable_all(void) {
        struct tracectl_object object = object_of(2);

        g_assert_cmpint(objects_add(&object), ==, 1);
        __atomic_store_n(&event.actions, &object, __ATOMIC_RELEASE);
        objects_disable_all();
        g_assert_null(event.actions);
        g_assert_cmpint(objects_remove(&object), ==, 1);
}

static void test_snapshot_forgets_removed(void) {
        struct tracectl_object object = object_of(1);
        struct snapshot snapshot = { 0 };

        g_assert_cmpint(objects_add(&object), ==, 1);
        g_assert_cmpint(objects_snapshot(&snapshot), ==, 0);
        g_assert_cmpuint(snapshot.n_sites, ==, 1);
        g_assert_cmpuint(snapshot.n_definitions, ==, 1);
        g_assert_true(snapshot.sites[0].event == &event);
        g_assert_cmpint(objects_remove(&object), ==, 1);
        g_assert_null(snapshot.sites[0].event);
        g_assert_cmpint(objects_snapshot(&snapshot), ==, 0);
        g_assert_cmpuint(snapshot.n_sites, ==, 0);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/objects/remove-turns-off", test_remove_turns_off);
        g_test_add_func("/objects/add-once", test_add_once);
        g_test_add_func("/objects/add-foreign", test_add_foreign);
        g_test_add_func("/objects/disable-all", test_disable_all);
        g_test_add_func("/objects/snapshot-forgets-removed", test_snapshot_forgets_removed);
        return g_test_run();
}
