/* SPDX-License-Identifier: LGPL-2.1-or-later */

#undef NDEBUG

#include <errno.h>
#include <glib.h>

#include "tracer/objects.h"
#include "tracer/publish.h"

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
        small.size = offsetof(struct tracectl_object, context_start) - 1;
        g_assert_cmpint(objects_add(&small), ==, 0);
}

static struct snapshot *snapshot(void) {
        struct snapshot *s;

        objects_lock();
        g_assert_cmpint(objects_snapshot(&s), ==, 0);
        objects_unlock();
        return s;
}

static void test_snapshot_forgets_removed(void) {
        struct tracectl_object object = object_of(1);
        struct snapshot *first, *same, *second;

        g_assert_cmpint(objects_add(&object), ==, 1);
        first = snapshot();
        same = snapshot();
        g_assert_true(first == same);
        snapshot_unref(same);
        g_assert_cmpuint(first->n_sites, ==, 1);
        g_assert_cmpuint(first->n_definitions, ==, 1);
        g_assert_true(first->sites[0].event == &event);
        g_assert_cmpint(objects_remove(&object), ==, 1);
        g_assert_null(first->sites[0].event);
        second = snapshot();
        g_assert_cmpuint(second->n_sites, ==, 0);
        snapshot_unref(second);
        snapshot_unref(first);
}

/* Two that are alive at once: an object that goes is gone in both, one that comes back is only in the newer. */
static void test_snapshot_keeps_order(void) {
        struct tracectl_object a = object_of(1), b = object_of(2);
        struct snapshot *older, *newer;

        g_assert_cmpint(objects_add(&a), ==, 1);
        older = snapshot();
        g_assert_cmpint(objects_add(&b), ==, 1);
        newer = snapshot();
        g_assert_cmpint((int32_t) (newer->version - older->version), >, 0);
        g_assert_cmpuint(newer->n_sites, ==, 2);
        g_assert_cmpuint(newer->n_definitions, ==, 1);
        g_assert_cmpuint(newer->hash, ==, older->hash);
        g_assert_cmpint(objects_remove(&a), ==, 1);
        g_assert_null(older->sites[0].event);
        g_assert_null(newer->sites[1].event);
        snapshot_unref(newer);
        snapshot_unref(older);
        g_assert_cmpint(objects_remove(&b), ==, 1);
}

/* What a child of fork() does. */
static void test_reset(void) {
        struct tracectl_object object = object_of(2);
        struct snapshot *s;

        g_assert_cmpint(objects_add(&object), ==, 1);
        s = snapshot();
        __atomic_store_n(&event.actions, s, __ATOMIC_RELEASE);
        objects_lock();
        objects_reset();
        g_assert_null(event.actions);
        s = snapshot();
        g_assert_cmpuint(s->n_sites, ==, 1);
        snapshot_unref(s);
        g_assert_cmpint(objects_remove(&object), ==, 1);
}

/* An answer for the events of the past would leave those to nobody that count since. */
static void test_answer_of_the_past(void) {
        struct tracectl_object a = object_of(1), b = { .size = sizeof(b), .abi = TRACECTL_ABI };
        struct tracectl_event other = event;
        struct tracectl_event *const others[] = { &other };
        struct snapshot *older, *newer;
        struct retired retired;

        other.name = "other";
        b.start = others;
        b.stop = others + 1;
        g_assert_cmpint(objects_add(&a), ==, 1);
        older = snapshot();
        g_assert_cmpint(publish_pending(0, &retired), ==, 0);
        g_assert_nonnull(event.actions);
        g_assert_cmpint(publish(0, older, NULL, 0, &retired), ==, 0);
        g_assert_null(event.actions);
        pending_free(retired.pending);
        g_assert_cmpint(objects_add(&b), ==, 1);
        newer = snapshot();
        g_assert_cmpint(publish_pending(0, &retired), ==, 0);
        g_assert_null(event.actions);
        g_assert_nonnull(other.actions);
        g_assert_cmpint(publish(0, older, NULL, 0, &retired), ==, -ESTALE);
        g_assert_nonnull(other.actions);
        g_assert_cmpint(publish(0, newer, NULL, 0, &retired), ==, 0);
        g_assert_null(other.actions);
        pending_free(retired.pending);
        g_assert_false(publish_is_pending(0));
        /* Who takes back what it has said, is asked again. */
        g_assert_cmpint(publish_pending(0, &retired), ==, 0);
        g_assert_false(publish_is_pending(0));
        g_assert_cmpint(publish(0, NULL, NULL, 0, &retired), ==, 0);
        g_assert_cmpint(publish_pending(0, &retired), ==, 0);
        g_assert_true(publish_is_pending(0));
        g_assert_false(publish_has_counted(0));
        g_assert_cmpint(publish(0, NULL, NULL, 0, &retired), ==, 0);
        g_assert_null(event.actions);
        g_assert_null(other.actions);
        pending_free(retired.pending);
        snapshot_unref(older);
        snapshot_unref(newer);
        g_assert_cmpint(objects_remove(&a), ==, 1);
        g_assert_cmpint(objects_remove(&b), ==, 1);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/objects/remove-turns-off", test_remove_turns_off);
        g_test_add_func("/objects/add-once", test_add_once);
        g_test_add_func("/objects/add-foreign", test_add_foreign);
        g_test_add_func("/objects/reset", test_reset);
        g_test_add_func("/objects/answer-of-the-past", test_answer_of_the_past);
        g_test_add_func("/objects/snapshot-keeps-order", test_snapshot_keeps_order);
        g_test_add_func("/objects/snapshot-forgets-removed", test_snapshot_forgets_removed);
        return g_test_run();
}
