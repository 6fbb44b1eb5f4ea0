/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "service/state/records.h"

#define STRINGS_MAX 8

int record_read(const struct ledger_item *item, void *ret, size_t size, size_t least) {
        uint32_t there;

        if (item->size < sizeof(there))
                return -EBADMSG;
        memcpy(&there, item->data, sizeof(there));
        if (there > item->size || there < least || there % 4 != 0)
                return -EBADMSG;
        memset(ret, 0, size);
        memcpy(ret, item->data, there < size ? there : size);
        return 0;
}

const char *record_string(const struct ledger_item *item, uint32_t *position) {
        const char *data = item->data, *s;
        uint32_t begin;

        memcpy(&begin, data, sizeof(begin));
        if (*position == 0)
                *position = begin;
        if (*position >= item->size)
                return "";
        s = data + *position;
        if (!memchr(s, '\0', item->size - *position))
                return NULL;
        *position += (uint32_t) strlen(s) + 1;
        return s;
}

int record_put(struct ledger *l, struct ledger_entry **entry, enum record_type type, const void *data, size_t size,
               const char *const *strings, size_t n) {
        struct iovec parts[1 + STRINGS_MAX] = { { .iov_base = (void *) data, .iov_len = size } };

        for (size_t i = 0; i < n && i < STRINGS_MAX; i++) {
                const char *s = strings[i] ?: "";

                parts[1 + i] = (struct iovec) { .iov_base = (void *) s, .iov_len = strlen(s) + 1 };
        }
        return ledger_put(l, entry, (uint16_t) type, parts, 1 + n);
}
