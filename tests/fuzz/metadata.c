/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * An input is what a session and its applications call their events, fields and
 * contexts. Whatever that is, our reader accepts the metadata that the consumer
 * writes of it, and finds each event there as it was defined.
 */

#undef NDEBUG

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/libtracectl-read/metadata.h"
#include "consumer/metadata.h"
#include "protocol/context.h"
#include "protocol/ctf.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/make-definitions.h"

#define STREAM 3

/* What tracingd measures. */
#define FREQUENCY_MAX UINT64_C(10000000000)
#define SECONDS_MAX (UINT64_C(1) << 32)

static struct context_set make_contexts(struct fuzz_input *input) {
        struct context_set set = { .bits = (uint32_t) fuzz_take_u64(input) & CONTEXTS_KNOWN };

        if (set.bits & CONTEXT_APPLICATION)
                strcpy(set.app, fuzz_take_u8(input) % 2 ? "shop:queue" : "shop:queue shop:till other:none");
        return set;
}

static void make_session(struct fuzz_input *input, struct session *session, struct metadata_set *set) {
        session_init(session, -1, false);
        session->info = (struct consumer_session) {
                .name = "shop",
                .clock = fuzz_take_u8(input) % 2,
                .clock_frequency = 1 + fuzz_take_u64(input) % FREQUENCY_MAX,
                .clock_offset_seconds = (int64_t) (fuzz_take_u64(input) % SECONDS_MAX),
                .created = fuzz_take_u64(input) % (UINT64_C(1) << 52),
        };
        session->info.clock_offset_ticks = fuzz_take_u64(input) % session->info.clock_frequency;
        *set = (struct metadata_set) {
                .uid = (uint32_t) fuzz_take_u64(input),
                .word_size = fuzz_take_u8(input) % 2 ? 32 : 64,
                .pid = (int32_t) (fuzz_take_u64(input) & INT32_MAX),
                .name = "shared",
        };
}

static unsigned count_fields(const struct definition *d) {
        unsigned n = 0;

        for (unsigned i = 0; i < d->n_fields; i++)
                n += definition_type_is_sequence(d->fields[i].type) ? 2 : 1;
        return n;
}

static unsigned count_contexts(const struct context_set *set, const struct app_contexts *app) {
        return (unsigned) __builtin_popcount(set->bits & CONTEXTS_ALL) + app->n;
}

/* No two have the same name. */
static unsigned count_members(const struct type *type) {
        unsigned n = 0;

        for (const struct member *m = type ? type->compound.members : NULL; m; m = m->next) {
                for (const struct member *other = m->next; other; other = other->next)
                        g_assert_cmpstr(m->name, !=, other->name);
                n++;
        }
        return n;
}

static void check(const struct text *text, const void *definitions, size_t size, const struct context_set *contexts,
                  const struct app_contexts *app) {
        struct problem problem = { 0 };
        struct definitions_reader reader;
        const struct event_class *event;
        struct stream_class *stream;
        struct metadata *metadata;
        struct definition d;
        char name[64];

        if (metadata_parse(text->data, text->size, "metadata", &problem, &metadata) < 0)
                g_error("%s\n%.*s", problem.text, (int) text->size, text->data);
        stream = metadata_find_stream(metadata, STREAM);
        g_assert_true(stream && stream->has_compact_header);
        g_assert_cmpint(definitions_reader_init(&reader, definitions, size), ==, 0);
        for (uint32_t id = CTF_ID_FIRST; definitions_reader_next(&reader, &d) > 0; id++) {
                event = stream_class_find_event(stream, id);
                snprintf(name, sizeof(name), "%s:%s", d.provider, d.name);
                g_assert_nonnull(event);
                g_assert_cmpstr(event->name, ==, name);
                g_assert_cmpuint(count_members(event->fields), ==, count_fields(&d));
                g_assert_cmpuint(count_members(event->context), ==, count_contexts(contexts, app));
        }
        metadata_free(metadata);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct fuzz_input input = { data, size };
        static const uint8_t uuid[16] = { 1, 2, 3 };
        char definitions[MADE_DEFINITIONS_SIZE];
        struct context_set contexts = make_contexts(&input);
        struct definitions_reader reader;
        struct app_contexts app;
        struct metadata_set set;
        struct session session;
        struct text text = {};
        struct definition d;
        size_t n;

        make_session(&input, &session, &set);
        n = made_definitions(&input, definitions);
        g_assert_true(context_set_is_valid(contexts.bits, contexts.app));
        g_assert_cmpint(app_contexts_resolve(contexts.app, definitions, n, &app), ==, 0);
        g_assert_cmpint(metadata_preamble(&text, &session, &set, uuid), ==, 0);
        g_assert_cmpint(metadata_stream(&text, STREAM, true), ==, 0);
        g_assert_cmpint(definitions_reader_init(&reader, definitions, n), ==, 0);
        for (uint32_t id = CTF_ID_FIRST; definitions_reader_next(&reader, &d) > 0; id++)
                g_assert_cmpint(metadata_event(&text, STREAM, id, &contexts, &app, &d), ==, 0);
        check(&text, definitions, n, &contexts, &app);
        text_done(&text);
        session_done(&session);
        return 0;
}

void fuzz_seeds(fuzz_add add) {
        static const uint8_t seed[] = {
                0xff, 0xff, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0xca, 0x9a, 0x3b, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 8, 7, 6, 5,
                4, 3, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0xe8, 3, 0, 0, 0, 0, 0, 0, 0, 9, 9, 0, 0, 0, 0, 0, 0,
                3, 1, 6, 9, 4, 0, 14, 0, 14, 10, 1, 13, 1, 8, 0, 7, 1, 16, 11, 17, 12, 18, 0, 2, 200, 3, 21, 2, 21, 3,
                4, 0, 255, 0,
        };

        add(seed, sizeof(seed));
        add("", 1);
}
