/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * An input is a trace: the size of its metadata, 4 bytes little endian, the
 * metadata, and a stream file. Everything that can be read is, by each of the
 * ways to do it. reader-seeds.c makes inputs to begin with.
 */

#undef NDEBUG

#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/libtracectl-read/tracectl-read.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/reader-seeds.h"

static char folder[] = "/tmp/tracectl-fuzz-XXXXXX";
static char metadata_path[64], stream_path[64];

static void remove_folder(void) {
        unlink(metadata_path);
        unlink(stream_path);
        rmdir(folder);
}

static void make_folder(void) {
        if (*metadata_path)
                return;
        /* Memory, where it can be had: an input a millisecond would wear a disk. */
        if (access("/dev/shm", W_OK) == 0)
                memcpy(folder, "/dev/shm/trace-XXXXXX", sizeof("/dev/shm/trace-XXXXXX"));
        assert(mkdtemp(folder));
        snprintf(metadata_path, sizeof(metadata_path), "%s/metadata", folder);
        snprintf(stream_path, sizeof(stream_path), "%s/c_0", folder);
        atexit(remove_folder);
}

static void write_file(const char *path, const uint8_t *data, size_t size) {
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert(fd >= 0);
        assert(write(fd, data, size) == (ssize_t) size);
        close(fd);
}

static tracectl_reader *open_reader(void) {
        tracectl_reader *reader;

        assert(tracectl_reader_new(&reader) == 0);
        if (tracectl_reader_open(reader, folder) < 0) {
                assert(tracectl_reader_get_error(reader));
                tracectl_reader_free(reader);
                return NULL;
        }
        return reader;
}

static uint64_t read_fields(tracectl_reader_event *event) {
        const tracectl_field *field;
        uint64_t sum = 0;

        tracectl_reader_event_rewind(event, TRACECTL_SCOPE_CONTEXT);
        while (tracectl_reader_event_next_field(event))
                sum++;
        tracectl_reader_event_rewind(event, TRACECTL_SCOPE_FIELDS);
        while ((field = tracectl_reader_event_next_field(event))) {
                sum += field->type;
                for (size_t i = 0; field->type == TRACECTL_FIELD_STRING && i < field->string.size; i++)
                        sum += (unsigned char) field->string.data[i];
        }
        return sum;
}

/* Who did it, as far as that is known. */
static void read_thread(tracectl_reader_event *event, int32_t ret[2]) {
        ret[0] = ret[1] = -2;
        (void) tracectl_reader_event_get_thread(event, &ret[0], &ret[1]);
}

static void compare(tracectl_reader_event *a, tracectl_reader_event *b) {
        int32_t thread_a[2], thread_b[2];

        assert(tracectl_reader_event_get_ticks(a) == tracectl_reader_event_get_ticks(b));
        assert(read_fields(a) == read_fields(b));
        read_thread(a, thread_a);
        read_thread(b, thread_b);
        assert(memcmp(thread_a, thread_b, sizeof(thread_a)) == 0);
}

/* Both ways see the same events, with the same values. */
static void read_twice(void) {
        tracectl_reader *one = open_reader(), *two;
        tracectl_reader_batch *batch;
        tracectl_reader_event *event, *copy;

        if (!one)
                return;
        two = open_reader();
        assert(two && tracectl_reader_batch_new(&batch) == 0);
        while (tracectl_reader_fill_batch(two, batch) > 0)
                while ((copy = tracectl_reader_batch_next(batch))) {
                        assert(tracectl_reader_next(one, &event) == 1);
                        compare(event, copy);
                }
        assert(tracectl_reader_next(one, &event) == 0);
        tracectl_reader_batch_free(batch);
        tracectl_reader_free(one);
        tracectl_reader_free(two);
}

static void add_count(const char *name, int loglevel, uint64_t n, void *userdata) {
        *(uint64_t *) userdata += n;
}

static void count_range(void) {
        tracectl_reader *reader = open_reader();
        uint64_t n = 0;

        if (!reader)
                return;
        tracectl_reader_set_range(reader, 1000, INT64_MAX / 2);
        tracectl_reader_set_unordered(reader, 1);
        assert(tracectl_reader_count(reader, add_count, &n) == 0);
        tracectl_reader_free(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        size_t n;

        if (size < 4)
                return 0;
        n = (size_t) data[0] | (size_t) data[1] << 8 | (size_t) data[2] << 16 | (size_t) data[3] << 24;
        data += 4;
        size -= 4;
        if (n > size)
                n = size;
        make_folder();
        write_file(metadata_path, data, n);
        write_file(stream_path, data + n, size - n);
        read_twice();
        count_range();
        return 0;
}

void fuzz_seeds(fuzz_add add) {
        g_autoptr(GByteArray) compact = reader_seed_compact(), kernel = reader_seed_kernel();
        g_autoptr(GByteArray) plain = reader_seed_plain();

        add(compact->data, compact->len);
        add(kernel->data, kernel->len);
        add(plain->data, plain->len);
}
