/* SPDX-License-Identifier: LGPL-2.1-or-later */

#undef NDEBUG
#include <glib.h>
#include <string.h>

#include "consumer/walk.h"
#include "protocol/context.h"
#include "protocol/ctf.h"

struct records {
        char data[4096];
        size_t size;
};

static void put(struct records *r, const void *data, size_t size) {
        memcpy(r->data + r->size, data, size);
        r->size += size;
}

static void put_u32(struct records *r, uint32_t value) {
        put(r, &value, sizeof(value));
}

static void put_compact(struct records *r, uint32_t id, uint64_t time) {
        put_u32(r, ctf_compact_header(id, time));
}

static void put_extended(struct records *r, uint32_t id, uint64_t time) {
        put(r, "\xff", 1);
        put_u32(r, id);
        put(r, &time, sizeof(time));
}

static const struct definition plain = { .n_fields = 2,
                                         .fields = { { DEFINITION_U64, "a" }, { DEFINITION_U16, "b" } } };
static const struct definition string = { .n_fields = 2,
                                          .fields = { { DEFINITION_STRING, "s" }, { DEFINITION_U8, "b" } } };
static const struct definition array = { .n_fields = 2,
                                         .fields = { { DEFINITION_U8, "b" }, { DEFINITION_ARRAY_U32, "a" } } };
static const struct definition empty = {};
static const struct app_contexts no_contexts;

static void set_up(struct walker *w) {
        *w = (struct walker) {};
        g_assert_cmpint(walker_add(w, 1, &no_contexts, &plain), ==, 0);
        g_assert_cmpint(walker_add(w, 2, &no_contexts, &string), ==, 0);
        g_assert_cmpint(walker_add(w, 29, &no_contexts, &array), ==, 0);
        g_assert_cmpint(walker_add(w, 5000, &no_contexts, &empty), ==, 0);
}

static struct walk_result walk(const struct walker *w, const struct records *r, uint64_t begin, uint64_t latest) {
        struct walk_result result;

        walker_walk(w, r->data, r->size, begin, latest, (struct walk_thread) { 1, 2 }, &result);
        return result;
}

static void test_ids(void) {
        struct walker w;

        set_up(&w);
        g_assert_true(walker_has(&w, 1));
        g_assert_true(walker_has(&w, 5000));
        g_assert_false(walker_has(&w, 3));
        g_assert_false(walker_has(&w, UINT32_MAX));
        g_assert_false(walker_id_is_valid(CTF_ID_THREAD));
        g_assert_true(walker_id_is_valid(CTF_ID_COMPACT_MAX));
        g_assert_false(walker_id_is_valid(30));
        g_assert_false(walker_id_is_valid(31));
        g_assert_true(walker_id_is_valid(32));
        g_assert_true(walker_id_is_valid(WALK_ID_MAX));
        g_assert_false(walker_id_is_valid(WALK_ID_MAX + 1));
        walker_done(&w);
}

static void test_whole(void) {
        struct records r = {};
        struct walk_result result;
        struct walker w;

        set_up(&w);
        put_extended(&r, 0, 1000);
        put_u32(&r, 11);
        put_u32(&r, 12);
        put_compact(&r, 1, 1000);
        put(&r, "0123456789", 10);
        put_compact(&r, 2, 1001);
        put(&r, "hello\0x", 7);
        put_compact(&r, 29, 1001);
        put(&r, "b", 1);
        put_u32(&r, 3);
        put(&r, "aaaabbbbcccc", 12);
        put_extended(&r, 5000, 2000);
        result = walk(&w, &r, 900, 3000);
        g_assert_cmpuint(result.valid, ==, r.size);
        g_assert_cmpuint(result.events, ==, 4);
        g_assert_cmpuint(result.last_time, ==, 2000);
        g_assert_cmpint(result.thread.pid, ==, 11);
        g_assert_cmpint(result.thread.tid, ==, 12);
        walker_done(&w);
}

/* Cut anywhere, only whole records count. */
static void test_cut(void) {
        struct records r = {};
        struct walker w;
        size_t ends[4];

        set_up(&w);
        put_compact(&r, 0, 1000);
        put(&r, "pppptttt", 8);
        ends[0] = r.size;
        put_compact(&r, 29, 1000);
        put(&r, "b\2\0\0\0aaaabbbb", 13);
        ends[1] = r.size;
        put_extended(&r, 2, 1000);
        put(&r, "text\0x", 6);
        ends[2] = r.size;
        put_compact(&r, 1, 1000);
        put(&r, "0123456789", 10);
        ends[3] = r.size;
        for (size_t size = 0; size <= ends[3]; size++) {
                /* Exactly as much memory as there are bytes, so that a sanitizer sees a read behind them. */
                g_autofree char *copy = g_malloc(MAX(size, 1));
                struct walk_result result;
                unsigned whole = 0;

                memcpy(copy, r.data, size);
                while (whole < 4 && ends[whole] <= size)
                        whole++;
                walker_walk(&w, copy, size, 1000, 1000, (struct walk_thread) {}, &result);
                g_assert_cmpuint(result.valid, ==, whole ? ends[whole - 1] : 0);
                g_assert_cmpuint(result.events, ==, whole ? whole - 1 : 0);
        }
        walker_done(&w);
}

static void assert_garbage(const struct walker *w, const struct records *r, uint64_t begin, uint64_t latest) {
        struct walk_result result = walk(w, r, begin, latest);

        g_assert_cmpuint(result.valid, ==, 0);
        g_assert_cmpuint(result.events, ==, 0);
        g_assert_cmpuint(result.last_time, ==, begin);
        g_assert_cmpint(result.thread.tid, ==, 2);
}

static void test_garbage(void) {
        struct walker w;
        struct records r;

        set_up(&w);
        r.size = 0;
        put_compact(&r, 3, 1000);
        assert_garbage(&w, &r, 1000, 2000);
        r.size = 0;
        put_compact(&r, 30, 1000);
        assert_garbage(&w, &r, 1000, 2000);
        r.size = 0;
        put_extended(&r, UINT32_MAX, 1000);
        assert_garbage(&w, &r, 1000, 2000);
        r.size = 0;
        put_compact(&r, 29, 1000);
        put(&r, "b\xff\xff\xff\xff", 5);
        put(&r, "aaaaaaaaaaaa", 12);
        assert_garbage(&w, &r, 1000, 2000);
        r.size = 0;
        put_compact(&r, 2, 1000);
        put(&r, "no end", 6);
        assert_garbage(&w, &r, 1000, 2000);
        walker_done(&w);
}

/* A control group has no fixed size: cut anywhere, without an end, or longer than it can be, it is no record. */
static void test_contexts(void) {
        struct records r = {}, cut;
        g_autofree char *longest = g_strnfill(CONTEXT_CGROUP_MAX, 'x');
        struct walk_result result;
        struct walker w;
        uint64_t whole;

        set_up(&w);
        w.contexts = CONTEXT_VPID | CONTEXT_CGROUP;
        put_extended(&r, 5000, 10);
        put_u32(&r, 42);
        put(&r, "", 1);
        whole = r.size;
        put_extended(&r, 5000, 10);
        put_u32(&r, 42);
        put(&r, longest, CONTEXT_CGROUP_MAX + 1);
        result = walk(&w, &r, 5, 20);
        g_assert_cmpuint(result.events, ==, 2);
        g_assert_cmpuint(result.valid, ==, r.size);
        for (cut = r, cut.size = whole; cut.size < r.size; cut.size++) {
                result = walk(&w, &cut, 5, 20);
                g_assert_cmpuint(result.valid, ==, whole);
        }
        r.data[r.size - 1] = 'x';
        put(&r, "", 1);
        result = walk(&w, &r, 5, 20);
        g_assert_cmpuint(result.valid, ==, whole);
        walker_done(&w);
}

static void test_times(void) {
        const uint64_t wrap = UINT64_C(1) << CTF_COMPACT_TIME_BITS, begin = 5 * wrap + 1000;
        struct walk_result result;
        struct records r = {};
        struct walker w;

        set_up(&w);
        /* The low bits go round once. */
        put_extended(&r, 5000, begin);
        put_compact(&r, 0, begin + wrap - 1);
        put(&r, "ppppttt\0", 8);
        result = walk(&w, &r, begin, begin + 2 * wrap);
        g_assert_cmpuint(result.last_time, ==, begin + wrap - 1);
        r.size = 0;
        put_extended(&r, 5000, begin - 1);
        assert_garbage(&w, &r, begin, begin + wrap);
        r.size = 0;
        put_extended(&r, 5000, begin + wrap + 1);
        assert_garbage(&w, &r, begin, begin + wrap);
        /* Back in time is far ahead in 27 bits. */
        r.size = 0;
        put_compact(&r, 0, begin - 1);
        put(&r, "ppppttt\0", 8);
        assert_garbage(&w, &r, begin, begin + 100);
        walker_done(&w);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/walk/ids", test_ids);
        g_test_add_func("/walk/whole", test_whole);
        g_test_add_func("/walk/cut", test_cut);
        g_test_add_func("/walk/garbage", test_garbage);
        g_test_add_func("/walk/contexts", test_contexts);
        g_test_add_func("/walk/times", test_times);
        return g_test_run();
}
