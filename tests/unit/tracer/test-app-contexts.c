/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Contexts of the program's own: who is asked for their values, when, and what comes of it. */

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/resource.h>

#include "protocol/definitions.h"
#include "tracer/app-contexts.h"
#include "tracer/objects.h"
#include "tracer/thread.h"

static unsigned calls;
static uint32_t nest_inside;

static int64_t depth(void) {
        calls++;
        nest_inside = thread_self->nest;
        errno = EIO;
        return -5;
}

static uint64_t large(void) {
        return UINT64_MAX;
}

static double load(void) {
        return 0.5;
}

static void who(char *text, size_t size) {
        memset(text, 'w', size); /* without a NUL */
}

static void nobody(char *text, size_t size) {
}

tracectl_context_i64(shop, depth, depth);
tracectl_context_u64(shop, large, large);
tracectl_context_f64(shop, load, load);
tracectl_context_str(shop, who, who);
tracectl_context_str(shop, nobody, nobody);

static struct tracectl_object object = {
        .size = sizeof(object),
        .abi = TRACECTL_ABI,
};

static void set_up(const char *app, struct app_calls *ret) {
        struct snapshot *s;

        object.context_start = __start_tracectl_contexts;
        object.context_stop = __stop_tracectl_contexts;
        if (!thread_self)
                (void) thread_claim();
        g_assert_cmpint(objects_add(&object), ==, 1);
        g_assert_cmpint(objects_snapshot(&s), ==, 0);
        g_assert_cmpint(app_calls_find(app, s->definitions, s->definitions_size, ret), ==, 0);
        snapshot_unref(s);
}

static void test_values(void) {
        char buffer[APP_CONTEXTS_MAX * APP_CONTEXT_VALUE_MAX];
        struct app_calls c;
        int64_t i64;
        uint64_t u64;
        double f64;

        calls = 0;
        set_up("shop:depth shop:who other:unknown shop:large shop:nobody shop:load", &c);
        g_assert_cmpuint(c.n, ==, 6);
        memset(buffer, 'x', sizeof(buffer));
        errno = ENOTTY;
        g_assert_cmpuint(app_calls_fill(&c, buffer), ==, 8 + 64 + 1 + 8 + 1 + 8);
        g_assert_cmpint(errno, ==, ENOTTY);
        g_assert_cmpuint(calls, ==, 1);
        memcpy(&i64, buffer, 8);
        g_assert_cmpint(i64, ==, -5);
        g_assert_cmpuint(strlen(buffer + 8), ==, 63);
        g_assert_cmpstr(buffer + 72, ==, "");
        memcpy(&u64, buffer + 73, 8);
        g_assert_cmpuint(u64, ==, UINT64_MAX);
        g_assert_cmpstr(buffer + 81, ==, "");
        memcpy(&f64, buffer + 82, 8);
        g_assert_cmpfloat(f64, ==, 0.5);
        g_assert_cmpint(objects_remove(&object), ==, 1);
}

/* What the program traces while it is asked is lost, and counted: it would be asked again. */
static void test_as_deep_as_can_be(void) {
        char buffer[APP_CONTEXTS_MAX * APP_CONTEXT_VALUE_MAX];
        struct app_calls c;

        set_up("shop:depth", &c);
        g_assert_nonnull(thread_enter());
        (void) app_calls_fill(&c, buffer);
        g_assert_cmpuint(nest_inside, ==, NEST_MAX);
        g_assert_cmpuint(thread_self->nest, ==, 1);
        thread_leave(thread_self);
        g_assert_cmpint(objects_remove(&object), ==, 1);
}

/* A library that was closed is not called any more, also when another has taken its place. */
static void test_removed(void) {
        char buffer[APP_CONTEXTS_MAX * APP_CONTEXT_VALUE_MAX];
        struct app_calls before, c;

        set_up("shop:depth shop:who", &before);
        g_assert_cmpint(objects_remove(&object), ==, 1);
        calls = 0;
        memset(buffer, 'x', sizeof(buffer));
        g_assert_cmpuint(app_calls_fill(&before, buffer), ==, 8 + 1);
        for (unsigned i = 0; i < 9; i++)
                g_assert_cmpint(buffer[i], ==, 0);
        set_up("shop:depth", &c);
        g_assert_cmpuint(app_calls_fill(&before, buffer), ==, 8 + 1);
        g_assert_cmpuint(calls, ==, 0);
        (void) app_calls_fill(&c, buffer);
        g_assert_cmpuint(calls, ==, 1);
        g_assert_cmpint(objects_remove(&object), ==, 1);
}

static struct tracectl_context of_plugin;
static struct tracectl_context *const plugin_contexts[] = { &of_plugin };
static struct tracectl_object plugin = {
        .size = sizeof(plugin), .abi = TRACECTL_ABI,
        .context_start = plugin_contexts, .context_stop = plugin_contexts + 1,
};

/* What a program does that is asked for a value, and unloads a plugin for it. */
static uint64_t close_plugin(void) {
        tracectl_object_unregister(&plugin);
        return 7;
}

tracectl_context_u64(shop, closer, close_plugin);

static long count_sleeps(void) {
        struct rusage usage;

        g_assert_cmpint(getrusage(RUSAGE_THREAD, &usage), ==, 0);
        return usage.ru_nvcsw;
}

/* From inside a tracepoint, a library's end waits for no tracepoint; and it is not called any more, from that very one. */
static void test_removed_by_a_context(void) {
        char buffer[APP_CONTEXTS_MAX * APP_CONTEXT_VALUE_MAX];
        struct app_calls c;
        uint64_t value;
        long before;

        for (struct tracectl_context *const *p = __start_tracectl_contexts; p < __stop_tracectl_contexts; p++)
                if (strcmp((*p)->name, "depth") == 0)
                        of_plugin = **p;
        of_plugin.provider = "plugin";
        g_assert_cmpint(objects_add(&plugin), ==, 1);
        set_up("plugin:depth shop:closer plugin:depth", &c);
        g_assert_cmpuint(c.n, ==, 3);
        g_assert_cmpint(thread_enable(), ==, 0);
        calls = 0;
        g_assert_nonnull(thread_enter());
        before = count_sleeps();
        g_assert_cmpuint(app_calls_fill(&c, buffer), ==, 24);
        g_assert_cmpint(count_sleeps() - before, <, 100);
        thread_leave(thread_self);
        g_assert_cmpuint(calls, ==, 1);
        memcpy(&value, buffer + 8, 8);
        g_assert_cmpuint(value, ==, 7);
        memcpy(&value, buffer + 16, 8);
        g_assert_cmpuint(value, ==, 0);
        g_assert_cmpint(objects_remove(&object), ==, 1);
}

/* Of more than there are places for, nothing is recorded. */
static void test_too_many(void) {
        struct tracectl_context many[APP_CONTEXT_SLOTS + 1], *pointers[APP_CONTEXT_SLOTS + 1];
        struct tracectl_object crowd = { .size = sizeof(crowd), .abi = TRACECTL_ABI };
        char buffer[APP_CONTEXTS_MAX * APP_CONTEXT_VALUE_MAX];
        struct app_calls c;

        for (unsigned i = 0; i < G_N_ELEMENTS(many); i++) {
                many[i] = *__start_tracectl_contexts[0];
                many[i].provider = "crowd";
                pointers[i] = &many[i];
        }
        crowd.context_start = pointers;
        crowd.context_stop = pointers + G_N_ELEMENTS(many);
        g_assert_cmpint(objects_add(&crowd), ==, 1);
        set_up("shop:depth", &c);
        calls = 0;
        g_assert_cmpuint(app_calls_fill(&c, buffer), ==, 8);
        g_assert_cmpuint(calls, ==, 0);
        g_assert_cmpint(objects_remove(&object), ==, 1);
        g_assert_cmpint(objects_remove(&crowd), ==, 1);
        set_up("shop:depth", &c);
        (void) app_calls_fill(&c, buffer);
        g_assert_cmpuint(calls, ==, 1);
        g_assert_cmpint(objects_remove(&object), ==, 1);
}

static void test_unusable(void) {
        struct tracectl_context good = *__start_tracectl_contexts[0], bad;

        g_assert_true(app_context_is_usable(&good));
        g_assert_false(app_context_is_usable(NULL));
        bad = good;
        bad.size--;
        g_assert_false(app_context_is_usable(&bad));
        bad = good;
        bad.abi++;
        g_assert_false(app_context_is_usable(&bad));
        bad = good;
        bad.type = DEFINITION_BYTES;
        g_assert_false(app_context_is_usable(&bad));
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/app-contexts/values", test_values);
        g_test_add_func("/app-contexts/as-deep-as-can-be", test_as_deep_as_can_be);
        g_test_add_func("/app-contexts/removed", test_removed);
        g_test_add_func("/app-contexts/removed-by-a-context", test_removed_by_a_context);
        g_test_add_func("/app-contexts/too-many", test_too_many);
        g_test_add_func("/app-contexts/unusable", test_unusable);
        return g_test_run();
}
