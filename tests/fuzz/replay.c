/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A fuzz target as a plain program:
 *
 *   replay-TARGET [FILE]...       runs the seeds, each also with variations from
 *                                 a fixed seed, and the files as they are
 *   replay-TARGET --write FOLDER  writes the seeds there, for libFuzzer
 */

#include <stdio.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

#define ROUNDS 1000

static const char *folder; /* where seeds are written, or NULL */
static unsigned seeds;
static GRand *chance;

/* Some bytes are changed, moved, put in or left out. */
static void mutate(GByteArray *input) {
        int changes = g_rand_int_range(chance, 1, 5);

        for (int i = 0; i < changes && input->len > 0; i++) {
                guint at = (guint) g_rand_int_range(chance, 0, (gint32) input->len);
                guint from = (guint) g_rand_int_range(chance, 0, (gint32) input->len);
                guint n = (guint) g_rand_int_range(chance, 1, 30);

                n = MIN(n, input->len - MAX(at, from));
                switch (g_rand_int_range(chance, 0, 6)) {
                case 0:
                        input->data[at] ^= (guint8) (1 << g_rand_int_range(chance, 0, 8));
                        break;
                case 1:
                        input->data[at] = (guint8) g_rand_int_range(chance, 0, 256);
                        break;
                case 2:
                        memmove(input->data + at, input->data + from, n);
                        break;
                case 3:
                        g_byte_array_remove_range(input, at, n);
                        break;
                case 4:
                        g_byte_array_set_size(input, input->len + n);
                        memmove(input->data + at + n, input->data + at, input->len - n - at);
                        break;
                default:
                        memset(input->data + at, g_rand_boolean(chance) ? 0xff : 0, MIN(n, 8));
                }
        }
}

static void run(const void *data, size_t size) {
        /* Memory of its own, of exactly this size: a sanitizer sees what reads beyond it. */
        g_autofree uint8_t *copy = g_memdup2(data, size);

        g_assert_cmpint(LLVMFuzzerTestOneInput(copy, size), ==, 0);
}

static void run_seed(const void *data, size_t size) {
        run(data, size);
        for (unsigned i = 0; i < ROUNDS; i++) {
                g_autoptr(GByteArray) input = g_byte_array_new();

                g_byte_array_append(input, data, (guint) size);
                mutate(input);
                run(input->data, input->len);
        }
}

static void write_seed(const void *data, size_t size) {
        g_autofree char *name = g_strdup_printf("seed-%u", seeds), *path = g_build_filename(folder, name, NULL);

        g_assert_true(g_file_set_contents(path, data, (gssize) size, NULL));
}

static void add(const void *data, size_t size) {
        if (folder)
                write_seed(data, size);
        else
                run_seed(data, size);
        seeds++;
}

static void run_file(const char *path) {
        g_autofree char *data = NULL;
        gsize size;

        g_assert_true(g_file_get_contents(path, &data, &size, NULL));
        run(data, size);
}

int main(int argc, char *argv[]) {
        if (argc == 3 && strcmp(argv[1], "--write") == 0) {
                folder = argv[2];
                fuzz_seeds(add);
                return 0;
        }
        chance = g_rand_new_with_seed(11);
        fuzz_seeds(add);
        for (int i = 1; i < argc; i++)
                run_file(argv[i]);
        g_rand_free(chance);
        printf("%u seeds, each also with %u variations, and %i files: ok\n", seeds, ROUNDS, argc - 1);
        return 0;
}
