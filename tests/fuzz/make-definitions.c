/* SPDX-License-Identifier: LGPL-2.1-or-later */

#undef NDEBUG

#include "protocol/definitions.h"
#include "tests/fuzz/make-definitions.h"

#define FIELDS_MAX 10

/* Some that metadata has for itself, some that are only seen to collide when it has made names of them. */
static const char *const names[] = {
        "id", "name", "list", "f", "event", "struct", "string", "int", "_id", "_", "__name_length", "id_2", "id_length",
        "length", "9", "timestamp", "stream", "fields", "align", "x",
};

static const char *name_of(uint8_t n) {
        return names[n % G_N_ELEMENTS(names)];
}

static const struct definition contexts[] = {
        { .provider = "shop", .name = "queue", .loglevel = DEFINITION_U64 },
        { .provider = "shop", .name = "till", .loglevel = DEFINITION_STRING },
};

static size_t finish(char *buffer, size_t end, uint32_t n_events) {
        definitions_finish(buffer, n_events, end);
        for (unsigned i = 0; i < G_N_ELEMENTS(contexts); i++)
                g_assert_cmpint(definitions_append(buffer, MADE_DEFINITIONS_SIZE, &end, &contexts[i]), ==, 0);
        definitions_finish_contexts(buffer, G_N_ELEMENTS(contexts), end);
        return end;
}

size_t made_definitions_example(char *buffer) {
        struct definition all = { .provider = "shop", .name = "all", .loglevel = 6 };
        struct definition paid = { .provider = "shop", .name = "paid", .loglevel = 14, .n_fields = 4, .fields = {
                { DEFINITION_U64, "id" }, { DEFINITION_STRING, "name" }, { DEFINITION_ARRAY_I16, "list" },
                { DEFINITION_F64, "f" },
        } };
        size_t end = sizeof(struct definitions_header);

        for (unsigned type = DEFINITION_U8; type < _DEFINITION_TYPE_MAX; type++)
                all.fields[all.n_fields++] = (struct definition_field) { type, name_of((uint8_t) type) };
        g_assert_cmpint(definitions_append(buffer, MADE_DEFINITIONS_SIZE, &end, &paid), ==, 0);
        g_assert_cmpint(definitions_append(buffer, MADE_DEFINITIONS_SIZE, &end, &all), ==, 0);
        return finish(buffer, end, 2);
}

size_t made_definitions(struct fuzz_input *input, char *buffer) {
        uint32_t n_events = 1 + fuzz_take_u8(input) % MADE_EVENTS_MAX;
        size_t end = sizeof(struct definitions_header);

        for (uint32_t i = 0; i < n_events; i++) {
                struct definition d = { .provider = "shop", .name = name_of(fuzz_take_u8(input)) };

                d.loglevel = fuzz_take_u8(input);
                d.n_fields = fuzz_take_u8(input) % FIELDS_MAX;
                for (unsigned k = 0; k < d.n_fields; k++)
                        d.fields[k] = (struct definition_field) {
                                .type = 1 + fuzz_take_u8(input) % (_DEFINITION_TYPE_MAX - 1),
                                .name = name_of(fuzz_take_u8(input)),
                        };
                g_assert_cmpint(definitions_append(buffer, MADE_DEFINITIONS_SIZE, &end, &d), ==, 0);
        }
        return finish(buffer, end, n_events);
}
