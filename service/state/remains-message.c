/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "common/parse.h"
#include "protocol/definitions.h"
#include "service/state/remains.h"

static bool is_string(const char *s, size_t size) {
        return memchr(s, '\0', size);
}

static bool is_name(const char s[static CONSUMER_NAME_MAX]) {
        return is_string(s, CONSUMER_NAME_MAX) && name_is_valid(s);
}

static bool rings_are_good(const struct remains_message *m) {
        const struct consumer_rings *rings = (const struct consumer_rings *) m->body;
        const struct record_rings *more = m->more;

        if (m->record.more_size < SIZE_BEFORE_LATER(*more) || more->size < SIZE_BEFORE_LATER(*more) || more->size > m->record.more_size)
                return false;
        return rings->set != 0 && is_name(rings->set_name) && is_name(rings->channel) && more->ring != 0 &&
               more->uid == rings->uid && more->word_size == rings->word_size && is_string(more->label, sizeof(more->label));
}

static bool classes_are_good(const struct remains_message *m) {
        const struct consumer_classes *classes = (const struct consumer_classes *) m->body;
        struct definitions_reader reader;
        struct definition ignored;
        uint32_t n = 0;

        if (m->body->size < sizeof(*classes) || classes->n_classes > CONSUMER_CLASSES_MAX ||
            m->body->size < sizeof(*classes) + classes->n_classes * sizeof(classes->classes[0]))
                return false;
        if (definitions_reader_init(&reader, m->more, m->record.more_size) < 0 || reader.n_events != classes->n_classes)
                return false;
        while (n < classes->n_classes && definitions_reader_next(&reader, &ignored) > 0)
                n++;
        return n == classes->n_classes;
}

static bool is_good(const struct remains_message *m) {
        static const struct {
                size_t size;
                uint32_t n_files, least_files;
        } forms[] = {
                [CONSUMER_OUTPUT] = { SIZE_BEFORE_LATER(struct consumer_output), 1, 0 },
                [CONSUMER_SESSION] = { SIZE_BEFORE_LATER(struct consumer_session), 1, 1 },
                [CONSUMER_RINGS] = { sizeof(struct consumer_rings), 2, 2 },
                [CONSUMER_CLASSES] = { 0, 1, 1 },
                [CONSUMER_RELEASE] = { SIZE_BEFORE_LATER(struct consumer_release), 0, 0 },
                [CONSUMER_FLUSH] = { sizeof(struct consumer_header), 0, 0 },
                [CONSUMER_SNAPSHOT] = { SIZE_BEFORE_LATER(struct consumer_snapshot), 0, 0 },
                [CONSUMER_STOP] = { sizeof(struct consumer_header), 0, 0 },
                [CONSUMER_ROTATE] = { CONSUMER_ROTATE_SIZE_MIN, 0, 0 },
                [CONSUMER_CLEAR] = { sizeof(struct consumer_header), 0, 0 },
                [CONSUMER_KERNEL] = { SIZE_BEFORE_LATER(struct consumer_kernel), 2, 2 },
                [CONSUMER_KERNEL_CPUS] = { SIZE_BEFORE_LATER(struct consumer_kernel_cpus), 2, 2 },
                [CONSUMER_KERNEL_EVENTS] = { SIZE_BEFORE_LATER(struct consumer_kernel_events), 1, 1 },
                [CONSUMER_KERNEL_STATE] = { SIZE_BEFORE_LATER(struct consumer_kernel_state), 1, 1 },
                [CONSUMER_RING_FILES] = { SIZE_BEFORE_LATER(struct consumer_ring_files), 0, 0 },
        };
        const uint32_t type = m->body->type, n = m->record.n_files;

        if (type == 0 || type == CONSUMER_STREAM || n > forms[type].n_files || n < forms[type].least_files)
                return false;
        if (type == CONSUMER_CLASSES)
                return classes_are_good(m);
        if (m->body->size < forms[type].size)
                return false;
        return type == CONSUMER_RINGS || type == CONSUMER_RING_FILES ? rings_are_good(m) : true;
}

int remains_read_message(const struct ledger_item *item, struct remains_message *ret) {
        struct remains_message m = { 0 };
        uint64_t offset;
        int r;

        r = record_read(item, &m.record, sizeof(m.record), SIZE_BEFORE_LATER(m.record));
        if (r < 0)
                return r;
        offset = m.record.size;
        if (offset % 8 != 0 || m.record.body_size < sizeof(struct consumer_header) ||
            m.record.body_size > CONSUMER_MESSAGE_MAX)
                return -EBADMSG;
        if (offset + m.record.body_size > item->size)
                return -EBADMSG;
        m.body = (const struct consumer_header *) ((const char *) item->data + offset);
        offset += ((uint64_t) m.record.body_size + 7) & ~UINT64_C(7);
        if (m.record.more_size > 0 && offset + m.record.more_size > item->size)
                return -EBADMSG;
        m.more = (const char *) item->data + (m.record.more_size > 0 ? offset : 0);
        if (m.body->size != m.record.body_size || m.body->serial == 0)
                return -EBADMSG;
        /* A later version's: its consumer's successor, of this one, would not know it either. */
        if (m.body->type > CONSUMER_RING_FILES)
                return 0;
        if (!is_good(&m))
                return -EBADMSG;
        *ret = m;
        return 1;
}
