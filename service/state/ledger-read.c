/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "service/state/ledger.h"

/* Reads a ledger that another tracingd wrote, perhaps of another version, perhaps broken: all of it or nothing. */

/* The least that a header of this major version has. */
#define HEADER_MIN offsetof(struct ledger_header, counters)

struct ledger_image *ledger_image_free(struct ledger_image *image) {
        if (!image)
                return NULL;
        free(image->items);
        free(image->data);
        free(image);
        return NULL;
}

static int read_file(int fd, char **ret, uint64_t *ret_size) {
        _cleanup_free_ char *data = NULL;
        struct stat st;
        uint64_t n = 0;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_size < (off_t) HEADER_MIN || (uint64_t) st.st_size > LEDGER_SIZE_MAX)
                return -EBADMSG;
        data = malloc((size_t) st.st_size);
        if (!data)
                return -ENOMEM;
        while (n < (uint64_t) st.st_size) {
                ssize_t k = pread(fd, data + n, (size_t) st.st_size - n, (off_t) n);

                if (k <= 0)
                        return k < 0 ? -errno : -EBADMSG;
                n += (uint64_t) k;
        }
        *ret = TAKE_PTR(data);
        *ret_size = n;
        return 0;
}

static int read_header(const char *data, uint64_t size, struct ledger_header *ret) {
        struct ledger_header h = { 0 };
        uint64_t n;

        memcpy(&h, data, HEADER_MIN);
        if (h.magic != LEDGER_MAGIC)
                return -EBADMSG;
        if (h.major != LEDGER_MAJOR)
                return -EPROTONOSUPPORT;
        if (h.header_size < HEADER_MIN || h.header_size % 8 != 0 || h.header_size > size || h.committed > size ||
            h.committed < h.header_size || h.committed % 8 != 0)
                return -EBADMSG;
        if (h.n_counters > (h.header_size - HEADER_MIN) / sizeof(h.counters[0]))
                return -EBADMSG;
        n = h.n_counters < _LEDGER_COUNTERS ? h.n_counters : _LEDGER_COUNTERS;
        memcpy(h.counters, data + HEADER_MIN, n * sizeof(h.counters[0]));
        if (!h.complete)
                return -EAGAIN;
        *ret = h;
        return 0;
}

static const struct ledger_record *record_at(const struct ledger_image *image, uint64_t offset) {
        return (const struct ledger_record *) ((const char *) image->data + offset);
}

/* Where the next record is, or 0. */
static uint64_t next_record(const struct ledger_image *image, uint64_t offset, uint64_t end) {
        const struct ledger_record *record = record_at(image, offset);

        if (end - offset < sizeof(*record) || record->size < sizeof(*record) || record->size > end - offset)
                return 0;
        offset += ((uint64_t) record->size + 7) & ~UINT64_C(7);
        return offset <= end ? offset : 0;
}

static int count_records(const struct ledger_image *image, uint64_t begin, uint64_t end, size_t *ret) {
        size_t n = 0;

        for (uint64_t offset = begin; offset < end; n++) {
                offset = next_record(image, offset, end);
                if (offset == 0)
                        return -EBADMSG;
        }
        *ret = n;
        return 0;
}

static struct ledger_item *find(const struct ledger_image *image, size_t n, uint64_t offset) {
        const char *data = (const char *) image->data + offset + sizeof(struct ledger_record);
        size_t low = 0, high = n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if ((const char *) image->items[middle].data < data)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < n && image->items[low].data == data ? &image->items[low] : NULL;
}

/* Dead ones get type 0, and are left out afterwards. */
static int collect(struct ledger_image *image, uint64_t begin, uint64_t end) {
        size_t n = 0, k = 0;

        for (uint64_t offset = begin; offset < end; offset = next_record(image, offset, end), n++) {
                const struct ledger_record *record = record_at(image, offset);

                image->items[n] = (struct ledger_item) {
                        .type = record->flags & LEDGER_DEAD ? 0 : record->type,
                        .size = record->size - (uint32_t) sizeof(*record),
                        .data = record + 1,
                };
                if (record->replaces) {
                        struct ledger_item *old = record->replaces < offset ? find(image, n, record->replaces) : NULL;

                        if (!old)
                                return -EBADMSG;
                        old->type = 0;
                }
        }
        for (size_t i = 0; i < n; i++)
                if (image->items[i].type != 0)
                        image->items[k++] = image->items[i];
        image->n_items = k;
        return 0;
}

int ledger_read(int fd, struct ledger_image **ret) {
        _cleanup_(ledger_image_freep) struct ledger_image *image = NULL;
        struct ledger_header h;
        uint64_t size = 0;
        size_t n;
        int r;

        image = calloc(1, sizeof(*image));
        if (!image)
                return -ENOMEM;
        r = read_file(fd, (char **) &image->data, &size);
        if (r < 0)
                return r;
        r = read_header(image->data, size, &h);
        if (r < 0)
                return r;
        r = count_records(image, h.header_size, h.committed, &n);
        if (r < 0)
                return r;
        image->items = calloc(n + 1, sizeof(*image->items));
        if (!image->items)
                return -ENOMEM;
        image->minor = h.minor;
        image->sequence = h.sequence;
        memcpy(image->counters, h.counters, sizeof(image->counters));
        r = collect(image, h.header_size, h.committed);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(image);
        return 0;
}
