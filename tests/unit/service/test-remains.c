/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What an earlier tracingd left, as records: good ones are understood, of a later version too; a session with bad ones
 * is refused, and no other.
 */

#undef NDEBUG

#include <errno.h>
#include <glib.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "own-memfd.h"
#include "protocol/definitions.h"
#include "service/model/session.h"
#include "service/state/remains.h"
#include "service/state/roll.h"

/* As an image, without a file: what was written is copied, so that sanitizers know its end. */
struct world {
        struct ledger_image image;
        struct ledger_item items[20];
};

static void *add(struct world *w, uint16_t type, const void *data, size_t size, const void *more, size_t n) {
        char *copy = g_malloc(size + n);

        memcpy(copy, data, size);
        if (n > 0)
                memcpy(copy + size, more, n);
        w->image.items = w->items;
        w->items[w->image.n_items++] = (struct ledger_item) { type, (uint32_t) (size + n), copy };
        return copy;
}

static void done(struct world *w) {
        for (size_t i = 0; i < w->image.n_items; i++)
                g_free((void *) w->items[i].data);
        g_free(w);
}

/* Of a later minor version: each struct is longer by 16 bytes. */
static void add_struct(struct world *w, bool later, uint16_t type, const void *data, size_t size, const void *more,
                       size_t n) {
        g_autofree char *longer = g_malloc0(size + 16);
        uint32_t grown = (uint32_t) size + 16;

        memcpy(longer, data, size);
        memset(longer + size, 0x5a, 16);
        if (later)
                memcpy(longer, &grown, sizeof(grown));
        (void) add(w, type, longer, later ? grown : size, more, n);
}

static void add_message(struct world *w, bool later, const void *body, uint32_t size, const void *more, uint32_t n,
                        uint32_t n_files) {
        const struct record_message record = {
                .size = sizeof(record), .key = 7, .n_files = n_files, .body_size = later ? size + 16 : size,
                .more_size = n,
        };
        uint32_t padded = (record.body_size + 7) & ~7U;
        g_autofree char *tail = g_malloc0(padded + n + 1);

        memcpy(tail, body, size);
        ((struct consumer_header *) tail)->size = record.body_size;
        if (n > 0)
                memcpy(tail + padded, more, n);
        add_struct(w, later, RECORD_MESSAGE, &record, sizeof(record), tail, padded + n);
}

static void add_rings(struct world *w, bool later) {
        struct consumer_rings rings = {
                .header = { CONSUMER_RINGS, sizeof(rings), 3 }, .set = 9, .stream = 1, .uid = 1000, .word_size = 64,
                .set_name = "shared", .channel = "c",
        };
        struct record_rings more = { .size = sizeof(more), .uid = 1000, .word_size = 64, .ring = 10 };

        add_message(w, later, &rings, sizeof(rings), &more, sizeof(more), 2);
}

static void add_classes(struct world *w, bool later) {
        const struct definition event = { .provider = "shop", .name = "sold" };
        const size_t size = sizeof(struct consumer_classes) + sizeof(struct consumer_class);
        g_autofree struct consumer_classes *classes = g_malloc0(size);
        char definitions[256];
        size_t offset = sizeof(struct definitions_header);

        *classes = (struct consumer_classes) {
                .header = { CONSUMER_CLASSES, (uint32_t) size, 4 }, .set = 9, .stream = 1, .n_classes = 1,
        };
        classes->classes[0] = (struct consumer_class) { .event = 0, .id = 1 };
        g_assert_cmpint(definitions_append(definitions, sizeof(definitions), &offset, &event), ==, 0);
        definitions_finish(definitions, 1, offset);
        add_message(w, later, classes, size, definitions, (uint32_t) offset, 1);
}

/* Of a type that only a later version knows. */
static void add_unknown(struct world *w) {
        const struct consumer_header m = { CONSUMER_RING_FILES + 1, sizeof(m), 5 };

        add_message(w, true, &m, sizeof(m), NULL, 0, 0);
}

/* Records in no useful order, as changes leave them. */
static struct world *make(bool later) {
        static const char names[] = "shop\0/tmp/trace\0/tmp/trace\0\0\0bus/:1.7", channel[] = "c\0", rule[] = "shop:*";
        const struct record_session session = {
                .size = sizeof(session), .key = 7, .owner = 1000, .state = SESSION_ACTIVE,
                .output_kind = CONSUMER_OUTPUT_DIRECTORY, .last_channel = 1, .last_rule = 4, .chunks = 2,
        };
        const struct record_channel c = {
                .size = sizeof(c), .key = 7, .id = 1, .subbuf_size = 65536, .n_subbufs = 4, .enabled = 1,
                .ordered_clock = 1,
        };
        const struct record_rule first = { .size = sizeof(first), .key = 7, .id = 2, .channel = 1, .enabled = 1 };
        const struct record_rule second = { .size = sizeof(second), .key = 7, .id = 4, .channel = 1 };
        const struct record_rule orphan = { .size = sizeof(orphan), .key = 8, .id = 1, .channel = 1 };
        const struct record_consumer consumer = { .size = sizeof(consumer), .key = 7, .restarts = 3 };
        const struct record_set_name name = { .size = sizeof(name), .key = 7, .uid = 1000 };
        struct world *w = g_new0(struct world, 1);

        add_struct(w, later, RECORD_RULE, &second, sizeof(second), "shop:sold", 10);
        add_struct(w, later, RECORD_RULE, &first, sizeof(first), rule, sizeof(rule));
        add_struct(w, later, RECORD_RULE, &orphan, sizeof(orphan), rule, sizeof(rule));
        add_classes(w, later);
        add_rings(w, later);
        add_struct(w, later, RECORD_CONSUMER, &consumer, sizeof(consumer), "unit", 5);
        add_struct(w, later, RECORD_SET_NAME, &name, sizeof(name), "process-1", 10);
        add_struct(w, later, RECORD_CHANNEL, &c, sizeof(c), channel, sizeof(channel));
        add_struct(w, later, RECORD_SESSION, &session, sizeof(session), names, sizeof(names));
        if (later) {
                (void) add(w, 999, "something new", 14, NULL, 0);
                add_unknown(w);
        }
        return w;
}

/* Of another session, with all that one has but messages. */
static void add_other(struct world *w) {
        static const char names[] = "other\0/tmp/other\0/tmp/other";
        const struct record_session session = {
                .size = sizeof(session), .key = 70, .owner = 1001, .state = SESSION_ACTIVE,
                .output_kind = CONSUMER_OUTPUT_DIRECTORY, .last_channel = 1, .last_rule = 1,
        };
        const struct record_channel c = {
                .size = sizeof(c), .key = 70, .id = 1, .subbuf_size = 65536, .n_subbufs = 4, .enabled = 1,
        };
        const struct record_rule rule = { .size = sizeof(rule), .key = 70, .id = 1, .channel = 1, .enabled = 1 };
        const struct record_consumer consumer = { .size = sizeof(consumer), .key = 70 };

        add_struct(w, false, RECORD_SESSION, &session, sizeof(session), names, sizeof(names));
        add_struct(w, false, RECORD_CHANNEL, &c, sizeof(c), "c\0", 3);
        add_struct(w, false, RECORD_RULE, &rule, sizeof(rule), "shop:*", 7);
        add_struct(w, false, RECORD_CONSUMER, &consumer, sizeof(consumer), "other-unit", 11);
}

static void assert_other(const struct remains *r) {
        const struct remains_session *s = r->sessions;

        while (s < r->sessions + r->n_sessions && s->record.key != 70)
                s++;
        g_assert_true(s < r->sessions + r->n_sessions);
        g_assert_cmpstr(s->name, ==, "other");
        g_assert_false(s->refused);
        g_assert_cmpuint(s->n_channels, ==, 1);
        g_assert_cmpuint(s->n_rules, ==, 1);
        g_assert_cmpstr(s->unit, ==, "other-unit");
}

static void assert_read(struct world *w) {
        struct remains r = { 0 };
        const struct remains_session *s;

        g_assert_cmpint(remains_read(&w->image, &r), ==, 0);
        g_assert_cmpuint(r.n_sessions, ==, 1);
        s = r.sessions;
        g_assert_false(s->refused);
        g_assert_cmpuint(remains_count_rings(s), ==, 1);
        g_assert_cmpstr(s->name, ==, "shop");
        g_assert_cmpstr(s->asked, ==, "/tmp/trace");
        g_assert_cmpstr(s->reason, ==, "");
        g_assert_cmpstr(s->client, ==, "bus/:1.7");
        g_assert_cmpuint(s->record.chunks, ==, 2);
        g_assert_cmpuint(s->n_channels, ==, 1);
        g_assert_cmpstr(s->channels[0].name, ==, "c");
        g_assert_cmpuint(s->n_rules, ==, 2);
        g_assert_cmpuint(s->rules[0].record.id, ==, 2);
        g_assert_cmpstr(s->rules[1].selector->text, ==, "shop:sold");
        g_assert_cmpuint(s->n_messages, ==, 2);
        g_assert_cmpuint(s->messages[0].body->serial, ==, 3);
        g_assert_cmpuint(((const struct record_rings *) s->messages[0].more)->ring, ==, 10);
        g_assert_true(s->has_consumer);
        g_assert_cmpstr(s->unit, ==, "unit");
        g_assert_cmpuint(s->n_names, ==, 1);
        remains_done(&r);
}

static void test_read(void) {
        struct world *w = make(false);

        assert_read(w);
        done(w);
}

static void test_later(void) {
        struct world *w = make(true);

        assert_read(w);
        done(w);
}

/* One bad record: its session is refused, with what is good of it; the other one has nothing to do with it. */
static void test_refused(void) {
        enum { SECOND_RULE, FIRST_RULE, ORPHAN, CLASSES, RINGS, CONSUMER, SET_NAME, CHANNEL, SESSION };
        static const struct { size_t item, offset; uint32_t value; } cases[] = {
                { SESSION, offsetof(struct record_session, state), _SESSION_STATE_MAX },
                { SESSION, offsetof(struct record_session, output_kind), 0 },
                { SESSION, offsetof(struct record_session, size), 100000 },
                { SESSION, offsetof(struct record_session, last_rule), 3 },
                { CHANNEL, offsetof(struct record_channel, n_subbufs), 3 },
                { CHANNEL, offsetof(struct record_channel, id), 0 },
                { CONSUMER, offsetof(struct record_consumer, size), 4 },
                { SECOND_RULE, offsetof(struct record_rule, id), 0 },
                { CLASSES, offsetof(struct record_message, n_files), 2 },
                { RINGS, offsetof(struct record_message, body_size), 8 },
                { SET_NAME, offsetof(struct record_set_name, size), 100000 },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                bool named = cases[i].item != SESSION || cases[i].offset == offsetof(struct record_session, last_rule);
                struct world *w = make(false);
                struct remains r = { 0 };

                add_other(w);
                memcpy((char *) w->items[cases[i].item].data + cases[i].offset, &cases[i].value, 4);
                g_assert_cmpint(remains_read(&w->image, &r), ==, 0);
                g_assert_cmpuint(r.n_sessions, ==, 2);
                g_assert_true(r.sessions[0].refused);
                g_assert_cmpuint(r.sessions[0].record.key, ==, 7);
                g_assert_cmpstr(r.sessions[0].name, ==, named ? "shop" : NULL);
                g_assert_cmpuint(remains_count_rings(&r.sessions[0]), ==, cases[i].item != RINGS);
                assert_other(&r);
                remains_done(&r);
                done(w);
        }
}

/* Two say that they are the same session: nobody knows which one it was. */
static void test_twice(void) {
        struct world *w = make(false);
        struct remains r = { 0 };

        add_other(w);
        w->items[w->image.n_items] = w->items[8];
        w->items[w->image.n_items++].data = g_memdup2(w->items[8].data, w->items[8].size);
        g_assert_cmpint(remains_read(&w->image, &r), ==, 0);
        g_assert_cmpuint(r.n_sessions, ==, 2);
        g_assert_true(r.sessions[0].refused);
        assert_other(&r);
        remains_done(&r);
        done(w);
}

/* What is everybody's, and a record that does not say whose it is. A bad one of a session that has gone is nobody's. */
static void test_refused_whole(void) {
        struct record_clock clock = { .size = sizeof(clock), .clock = _TRACE_CLOCK_MAX, .frequency = 1000 };
        const struct record_rule gone = { .size = 4, .key = 8 };

        for (int i = 0; i < 3; i++) {
                struct world *w = make(false);
                struct remains r = { 0 };

                if (i == 0)
                        (void) add(w, RECORD_CLOCK, &clock, sizeof(clock), NULL, 0);
                else
                        (void) add(w, RECORD_RULE, &gone, i == 1 ? 15 : sizeof(gone), NULL, 0);
                g_assert_cmpint(remains_read(&w->image, &r), ==, i < 2 ? -EBADMSG : 0);
                g_assert_cmpuint(r.n_sessions, ==, i < 2 ? 0 : 1);
                if (i == 2)
                        g_assert_false(r.sessions[0].refused);
                remains_done(&r);
                done(w);
        }
}

/* A channel of programs and one of the kernel may have one name, as those that nobody has named do. */
static void test_names_of_channels(void) {
        for (uint8_t kernel = 0; kernel < 2; kernel++) {
                const struct record_channel c = {
                        .size = sizeof(c), .key = 7, .id = 2, .subbuf_size = 65536, .n_subbufs = 4, .kernel = kernel,
                };
                const uint32_t last_channel = 2;
                struct world *w = make(false);
                struct remains r = { 0 };

                memcpy((char *) w->items[8].data + offsetof(struct record_session, last_channel), &last_channel, 4);
                add_struct(w, false, RECORD_CHANNEL, &c, sizeof(c), "c\0", 3);
                g_assert_cmpint(remains_read(&w->image, &r), ==, 0);
                g_assert_cmpuint(r.n_sessions, ==, 1);
                g_assert_cmpint(r.sessions[0].refused, ==, !kernel);
                g_assert_cmpuint(r.sessions[0].n_channels, ==, kernel ? 2 : 1);
                remains_done(&r);
                done(w);
        }
}

/*
 * Any bytes anywhere, records cut anywhere: refused or understood, and nothing outside of them is looked at. Another
 * session is as it was, if no record says that it is that one's.
 */
static void test_mutated(void) {
        unsigned n_read = 0, n_refused = 0;

        for (unsigned i = 0; i < 20000; i++) {
                struct world *w = make(i % 2);
                const int n_mine = (int) w->image.n_items;
                struct remains r = { 0 };
                bool is_others = false;

                add_other(w);
                for (int n = g_random_int_range(1, 4); n > 0; n--) {
                        struct ledger_item *item = &w->items[g_random_int_range(0, n_mine)];
                        int at = g_random_int_range(0, (int) item->size);

                        is_others |= at == offsetof(struct record_session, key);
                        if (i % 3 == 0) {
                                item->data = g_realloc((void *) item->data, (size_t) at + 1);
                                item->size = (uint32_t) at + 1;
                        } else
                                ((char *) item->data)[at] = (char) g_random_int_range(0, 256);
                }
                if (remains_read(&w->image, &r) == 0) {
                        n_read++;
                        for (size_t k = 0; k < r.n_sessions; k++)
                                n_refused += r.sessions[k].refused;
                        if (!is_others)
                                assert_other(&r);
                        remains_done(&r);
                }
                done(w);
        }
        g_test_message("%u of 20000 could be read, %u sessions in them were refused", n_read, n_refused);
}

static void on_gone(const struct roll_entry *entry, void *userdata) {
        *(uint64_t *) userdata += entry->id;
}

static bool is_even(const struct roll_entry *entry) {
        return entry->id % 2 == 0;
}

/* The file goes from one tracingd to the next, as the store would pass it. */
static void test_roll(void) {
        struct roll_entry e = { .uid = 1000, .pid = 5, .process = 50 }, other;
        struct fd_store *store;
        uint32_t numbers[4001], position = 0;
        uint64_t gone = 0;
        struct roll *r;
        int fd;

        g_assert_cmpint(roll_new(NULL, &r), ==, 0);
        for (e.id = 1; e.id <= 4000; e.id++) {
                e.at_home = e.id == 3;
                numbers[e.id] = roll_put(r, &e);
        }
        g_assert_cmpuint(numbers[4000], >, 0);
        for (e.id = 11; e.id <= 4000; e.id++)
                roll_drop(r, numbers[e.id]);
        fd = own_memfd("tracectl-roll");
        roll_close(r);
        roll_drop(r, numbers[1]);
        roll_free(r);

        g_assert_cmpint(fd_store_new(&(struct fd_passed) { fd, "1" }, 1, &store), ==, 0);
        g_assert_cmpint(roll_new(store, &r), ==, 0);
        g_assert_cmpuint(roll_last(r), ==, 4000);
        g_assert_cmpuint(roll_missing(r), ==, 10);
        e.id = 3;
        other = e;
        other.process = 51; /* a later process of the same number */
        g_assert_cmpuint(roll_resume(r, &other), ==, 0);
        other = e;
        other.uid = 0;
        g_assert_cmpuint(roll_resume(r, &other), ==, 0);
        other = e;
        other.id = 11;
        g_assert_cmpuint(roll_resume(r, &other), ==, 0);
        g_assert_true(roll_was_at_home(r, &e));
        g_assert_false(roll_was_at_home(r, &other));
        g_assert_cmpuint(roll_resume(r, &e), >, 0);
        /* Once. */
        g_assert_cmpuint(roll_resume(r, &e), ==, 0);
        g_assert_false(roll_was_at_home(r, &e));
        e.id = 4;
        g_assert_false(roll_was_at_home(r, &e));
        e.id = 3;
        g_assert_cmpuint(roll_missing(r), ==, 10);
        roll_resumed(r);
        g_assert_cmpuint(roll_missing(r), ==, 9);
        /* A few at a time, each once: of nine that are missing the first four, then four, then the last. */
        g_assert_false(roll_sift(r, &position, 4, is_even, on_gone, &gone));
        g_assert_cmpuint(gone, ==, 1 + 5);
        g_assert_false(roll_sift(r, &position, 4, is_even, on_gone, &gone));
        g_assert_cmpuint(gone, ==, 1 + 5 + 7 + 9);
        g_assert_true(roll_sift(r, &position, 4, is_even, on_gone, &gone));
        g_assert_cmpuint(gone, ==, 1 + 5 + 7 + 9);
        g_assert_cmpuint(position, ==, 0);
        g_assert_true(roll_sift(r, &position, UINT_MAX, NULL, on_gone, &gone));
        g_assert_cmpuint(gone, ==, 1 + 5 + 7 + 9 + 2 + 4 + 6 + 8 + 10);
        g_assert_cmpuint(roll_missing(r), ==, 0);
        roll_free(r);
        fd_store_free(store);
}

static blkcnt_t blocks_of(int fd) {
        struct stat st;

        g_assert_cmpint(fstat(fd, &st), ==, 0);
        return st.st_blocks;
}

/* What 5000 took goes back once they have gone; who stays keeps his place, and there is room for others again. */
static void test_roll_shrink(void) {
        struct roll_entry e = { .uid = 1000, .pid = 5, .process = 50 };
        blkcnt_t before, many;
        struct roll *r;
        int fd;

        g_assert_cmpint(roll_new(NULL, &r), ==, 0);
        fd = own_memfd("tracectl-roll");
        before = blocks_of(fd);
        for (e.id = 1; e.id <= 5000; e.id++)
                g_assert_cmpuint(roll_put(r, &e), ==, e.id);
        many = blocks_of(fd);
        g_assert_cmpint(many, >, before);
        for (uint32_t number = 2; number < 5000; number++)
                roll_drop(r, number);
        roll_shrink(r);
        g_assert_cmpint(blocks_of(fd), ==, many);
        roll_drop(r, 5000);
        roll_shrink(r);
        g_assert_cmpint(blocks_of(fd), ==, before);
        for (e.id = 6000; e.id < 9000; e.id++)
                g_assert_cmpuint(roll_put(r, &e), ==, e.id - 5998);
        roll_close(r);
        roll_free(r);
        close(fd);
}

/* A file that was shrunk is the next tracingd's. */
static void test_roll_shrunk(void) {
        struct roll_entry e = { .uid = 1000, .pid = 5, .process = 50 };
        struct fd_store *store;
        struct roll *r;
        int fd;

        g_assert_cmpint(roll_new(NULL, &r), ==, 0);
        for (e.id = 1; e.id <= 5000; e.id++)
                g_assert_cmpuint(roll_put(r, &e), ==, e.id);
        for (uint32_t number = 2; number <= 5000; number++)
                roll_drop(r, number);
        roll_shrink(r);
        fd = own_memfd("tracectl-roll");
        roll_close(r);
        roll_free(r);
        g_assert_cmpint(fd_store_new(&(struct fd_passed) { fd, "1" }, 1, &store), ==, 0);
        g_assert_cmpint(roll_new(store, &r), ==, 0);
        g_assert_cmpuint(roll_missing(r), ==, 1);
        e.id = 1;
        g_assert_cmpuint(roll_resume(r, &e), ==, 1);
        roll_resumed(r);
        for (e.id = 6000; e.id < 9000; e.id++)
                g_assert_cmpuint(roll_put(r, &e), ==, e.id - 5998);
        roll_free(r);
        fd_store_free(store);
}

int main(int argc, char *argv[]) {
        g_unsetenv("NOTIFY_SOCKET");
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/remains/read", test_read);
        g_test_add_func("/remains/later", test_later);
        g_test_add_func("/remains/names-of-channels", test_names_of_channels);
        g_test_add_func("/remains/refused", test_refused);
        g_test_add_func("/remains/twice", test_twice);
        g_test_add_func("/remains/refused-whole", test_refused_whole);
        g_test_add_func("/remains/mutated", test_mutated);
        g_test_add_func("/roll/roll", test_roll);
        g_test_add_func("/roll/shrink", test_roll_shrink);
        g_test_add_func("/roll/shrunk", test_roll_shrunk);
        return g_test_run();
}
