/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What another tracingd has left. An input that begins with 'F' is the file;
 * any other is records to be put into one: a byte of type, a byte of flags, two
 * bytes of size, so many bytes.
 */

#undef NDEBUG

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/hash.h"
#include "service/state/remains.h"
#include "tests/fuzz/fuzz.h"

enum {
        DEAD = 1,
        REPLACES = 2, /* the record before it */
};

static void put_record(GByteArray *file, struct fuzz_input *input, uint64_t last) {
        uint8_t type = fuzz_take_u8(input), flags = fuzz_take_u8(input);
        size_t size = fuzz_take_u8(input) | (size_t) fuzz_take_u8(input) << 8;
        struct ledger_record record = {
                .type = type,
                .flags = flags & DEAD ? LEDGER_DEAD : 0,
                .replaces = flags & REPLACES ? last : 0,
        };

        size = MIN(size, input->size);
        record.size = (uint32_t) (sizeof(record) + size);
        g_byte_array_append(file, (const guint8 *) &record, sizeof(record));
        g_byte_array_append(file, fuzz_take(input, size), (guint) size);
        while (file->len % 8)
                g_byte_array_append(file, (const guint8 *) "", 1);
}

static GByteArray *make_file(struct fuzz_input input) {
        struct ledger_header header = {
                .magic = LEDGER_MAGIC,
                .major = LEDGER_MAJOR,
                .minor = LEDGER_MINOR,
                .header_size = sizeof(header),
                .complete = 1,
                .n_counters = _LEDGER_COUNTERS,
        };
        GByteArray *file = g_byte_array_new();
        uint64_t last = 0, next;

        g_byte_array_append(file, (const guint8 *) &header, sizeof(header));
        while (input.size > 0) {
                next = file->len;
                put_record(file, &input, last);
                last = next;
        }
        ((struct ledger_header *) file->data)->committed = file->len;
        return file;
}

/* Everything in it is there to be read. */
static uint64_t look_at(const struct remains *r) {
        uint64_t sum = r->clock.frequency;

        for (size_t i = 0; i < r->n_sessions; i++) {
                const struct remains_session *s = &r->sessions[i];

                if (s->name)
                        sum += strlen(s->name) + strlen(s->path) + strlen(s->asked) + strlen(s->profile) + strlen(s->reason);
                else
                        g_assert_true(s->refused);
                for (size_t k = 0; k < s->n_channels; k++)
                        sum += strlen(s->channels[k].name);
                for (size_t k = 0; k < s->n_rules; k++)
                        sum += strlen(s->rules[k].selector->text);
                for (size_t k = 0; k < s->n_messages; k++)
                        sum += hash_bytes(HASH_INIT, s->messages[k].body, s->messages[k].body->size) +
                               hash_bytes(HASH_INIT, s->messages[k].more, s->messages[k].record.more_size);
                for (size_t k = 0; k < s->n_names; k++)
                        sum += strlen(s->names[k].name);
                sum += s->has_consumer ? strlen(s->unit) : 0;
        }
        return sum;
}

static void read_file(const uint8_t *data, size_t size) {
        _cleanup_(ledger_image_freep) struct ledger_image *image = NULL;
        struct remains remains;
        static int fd = -1;

        if (fd < 0)
                fd = memfd_create("state", MFD_CLOEXEC);
        g_assert_cmpint(ftruncate(fd, 0), ==, 0);
        g_assert_cmpint(pwrite(fd, data, size, 0), ==, (ssize_t) size);
        if (ledger_read(fd, &image) < 0 || remains_read(image, &remains) < 0)
                return;
        g_assert_cmpuint(look_at(&remains), ==, look_at(&remains));
        remains_done(&remains);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        g_autoptr(GByteArray) file = NULL;

        if (size > 0 && *data == 'F') {
                read_file(data + 1, size - 1);
                return 0;
        }
        file = make_file((struct fuzz_input) { data, size });
        read_file(file->data, file->len);
        return 0;
}

/* A record of the input's form: the struct, then strings, or bytes from a multiple of 8 on. */
static void put(GByteArray *input, uint8_t type, void *record, size_t size, const void *more, size_t more_size) {
        uint32_t own_size = (uint32_t) size;
        uint8_t head[4] = { type, 0, (uint8_t) (size + more_size), (uint8_t) ((size + more_size) >> 8) };

        memcpy(record, &own_size, sizeof(own_size));
        g_byte_array_append(input, head, sizeof(head));
        g_byte_array_append(input, record, (guint) size);
        g_byte_array_append(input, more, (guint) more_size);
}

static void put_message(GByteArray *input, uint64_t key, uint32_t n_files, struct consumer_header *body, size_t size,
                        uint32_t type, const void *more, size_t more_size) {
        struct record_message record = { .key = key, .n_files = n_files, .body_size = (uint32_t) size,
                                         .more_size = (uint32_t) more_size };
        g_autoptr(GByteArray) rest = g_byte_array_new();
        static const guint8 zeros[8];
        static uint64_t serial;

        body->type = type;
        body->size = (uint32_t) size;
        body->serial = ++serial;
        g_byte_array_append(rest, (const guint8 *) body, (guint) size);
        g_byte_array_append(rest, zeros, (guint) (-(sizeof(record) + size) % 8));
        g_byte_array_append(rest, more, (guint) more_size);
        put(input, RECORD_MESSAGE, &record, sizeof(record), rest->data, rest->len);
}

static void put_messages(GByteArray *input, uint64_t key) {
        struct consumer_rings rings = { .set = 9, .uid = 7, .word_size = 64, .set_name = "shared", .channel = "c" };
        struct record_rings more = { .size = sizeof(more), .word_size = 64, .ring = 3, .uid = 7, .label = "x" };
        _cleanup_free_ struct consumer_classes *classes = calloc(1, sizeof(*classes) + sizeof(classes->classes[0]));
        const struct definition definition = { .provider = "a", .name = "b", .n_fields = 1,
                                               .fields = { { DEFINITION_U64, "id" } } };
        char definitions[256];
        size_t end = sizeof(struct definitions_header);
        struct consumer_header flush;

        classes->set = 9;
        classes->n_classes = 1;
        classes->classes[0].id = 1;
        g_assert_cmpint(definitions_append(definitions, sizeof(definitions), &end, &definition), ==, 0);
        definitions_finish(definitions, 1, end);
        put_message(input, key, 2, &rings.header, sizeof(rings), CONSUMER_RINGS, &more, sizeof(more));
        put_message(input, key, 0, &classes->header, sizeof(*classes) + sizeof(classes->classes[0]), CONSUMER_CLASSES, definitions, end);
        put_message(input, key, 0, &flush, sizeof(flush), CONSUMER_FLUSH, NULL, 0);
}

void fuzz_seeds(fuzz_add add) {
        static const char session_strings[] = "shop\0/srv/trace\0/srv/trace\0profile\0reason\0bus/:1.7";
        static const char channel_strings[] = "c\0shop:queue", rule_strings[] = "shop:* loglevel>=info filter=id > 7";
        struct record_clock clock = { .clock = 1, .frequency = 1000000000 };
        struct record_session session = { .key = 5, .owner = 7, .output_kind = CONSUMER_OUTPUT_DIRECTORY,
                                          .last_channel = 1, .last_rule = 1 };
        struct record_channel channel = { .id = 1, .key = 5, .subbuf_size = 4096, .n_subbufs = 4,
                                          .contexts = CONTEXT_VPID | CONTEXT_APPLICATION };
        struct record_rule rule = { .id = 1, .key = 5, .channel = 1, .enabled = 1 };
        struct record_consumer consumer = { .key = 5 };
        struct record_set_name name = { .uid = 7, .key = 5 };
        g_autoptr(GByteArray) input = g_byte_array_new(), file = NULL;

        put(input, RECORD_CLOCK, &clock, sizeof(clock), NULL, 0);
        put(input, RECORD_SESSION, &session, sizeof(session), session_strings, sizeof(session_strings));
        put(input, RECORD_CHANNEL, &channel, sizeof(channel), channel_strings, sizeof(channel_strings));
        put(input, RECORD_RULE, &rule, sizeof(rule), rule_strings, sizeof(rule_strings));
        put(input, RECORD_CONSUMER, &consumer, sizeof(consumer), "unit", sizeof("unit"));
        put(input, RECORD_SET_NAME, &name, sizeof(name), "shared", sizeof("shared"));
        put_messages(input, 5);
        add(input->data, input->len);
        file = make_file((struct fuzz_input) { input->data, input->len });
        g_byte_array_prepend(file, (const guint8 *) "F", 1);
        add(file->data, file->len);
}
