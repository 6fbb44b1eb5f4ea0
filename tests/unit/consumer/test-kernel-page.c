/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Sub-buffers of the kernel's ring made by hand: right ones, record by record,
 * and hostile ones, of which no byte may be believed.
 */

#undef NDEBUG
#include <errno.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "consumer/kernel-page.h"
#include "consumer/kernel-stats.h"

#define SUBBUF 4096
#define LATEST (UINT64_C(1) << 62)

static const char paid[] = "name: paid\nID: 7\nformat:\n"
                           "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
                           "\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"
                           "\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"
                           "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
                           "\tfield:int cents;\toffset:8;\tsize:4;\tsigned:1;\n"
                           "\tfield:__data_loc char[] who;\toffset:12;\tsize:4;\tsigned:0;\n"
                           "\tfield:u64 order;\toffset:16;\tsize:8;\tsigned:0;\n\n"
                           "print fmt: \"%d\", REC->cents\n";

/* A record of it: without the word's bytes. */
struct record {
        uint16_t type;
        uint8_t flags, preempt;
        int32_t pid, cents;
        uint32_t who;
        uint64_t order;
        char text[8];
};

struct fixture {
        struct kernel_layout layout;
        struct kernel_class *by_id[16];
        struct kernel_classes classes;
        struct text metadata;
        char page[SUBBUF + KERNEL_SLACK], to[2 * SUBBUF + 4096];
        uint32_t size;
        struct kernel_walk walk;
        struct kernel_walked walked;
};

static void set_up(struct fixture *f) {
        g_autofree struct kernel_format *format = g_new0(struct kernel_format, 1);

        *f = (struct fixture) { .layout = { 8, 16, SUBBUF } };
        f->classes = (struct kernel_classes) { f->by_id, G_N_ELEMENTS(f->by_id) };
        g_assert_cmpint(kernel_format_parse(paid, strlen(paid), format), ==, 0);
        g_assert_cmpint(kernel_class_new("shop", format, 3, 0, &f->metadata, &f->by_id[7]), ==, 0);
        f->walk = (struct kernel_walk) { .latest = LATEST, .skip = true, .to = f->to, .room = sizeof(f->to) };
        *(uint64_t *) f->page = 1000;
}

static void tear_down(struct fixture *f) {
        free(f->by_id[7]);
        text_done(&f->metadata);
}

static void put(struct fixture *f, const void *data, uint32_t size) {
        memcpy(f->page + 16 + f->size, data, size);
        f->size += size;
        *(uint64_t *) (f->page + 8) = f->size;
}

static void put_word(struct fixture *f, uint32_t word) {
        put(f, &word, sizeof(word));
}

/* type_len and time_delta */
static void put_type(struct fixture *f, uint32_t type, uint32_t delta) {
        put_word(f, type | delta << 5);
}

static struct record record_of(uint64_t order) {
        struct record r = { .type = 7, .pid = 42, .cents = -5, .who = 4 << 16 | 24, .order = order };

        memcpy(r.text, "ada", 4);
        return r;
}

static void put_record(struct fixture *f, uint32_t delta, uint64_t order) {
        struct record r = record_of(order);

        put_type(f, sizeof(r) / 4, delta);
        put(f, &r, sizeof(r));
}

static void walk(struct fixture *f) {
        kernel_walk(&f->layout, &f->classes, f->page, &f->walk, &f->walked);
}

static void test_right(void) {
        static const char expected[] = "\x2a\0\0\xfb\xff\xff\xff\x09\0\0\0\0\0\0\0ada";
        uint32_t header;
        struct fixture f;

        set_up(&f);
        put_record(&f, 5, 9);
        put_type(&f, 30, 1);  /* a time that has more than 27 bits */
        put_word(&f, 2);
        put_type(&f, 29, 3); /* a discarded one of 12 bytes, whose time counts */
        put_word(&f, 8);
        put_word(&f, 0);
        put_type(&f, 0, 1); /* the long form */
        put_word(&f, sizeof(struct record) + 4);
        struct record r = record_of(10);
        put(&f, &r, sizeof(r));
        put_type(&f, 29, 0);
        put_word(&f, 12345);
        walk(&f);
        g_assert_cmpuint(f.walked.events, ==, 2);
        g_assert_cmpuint(f.walked.garbage + f.walked.unknown, ==, 0);
        g_assert_cmpuint(f.walked.end, ==, 1000 + 5 + 1 + (UINT64_C(2) << 27) + 3 + 1);
        memcpy(&header, f.to, sizeof(header));
        g_assert_cmpuint(header, ==, 3 | 1005 << 5);
        g_assert_cmpmem(f.to + 4, sizeof(expected), expected, sizeof(expected));
        /* Too far behind the first one for 27 bits of time. */
        g_assert_cmpuint((uint8_t) f.to[4 + sizeof(expected)], ==, KERNEL_ID_MEDIUM);
        g_assert_cmpuint(f.walked.size, ==, 4 + 7 + 2 * sizeof(expected));
        tear_down(&f);
}

static void test_stamp(void) {
        struct fixture f;
        uint64_t time;

        set_up(&f);
        *(uint64_t *) f.page = UINT64_C(1) << 61;
        put_type(&f, 31, 77); /* absolute, of 59 bits; those above are the sub-buffer's */
        put_word(&f, 1 << 20);
        put_record(&f, 0, 1);
        walk(&f);
        g_assert_cmpuint(f.walked.end, ==, UINT64_C(1) << 61 | UINT64_C(1) << 47 | 77);
        memcpy(&time, f.to + 5, sizeof(time));
        g_assert_cmpuint((uint8_t) f.to[0], ==, KERNEL_ID_EXTENDED);
        g_assert_cmpuint(time, ==, f.walked.end);
        tear_down(&f);
}

/* A clock that goes back, and one that is ahead of all clocks. */
static void test_times(void) {
        struct fixture f;

        set_up(&f);
        f.walk.begin = 5000;
        put_record(&f, 5, 1);
        walk(&f);
        g_assert_cmpuint(f.walked.events, ==, 1);
        g_assert_cmpuint(f.walked.end, ==, 5000);
        f.walk.begin = 0;
        f.walk.latest = 1004;
        walk(&f);
        g_assert_cmpuint(f.walked.events, ==, 0);
        g_assert_cmpuint(f.walked.garbage, ==, 4 + sizeof(struct record));
        tear_down(&f);
}

static void test_unknown(void) {
        struct record r = record_of(1);
        struct fixture f;

        set_up(&f);
        put_record(&f, 0, 1);
        r.type = 8;
        put_type(&f, sizeof(r) / 4, 0);
        put(&f, &r, sizeof(r));
        r.type = 60000;
        put_type(&f, sizeof(r) / 4, 0);
        put(&f, &r, sizeof(r));
        put_record(&f, 0, 2);
        walk(&f);
        g_assert_cmpuint(f.walked.events, ==, 2);
        g_assert_cmpuint(f.walked.unknown, ==, 2);
        f.walk.skip = false;
        walk(&f);
        g_assert_cmpuint(f.walked.events, ==, 1);
        g_assert_cmpuint(f.walked.unknown, ==, 1);
        tear_down(&f);
}

static void assert_garbage(uint32_t type, uint32_t next) {
        struct fixture f;

        set_up(&f);
        put_record(&f, 0, 1);
        put_type(&f, type, 1);
        put_word(&f, next);
        walk(&f);
        g_assert_cmpuint(f.walked.events, ==, 1);
        g_assert_cmpuint(f.walked.garbage, ==, 8);
        tear_down(&f);
}

static void test_lengths(void) {
        static const uint32_t lengths[] = { 0, 3, 5, 7, 1 << 20, UINT32_MAX, UINT32_MAX - 3, INT32_MAX };

        for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
                assert_garbage(0, lengths[i]);
                if (lengths[i] != 4)
                        assert_garbage(29, lengths[i]);
        }
        assert_garbage(28, 0); /* longer than what is left */
        assert_garbage(2, 7);
        assert_garbage(1, 7);  /* shorter than its fields */
}

/* Places and lengths of a string that are not in the record. */
static void test_located(void) {
        static const uint32_t words[] = { 4 << 16 | 32, 4 << 16 | 0xffff, 0xffff << 16 | 24, 33 << 16, UINT32_MAX };

        for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
                struct record r = record_of(1);
                struct fixture f;

                set_up(&f);
                r.who = words[i];
                put_type(&f, sizeof(r) / 4, 0);
                put(&f, &r, sizeof(r));
                walk(&f);
                g_assert_cmpuint(f.walked.events, ==, 0);
                g_assert_cmpuint(f.walked.garbage, ==, 4 + sizeof(r));
                tear_down(&f);
        }
}

/* Headers that count more than there is, or nothing. */
static void test_header(void) {
        static const uint64_t commits[] = { 0, SUBBUF, SUBBUF - 15, UINT32_MAX, UINT64_MAX, 1 << 30, UINT64_C(1) << 31 };

        for (size_t i = 0; i < G_N_ELEMENTS(commits); i++) {
                struct fixture f;

                set_up(&f);
                put_record(&f, 0, 1);
                *(uint64_t *) (f.page + 8) = commits[i];
                walk(&f);
                g_assert_cmpuint(f.walked.events + f.walked.size, ==, 0);
                tear_down(&f);
        }
}

static void test_random(void) {
        for (unsigned i = 0; i < 20000; i++) {
                struct fixture f;

                set_up(&f);
                while (f.size < SUBBUF - 200)
                        put_record(&f, 1, f.size);
                for (int n = g_test_rand_int_range(1, 30); n > 0; n--)
                        f.page[g_test_rand_int_range(8, SUBBUF)] = (char) g_test_rand_int_range(0, 256);
                walk(&f);
                g_assert_cmpuint(f.walked.size, <=, sizeof(f.to));
                g_assert_cmpuint(f.walked.garbage, <=, SUBBUF);
                g_assert_cmpuint(f.walked.end, <=, LATEST);
                tear_down(&f);
        }
}

static void test_layout(void) {
        static const char page[] = "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n"
                                   "\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n"
                                   "\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n"
                                   "\tfield: char data;\toffset:16;\tsize:4080;\tsigned:0;\n";
        static const char event[] = "# compressed entry header\n\ttype_len    :    5 bits\n\ttime_delta  :   27 bits\n"
                                    "\tarray       :   32 bits\n\n\tpadding     : type == 29\n"
                                    "\ttime_extend : type == 30\n\ttime_stamp : type == 31\n";
        struct kernel_layout layout;

        g_assert_cmpint(kernel_layout_parse(page, strlen(page), event, strlen(event), 65536, &layout), ==, 0);
        g_assert_cmpuint(layout.commit_size, ==, 8);
        g_assert_cmpuint(layout.data_at, ==, 16);
        g_assert_cmpuint(layout.subbuf_size, ==, 65536);
        g_assert_cmpint(kernel_layout_parse("", 0, event, strlen(event), 65536, &layout), ==, -EBADMSG);
        g_assert_cmpint(kernel_layout_parse(page, strlen(page), "", 0, 65536, &layout), ==, -EBADMSG);
        g_assert_cmpint(kernel_layout_parse(page, strlen(page), page, strlen(page), 65536, &layout), ==, -EBADMSG);
}

static void test_stats(void) {
        uint64_t lost = 0;

        g_assert_cmpint(kernel_stats_parse("entries: 3\noverrun: 10\ncommit overrun: 200\nbytes: 9\ndropped events: 3000\n"
                                           "read events: 5\n", &lost), ==, 0);
        g_assert_cmpuint(lost, ==, 3210);
        g_assert_cmpint(kernel_stats_parse("", &lost), ==, -EBADMSG);
        g_assert_cmpint(kernel_stats_parse("commit overrun: 200\n", &lost), ==, -EBADMSG);
        g_assert_cmpuint(lost, ==, 3210);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/kernel/page/right", test_right);
        g_test_add_func("/kernel/page/stamp", test_stamp);
        g_test_add_func("/kernel/page/times", test_times);
        g_test_add_func("/kernel/page/unknown", test_unknown);
        g_test_add_func("/kernel/page/lengths", test_lengths);
        g_test_add_func("/kernel/page/located", test_located);
        g_test_add_func("/kernel/page/header", test_header);
        g_test_add_func("/kernel/page/random", test_random);
        g_test_add_func("/kernel/page/layout", test_layout);
        g_test_add_func("/kernel/page/stats", test_stats);
        return g_test_run();
}
