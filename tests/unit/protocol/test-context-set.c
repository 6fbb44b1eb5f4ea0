/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The contexts of a channel, those of applications among them, and what these are in an application. */

#include <errno.h>
#include <glib.h>
#include <string.h>

#include "protocol/context.h"
#include "protocol/definitions.h"

static void test_add(void) {
        static const char *const bad[] = { "", "vpi", "app:", "app:a", "app::b", "app:a:", "app:a:b:c", "app:a b:c",
                                           "app:a:b ", "app:a:b-c", "a:b" };
        struct context_set set = { 0 }, other;
        char name[CONTEXT_TEXT_MAX];
        unsigned i = 0;

        for (unsigned k = 0; k < G_N_ELEMENTS(bad); k++)
                g_assert_cmpint(context_set_add(&set, bad[k]), ==, -EINVAL);
        g_assert_true(context_set_equal(&set, &(struct context_set) { 0 }));
        g_assert_false(context_set_next(&set, &i, name));
        g_assert_cmpint(context_set_add(&set, "app:shop:queue"), ==, 1);
        g_assert_cmpint(context_set_add(&set, "ip"), ==, 1);
        g_assert_cmpint(context_set_add(&set, "app:shop:queues"), ==, 1);
        g_assert_cmpint(context_set_add(&set, "vpid"), ==, 1);
        other = set;
        g_assert_cmpint(context_set_add(&set, "vpid"), ==, 0);
        g_assert_cmpint(context_set_add(&set, "app:shop:queue"), ==, 0);
        g_assert_cmpint(context_set_add(&set, "app:shop:queues"), ==, 0);
        g_assert_true(context_set_equal(&set, &other));
        g_assert_cmpuint(set.bits, ==, CONTEXT_IP | CONTEXT_VPID | CONTEXT_APPLICATION);
        i = 0;
        for (unsigned k = 0; k < 4; k++) {
                static const char *const names[] = { "vpid", "ip", "app:shop:queue", "app:shop:queues" };

                g_assert_true(context_set_next(&set, &i, name));
                g_assert_cmpstr(name, ==, names[k]);
        }
        g_assert_false(context_set_next(&set, &i, name));
        g_assert_true(context_set_is_valid(set.bits, set.app));
}

static void test_too_many(void) {
        g_autofree char *longest = g_strnfill(APP_CONTEXTS_SIZE - strlen("a:") - 1, 'n');
        g_autofree char *name = g_strconcat("app:a:", longest, NULL), *longer = g_strconcat(name, "n", NULL);
        struct context_set set = { 0 };

        g_assert_cmpint(context_set_add(&set, longer), ==, -E2BIG);
        g_assert_cmpuint(set.bits, ==, 0);
        g_assert_cmpint(context_set_add(&set, name), ==, 1);
        g_assert_cmpint(context_set_add(&set, "app:b:b"), ==, -E2BIG);
        g_assert_true(context_set_is_valid(set.bits, set.app));
        set = (struct context_set) { 0 };
        for (unsigned i = 0; i < APP_CONTEXTS_MAX; i++) {
                g_autofree char *next = g_strdup_printf("app:a:n%u", i);

                g_assert_cmpint(context_set_add(&set, next), ==, 1);
        }
        g_assert_cmpint(context_set_add(&set, "app:a:m"), ==, -E2BIG);
        g_assert_true(context_set_is_valid(set.bits, set.app));
}

static void test_hostile(void) {
        static const char *const bad[] = { "a", ":", " a:b", "a:b  c:d", "a:b,c:d", "a:\"",
                                           "a:b 1:2 3:4 5:6 7:8 9:0 x:y z:a q:b" };
        char app[APP_CONTEXTS_SIZE] = "a:b";

        g_assert_true(context_set_is_valid(CONTEXT_APPLICATION, app));
        g_assert_false(context_set_is_valid(CONTEXT_APPLICATION | CONTEXT_APPLICATION << 1, app));
        g_assert_false(context_set_is_valid(0, app));
        g_assert_false(context_set_is_valid(CONTEXT_APPLICATION, ""));
        for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_strlcpy(app, bad[i], sizeof(app));
                g_assert_false(context_set_is_valid(CONTEXT_APPLICATION, app));
        }
        memset(app, 'x', sizeof(app));
        app[3] = ':';
        g_assert_false(context_set_is_valid(CONTEXT_APPLICATION, app));
}

static size_t make_definitions(char *buffer, size_t size) {
        static const struct definition contexts[] = {
                { .provider = "shop", .name = "depth", .loglevel = DEFINITION_I64 },
                { .provider = "shop", .name = "who", .loglevel = DEFINITION_STRING },
                { .provider = "shop", .name = "depth", .loglevel = DEFINITION_F64 },
        };
        const struct definition event = { .provider = "shop", .name = "paid" };
        size_t offset = sizeof(struct definitions_header);

        g_assert_cmpint(definitions_append(buffer, size, &offset, &event), ==, 0);
        definitions_finish(buffer, 1, offset);
        for (unsigned i = 0; i < G_N_ELEMENTS(contexts); i++)
                g_assert_cmpint(definitions_append(buffer, size, &offset, &contexts[i]), ==, 0);
        definitions_finish_contexts(buffer, G_N_ELEMENTS(contexts), offset);
        return offset;
}

static void test_resolve(void) {
        struct definitions_reader reader;
        struct app_contexts app;
        struct definition d;
        char buffer[512];
        size_t size = make_definitions(buffer, sizeof(buffer));

        /* Who knows nothing of contexts reads the events and nothing else. */
        g_assert_cmpint(definitions_reader_init(&reader, buffer, size), ==, 0);
        g_assert_cmpint(definitions_reader_next(&reader, &d), ==, 1);
        g_assert_cmpint(definitions_reader_next(&reader, &d), ==, 0);
        g_assert_cmpint(app_contexts_resolve("", buffer, size, &app), ==, 0);
        g_assert_cmpuint(app.n, ==, 0);
        g_assert_cmpint(app_contexts_resolve("shop:who other:who shop:dept shop:depth sho:pdepth", buffer, size, &app), ==,
                        0);
        g_assert_cmpuint(app.n, ==, 5);
        g_assert_cmpuint(app.types[0], ==, DEFINITION_STRING);
        g_assert_cmpuint(app.types[1], ==, DEFINITION_STRING);
        g_assert_cmpuint(app.types[2], ==, DEFINITION_STRING);
        g_assert_cmpuint(app.types[3], ==, DEFINITION_I64);
        g_assert_cmpuint(app.types[4], ==, DEFINITION_STRING);
}

/* An application of before: its header is shorter. */
static void test_older(void) {
        struct definitions_header header;
        struct app_contexts app;
        char buffer[512];
        size_t size = make_definitions(buffer, sizeof(buffer));

        memcpy(&header, buffer, sizeof(header));
        header.header_size = DEFINITIONS_HEADER_SIZE_MIN;
        header.minor = 0;
        memcpy(buffer, &header, sizeof(header));
        g_assert_cmpint(app_contexts_resolve("shop:depth", buffer, size, &app), ==, 0);
        g_assert_cmpuint(app.n, ==, 1);
        g_assert_cmpuint(app.types[0], ==, DEFINITION_STRING);
}

/* Whatever it is, it is refused or read without harm; never a type that is none. */
static void test_mutated(void) {
        char buffer[512];
        size_t size = make_definitions(buffer, sizeof(buffer));

        for (size_t i = 0; i < size; i++)
                for (unsigned value = 0; value < 256; value++) {
                        g_autofree char *copy = g_memdup2(buffer, size);
                        struct app_contexts app;

                        copy[i] = (char) value;
                        if (app_contexts_resolve("shop:depth", copy, size, &app) == 0)
                                g_assert_true(definition_type_is_context(app.types[0]));
                }
        for (size_t cut = 0; cut < size; cut++) {
                g_autofree char *copy = g_memdup2(buffer, cut);
                struct app_contexts app;

                g_assert_cmpint(app_contexts_resolve("shop:depth", copy, cut, &app), ==, -EBADMSG);
        }
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/context-set/add", test_add);
        g_test_add_func("/context-set/too-many", test_too_many);
        g_test_add_func("/context-set/hostile", test_hostile);
        g_test_add_func("/context-set/resolve", test_resolve);
        g_test_add_func("/context-set/older", test_older);
        g_test_add_func("/context-set/mutated", test_mutated);
        return g_test_run();
}
