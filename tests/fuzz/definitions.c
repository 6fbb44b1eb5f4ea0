/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * An input is the definitions that an application sent. What tracingd accepts of
 * them can be written again, and filters can be bound to it.
 */

#undef NDEBUG

#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/hash.h"
#include "protocol/context.h"
#include "protocol/filter-code.h"
#include "protocol/filter.h"
#include "service/registry/definitions.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/make-definitions.h"

static void bind_filter(const struct definition *d) {
        static const char *const texts[] = { "id == 1 || $ctx.vpid > 2", "name == \"a*\" && id", "!list || f < 1.5" };
        static char code[FILTER_CODE_SIZE_MAX] __attribute__((aligned(8)));
        static struct filter_program *programs[G_N_ELEMENTS(texts)];
        struct filter_error error;
        size_t size;

        for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
                if (!programs[i])
                        g_assert_cmpint(filter_compile(texts[i], &programs[i], &error), ==, 0);
                if (filter_bind(&programs[i], 1, d, NULL, code, sizeof(code), &size) > 0)
                        g_assert_cmpint(filter_check(code, size), ==, 0);
        }
}

/* The same entry again, but for what a later version adds to it. */
static void check_definition(const struct definition *d) {
        size_t size = 0;

        g_assert_true(definition_name_is_valid(d->provider, strlen(d->provider)));
        g_assert_cmpuint(strlen(d->name), <=, DEFINITION_NAME_MAX);
        for (unsigned i = 0; i < d->n_fields; i++) {
                g_assert_true(definition_name_is_valid(d->fields[i].name, strlen(d->fields[i].name)));
                g_assert_cmpint(d->fields[i].type, <, _DEFINITION_TYPE_MAX);
        }
        g_assert_cmpint(definitions_append(NULL, 0, &size, d), ==, 0);
        bind_filter(d);
}

static void read_contexts(const uint8_t *data, size_t size) {
        struct definitions_reader reader;
        struct app_contexts contexts;
        struct definition d;

        if (app_contexts_resolve("shop:queue shop:till", data, size, &contexts) >= 0)
                g_assert_cmpuint(contexts.n, ==, 2);
        if (definitions_reader_init_contexts(&reader, data, size) < 0)
                return;
        while (definitions_reader_next(&reader, &d) > 0)
                g_assert_cmpuint(d.n_fields, <=, DEFINITION_FIELDS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(event_definitions_unrefp) struct event_definitions *d = NULL;
        _cleanup_close_ int fd = -1;
        struct definition definition;

        read_contexts(data, size);
        g_assert_cmpint(memfd_new_constant("definitions", data, size, &fd), ==, 0);
        if (event_definitions_new(fd, hash_bytes(HASH_INIT, data, size), &d) < 0)
                return 0;
        for (uint32_t i = 0; i < d->n_events; i++) {
                g_assert_nonnull(strchr(d->events[i].name, ':'));
                g_assert_cmpint(event_definitions_read(d, i, &definition), ==, 0);
                check_definition(&definition);
        }
        return 0;
}

void fuzz_seeds(fuzz_add add) {
        char *buffer = g_malloc(MADE_DEFINITIONS_SIZE);
        size_t size = made_definitions_example(buffer);

        add(buffer, size);
        g_free(buffer);
}
