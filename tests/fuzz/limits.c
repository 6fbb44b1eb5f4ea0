/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * An input is tracingd.conf, and behind a byte 0xff a drop-in. Whatever they say,
 * they are read; what does not count is told of in a sentence that a terminal can
 * be shown; and read again they say the same.
 */

#undef NDEBUG

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "service/model/limits-file.h"
#include "tests/fuzz/fuzz.h"

#define OWN 4000
#define FOLDER "/etc/tracectl"
#define DROP_INS FOLDER "/tracingd.conf.d"

static const uid_t uids[] = { OWN, 0, 7, 12345 };

static char *root, *file, *drop_in;

static void remove_all(void) {
        static const char *const folders[] = { DROP_INS, FOLDER, "/etc", "" };

        unlink(file);
        unlink(drop_in);
        for (unsigned i = 0; i < G_N_ELEMENTS(folders); i++) {
                g_autofree char *path = g_strconcat(root, folders[i], NULL);

                rmdir(path);
        }
}

static void set_up(void) {
        g_autofree char *folder = NULL;

        /* Memory, where it can be had. */
        root = g_strdup_printf("%s/tracectl-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : g_get_tmp_dir());
        g_assert_nonnull(g_mkdtemp(root));
        folder = g_strconcat(root, DROP_INS, NULL);
        g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
        file = g_strconcat(root, FOLDER "/tracingd.conf", NULL);
        drop_in = g_strconcat(root, DROP_INS "/till.conf", NULL);
        atexit(remove_all);
}

static void write_file(const char *path, const uint8_t *data, size_t size) {
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        g_assert_cmpint(fd, >=, 0);
        g_assert_cmpint(write(fd, data, size), ==, size);
        close(fd);
}

static void check_sentence(const char *sentence, void *userdata) {
        g_assert_true(g_str_has_prefix(sentence, root));
        g_assert_true(g_str_has_suffix(sentence, " is ignored"));
        g_assert_true(g_utf8_validate(sentence, -1, NULL));
        for (const char *p = sentence; *p; p++)
                g_assert_false(g_ascii_iscntrl(*p));
        ++*(unsigned *) userdata;
}

struct outcome {
        uint64_t limits[G_N_ELEMENTS(uids)][_QUOTA_MAX];
        unsigned n_sentences;
};

static void load(struct quota *q, struct outcome *ret) {
        const struct limits_places places = { .root = root, .warn = check_sentence, .userdata = &ret->n_sentences };

        *ret = (struct outcome) { 0 };
        g_assert_cmpint(limits_load(q, &places), ==, 0);
        for (unsigned i = 0; i < G_N_ELEMENTS(uids); i++)
                for (unsigned kind = 0; kind < _QUOTA_MAX; kind++) {
                        ret->limits[i][kind] = quota_limit(q, uids[i], kind);
                        g_assert_cmpuint(ret->limits[i][kind], !=, QUOTA_UNSET);
                }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const uint8_t *end = size > 0 ? memchr(data, 0xff, size) : NULL;
        size_t n = end ? (size_t) (end - data) : size;
        struct outcome outcome, again;
        struct quota quota;

        if (!root)
                set_up();
        write_file(file, data, n);
        unlink(drop_in);
        if (end)
                write_file(drop_in, end + 1, size - n - 1);
        quota_init(&quota, OWN);
        load(&quota, &outcome);
        load(&quota, &again);
        g_assert_cmpmem(&outcome, sizeof(outcome), &again, sizeof(again));
        quota_done(&quota);
        return 0;
}

void fuzz_seeds(fuzz_add add) {
        static const char *const seeds[] = {
                "# for a shop\n[Limits]\nSessions=10\nRingMemory = 512M ; much\nChannels=infinity\nRules=\n\n[User 12345]\n"
                "Streams=7\nApplications=1k\nDefinitions=0x10\nLiveStreams=0\r\n\xff[User root]\nSessions=3\n;\n",
                "Sessions=1\n[Session]\nRules=2\n[Limits\nRules=3\n[Limits] x\n[User nobody-at-all]\nRules=4\n"
                "[User 4294967295]\nRules=5\n[User 7]\nNothing=1\nRules=many\nRules=18446744073709551614\n just words\n"
                "  Rules=9\n\xff",
        };

        for (unsigned i = 0; i < G_N_ELEMENTS(seeds); i++)
                add(seeds[i], strlen(seeds[i]));
}
