/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The state as a list of records: what is written is read; what is broken is refused whole, and crashes nobody. */

#undef NDEBUG

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "own-memfd.h"
#include "service/state/fd-store.h"
#include "service/state/ledger.h"

static void put(struct ledger *l, struct ledger_entry **entry, uint16_t type, const char *text) {
        const struct iovec parts[] = {
                { .iov_base = (char *) text, .iov_len = 1 },
                { .iov_base = (char *) text + 1, .iov_len = strlen(text) },
        };

        g_assert_cmpint(ledger_put(l, entry, type, parts, 2), ==, 0);
}

/* "type:text type:text ..." */
static char *contents(void) {
        g_autoptr(GString) s = g_string_new(NULL);
        struct ledger_image *image;
        int fd = own_memfd("tracectl-state");

        g_assert_cmpint(ledger_read(fd, &image), ==, 0);
        for (size_t i = 0; i < image->n_items; i++)
                g_string_append_printf(s, "%u:%s ", image->items[i].type, (const char *) image->items[i].data);
        ledger_image_free(image);
        close(fd);
        return g_string_free(g_steal_pointer(&s), FALSE);
}

static void assert_contents(const char *expected) {
        g_autofree char *s = contents();

        g_assert_cmpstr(s, ==, expected);
}

static struct ledger *make(void) {
        struct ledger *l;

        g_assert_cmpint(ledger_new(NULL, 7, &l), ==, 0);
        return l;
}

static void test_records(void) {
        struct ledger_entry *a = NULL, *b = NULL, *c = NULL;
        struct ledger_image *image;
        struct ledger *l = make();
        int fd = own_memfd("tracectl-state");

        put(l, &a, 1, "one");
        /* Before it is complete the one before it counts. */
        g_assert_cmpint(ledger_read(fd, &image), ==, -EAGAIN);
        (void) ledger_complete(l);
        put(l, &b, 2, "two");
        put(l, &c, 3, "three");
        assert_contents("1:one 2:two 3:three ");
        put(l, &a, 1, "uno");
        assert_contents("2:two 3:three 1:uno ");
        ledger_drop(l, &b);
        g_assert_null(b);
        ledger_drop(l, &b);
        assert_contents("3:three 1:uno ");
        ledger_count(l, LEDGER_RINGS, 41);
        ledger_count(l, LEDGER_RINGS, 40);
        g_assert_cmpint(ledger_read(fd, &image), ==, 0);
        g_assert_cmpuint(image->counters[LEDGER_RINGS], ==, 41);
        g_assert_cmpuint(image->counters[LEDGER_SESSIONS], ==, 0);
        g_assert_cmpuint(image->sequence, ==, 8);
        ledger_image_free(image);
        /* tracingd leaves: what its objects do when they are freed changes nothing. */
        ledger_close(l);
        ledger_drop(l, &a);
        g_assert_cmpint(ledger_put(l, &b, 4, NULL, 0), ==, -EPIPE);
        g_assert_null(b);
        ledger_count(l, LEDGER_RINGS, 50);
        assert_contents("3:three 1:uno ");
        ledger_drop(l, &c);
        close(fd);
        ledger_free(l);
}

static void test_nothing(void) {
        struct ledger_entry *a = NULL;

        put(NULL, &a, 1, "one");
        g_assert_null(a);
        ledger_drop(NULL, &a);
        ledger_count(NULL, LEDGER_RINGS, 1);
        ledger_close(NULL);
}

/* A tracingd that is killed between any two stores: as if the last record had never been, or had always been. */
static void test_killed(void) {
        struct ledger_entry *a = NULL, *b = NULL;
        struct ledger *l = make();
        struct ledger_header h;
        int fd = own_memfd("tracectl-state");
        uint64_t before;

        (void) ledger_complete(l);
        put(l, &a, 1, "one");
        g_assert_cmpint(pread(fd, &h, sizeof(h), 0), ==, sizeof(h));
        before = h.committed;
        put(l, &a, 1, "uno");
        put(l, &b, 2, "two");
        /* Before the store that commits. */
        g_assert_cmpint(pread(fd, &h, sizeof(h), 0), ==, sizeof(h));
        g_assert_cmpint(pwrite(fd, &before, sizeof(before), offsetof(struct ledger_header, committed)), ==, 8);
        {
                struct ledger_record first;

                /* The flag of the one that was replaced comes after it. */
                g_assert_cmpint(pread(fd, &first, sizeof(first), sizeof(h)), ==, sizeof(first));
                g_assert_cmpint(first.flags, ==, LEDGER_DEAD);
                first.flags = 0;
                g_assert_cmpint(pwrite(fd, &first, sizeof(first), sizeof(h)), ==, sizeof(first));
        }
        assert_contents("1:one ");
        /* Behind it, before that flag: the new one alone counts. */
        g_assert_cmpint(pwrite(fd, &h.committed, 8, offsetof(struct ledger_header, committed)), ==, 8);
        assert_contents("1:uno 2:two ");
        ledger_drop(l, &a);
        ledger_drop(l, &b);
        close(fd);
        ledger_free(l);
}

/* Replaced so often that the file must be made anew, several times, and still has everything, in order. */
static void test_compact(void) {
        g_autofree char *text = g_strnfill(40000, 'x');
        struct ledger_entry *a = NULL, *b = NULL, *many = NULL;
        struct ledger *l = make();
        struct ledger_image *image;
        int fd;

        (void) ledger_complete(l);
        put(l, &a, 1, "first");
        ledger_count(l, LEDGER_GENERATION, 99);
        for (unsigned i = 0; i < 1000; i++)
                put(l, &many, 2, text);
        put(l, &b, 3, "last");
        fd = own_memfd("tracectl-state");
        g_assert_cmpint(lseek(fd, 0, SEEK_END), <=, 4 << 20);
        g_assert_cmpint(ledger_read(fd, &image), ==, 0);
        g_assert_cmpuint(image->n_items, ==, 3);
        g_assert_cmpstr(image->items[0].data, ==, "first");
        g_assert_cmpstr(image->items[1].data, ==, text);
        g_assert_cmpstr(image->items[2].data, ==, "last");
        g_assert_cmpuint(image->counters[LEDGER_GENERATION], ==, 99);
        g_assert_cmpuint(image->sequence, >, 8);
        ledger_image_free(image);
        close(fd);
        ledger_drop(l, &a);
        ledger_drop(l, &b);
        ledger_drop(l, &many);
        ledger_free(l);
}

/* When it is told to, it gives back what is dead; what lives is still there. */
static void test_shrink(void) {
        g_autofree char *text = g_strnfill(4000, 'x');
        struct ledger_entry *a = NULL, *many = NULL;
        struct ledger *l = make();
        int fd;

        (void) ledger_complete(l);
        put(l, &a, 1, "first");
        for (unsigned i = 0; i < 50; i++)
                put(l, &many, 2, text);
        ledger_shrink(l);
        fd = own_memfd("tracectl-state");
        g_assert_cmpint(lseek(fd, 0, SEEK_END), ==, 64 << 10);
        close(fd);
        put(l, &many, 2, "last");
        assert_contents("1:first 2:last ");
        ledger_drop(l, &a);
        ledger_drop(l, &many);
        ledger_shrink(NULL);
        ledger_free(l);
}

/* A later minor version: a longer header with more counters, and records that nobody knows. */
static void test_minor(void) {
        struct {
                struct ledger_header h;
                uint64_t more[4];
                struct ledger_record record;
                char text[8];
        } file = {
                .h = {
                        .magic = LEDGER_MAGIC,
                        .major = LEDGER_MAJOR,
                        .minor = LEDGER_MINOR + 1,
                        .header_size = sizeof(file.h) + sizeof(file.more),
                        .sequence = 3,
                        .complete = 1,
                        .n_counters = _LEDGER_COUNTERS + 4,
                        .committed = sizeof(file),
                        .counters = { [LEDGER_RINGS] = 5 },
                },
                .record = { .size = sizeof(file.record) + sizeof(file.text), .type = 999 },
                .text = "new",
        };
        struct ledger_image *image;
        int fd = memfd_create("test", MFD_CLOEXEC);

        g_assert_cmpint(write(fd, &file, sizeof(file)), ==, sizeof(file));
        g_assert_cmpint(ledger_read(fd, &image), ==, 0);
        g_assert_cmpuint(image->minor, ==, LEDGER_MINOR + 1);
        g_assert_cmpuint(image->n_items, ==, 1);
        g_assert_cmpstr(image->items[0].data, ==, "new");
        g_assert_cmpuint(image->counters[LEDGER_RINGS], ==, 5);
        ledger_image_free(image);
        file.h.major++;
        g_assert_cmpint(pwrite(fd, &file, sizeof(file), 0), ==, sizeof(file));
        g_assert_cmpint(ledger_read(fd, &image), ==, -EPROTONOSUPPORT);
        close(fd);
}

/* Cut anywhere, with any bytes anywhere: read or refused. Whatever is read lies in the copy (sanitizers look). */
static void test_broken(void) {
        struct ledger_entry *entries[20] = { 0 };
        struct ledger *l = make();
        g_autofree char *good = g_malloc0(1 << 16);
        unsigned n_read = 0;
        int fd, broken;

        (void) ledger_complete(l);
        for (unsigned i = 0; i < 40; i++)
                put(l, &entries[i % 20], (uint16_t) (1 + i % 5), "some text of a record");
        fd = own_memfd("tracectl-state");
        g_assert_cmpint(pread(fd, good, 1 << 16, 0), ==, 1 << 16);
        for (unsigned i = 0; i < 20000; i++) {
                g_autofree char *data = g_memdup2(good, 1 << 16);
                size_t size = i % 4 == 0 ? (size_t) g_random_int_range(0, 4096) : 4096;
                struct ledger_image *image;

                for (int n = g_random_int_range(0, 4); n > 0; n--)
                        data[g_random_int_range(0, 2048)] = (char) g_random_int_range(0, 256);
                broken = memfd_create("test", MFD_CLOEXEC);
                g_assert_cmpint(write(broken, data, size), ==, size);
                if (ledger_read(broken, &image) == 0) {
                        volatile unsigned sum = 0;

                        for (size_t k = 0; k < image->n_items; k++)
                                for (uint32_t b = 0; b < image->items[k].size; b++)
                                        sum += ((const unsigned char *) image->items[k].data)[b];
                        (void) sum;
                        ledger_image_free(image);
                        n_read++;
                }
                close(broken);
        }
        g_test_message("%u of 20000 could be read", n_read);
        close(fd);
        for (unsigned i = 0; i < 20; i++)
                ledger_drop(l, &entries[i]);
        ledger_free(l);
}

/* Descriptors are found by what they are, once, whatever their names. */
static void test_passed(void) {
        int a = memfd_create("a", MFD_CLOEXEC), b = memfd_create("b", MFD_CLOEXEC), c = memfd_create("c", MFD_CLOEXEC);
        const struct fd_identity of_a = fd_identity_of(a), of_b = fd_identity_of(b), of_c = fd_identity_of(c);
        const struct fd_identity none = { 0 };
        const struct fd_passed passed[] = { { b, "12" }, { a, "3" }, { c, "from another version" } };
        struct fd_identity identity;
        struct fd_store *s;
        uint64_t number;
        size_t position = 0;

        g_assert_cmpint(fd_store_new(passed, 3, &s), ==, 0);
        g_assert_cmpint(fd_store_claim(s, &of_c, &number), ==, -ENOENT);
        g_assert_cmpint(fd_store_claim(s, &none, &number), ==, -ENOENT);
        g_assert_cmpint(fd_store_claim(s, &of_a, &number), ==, a);
        g_assert_cmpuint(number, ==, 3);
        g_assert_cmpint(fd_store_claim(s, &of_a, &number), ==, -ENOENT);
        g_assert_cmpint(fd_store_next(s, &position, &identity), ==, b);
        g_assert_true(identity.inode == of_b.inode);
        g_assert_cmpint(fd_store_next(s, &position, &identity), ==, -ENOENT);
        fd_store_drop_unclaimed(s);
        g_assert_cmpint(fcntl(b, F_GETFD), <, 0);
        close(a);
        /* Nobody holds them for us here. */
        g_assert_cmpuint(fd_store_add(s, 0, FD_STORE_RINGS), ==, 0);
        fd_store_free(s);
}

int main(int argc, char *argv[]) {
        g_unsetenv("NOTIFY_SOCKET");
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/ledger/records", test_records);
        g_test_add_func("/ledger/nothing", test_nothing);
        g_test_add_func("/ledger/killed", test_killed);
        g_test_add_func("/ledger/compact", test_compact);
        g_test_add_func("/ledger/shrink", test_shrink);
        g_test_add_func("/ledger/minor", test_minor);
        g_test_add_func("/ledger/broken", test_broken);
        g_test_add_func("/fd-store/passed", test_passed);
        return g_test_run();
}
