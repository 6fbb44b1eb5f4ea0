/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "protocol/definitions.h"

#define ENTRY_FIXED (sizeof(uint32_t) + 2)

unsigned definition_type_size(enum definition_type type) {
        static const uint8_t sizes[_DEFINITION_TYPE_MAX] = {
                [DEFINITION_U8] = 1,        [DEFINITION_U16] = 2,       [DEFINITION_U32] = 4,
                [DEFINITION_U64] = 8,       [DEFINITION_I8] = 1,        [DEFINITION_I16] = 2,
                [DEFINITION_I32] = 4,       [DEFINITION_I64] = 8,       [DEFINITION_HEX64] = 8,
                [DEFINITION_F32] = 4,       [DEFINITION_F64] = 8,       [DEFINITION_BOOL] = 1,
                [DEFINITION_TEXT] = 1,      [DEFINITION_BYTES] = 1,     [DEFINITION_ARRAY_U8] = 1,
                [DEFINITION_ARRAY_U16] = 2, [DEFINITION_ARRAY_U32] = 4, [DEFINITION_ARRAY_U64] = 8,
                [DEFINITION_ARRAY_I8] = 1,  [DEFINITION_ARRAY_I16] = 2, [DEFINITION_ARRAY_I32] = 4,
                [DEFINITION_ARRAY_I64] = 8,
        };

        return type < _DEFINITION_TYPE_MAX ? sizes[type] : 0;
}

int definition_type_is_sequence(enum definition_type type) {
        return type >= DEFINITION_TEXT && type < _DEFINITION_TYPE_MAX;
}

bool definition_type_is_context(unsigned type) {
        return type == DEFINITION_I64 || type == DEFINITION_U64 || type == DEFINITION_F64 || type == DEFINITION_STRING;
}

bool definition_name_is_valid(const char *s, size_t length) {
        if (length == 0 || length > DEFINITION_NAME_MAX)
                return false;
        for (size_t i = 0; i < length; i++) {
                char c = s[i];

                if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'))
                        return false;
        }
        return true;
}

/* What minor version 1 has added reads 0 where it is not there. */
static int read_header(const void *data, size_t size, struct definitions_header *ret) {
        struct definitions_header header = { 0 };

        if (size < DEFINITIONS_HEADER_SIZE_MIN)
                return -EBADMSG;
        memcpy(&header, data, DEFINITIONS_HEADER_SIZE_MIN);
        if (header.magic != DEFINITIONS_MAGIC)
                return -EBADMSG;
        if (header.major != DEFINITIONS_MAJOR)
                return -EPROTONOSUPPORT;
        if (header.header_size < DEFINITIONS_HEADER_SIZE_MIN || header.header_size > size || header.total_size > size ||
            header.total_size < header.header_size || header.n_events > DEFINITIONS_EVENTS_MAX)
                return -EBADMSG;
        if (header.header_size >= SIZE_BEFORE_LATER(header))
                memcpy(&header, data, header.header_size < sizeof(header) ? header.header_size : sizeof(header));
        *ret = header;
        return 0;
}

int definitions_reader_init(struct definitions_reader *reader, const void *data, size_t size) {
        struct definitions_header header;
        int r;

        r = read_header(data, size, &header);
        if (r < 0)
                return r;
        *reader = (struct definitions_reader) {
                .data = data,
                .size = header.total_size,
                .offset = header.header_size,
                .n_events = header.n_events,
        };
        return 0;
}

int definitions_reader_init_contexts(struct definitions_reader *reader, const void *data, size_t size) {
        struct definitions_header header;
        int r;

        r = read_header(data, size, &header);
        if (r < 0)
                return r;
        if (header.n_contexts > DEFINITIONS_CONTEXTS_MAX ||
            (header.n_contexts > 0 &&
             (header.contexts_offset < header.header_size || header.contexts_offset > header.total_size)))
                return -EBADMSG;
        *reader = (struct definitions_reader) {
                .data = data,
                .size = header.total_size,
                .offset = header.contexts_offset,
                .n_events = header.n_contexts,
        };
        return 0;
}

/* Takes an identifier that ends before end. */
static int take_name(const char **p, const char *end, const char **ret) {
        const char *nul = memchr(*p, '\0', (size_t) (end - *p));

        if (!nul || !definition_name_is_valid(*p, (size_t) (nul - *p)))
                return -EBADMSG;
        *ret = *p;
        *p = nul + 1;
        return 0;
}

int definitions_reader_next(struct definitions_reader *reader, struct definition *ret) {
        const char *p = reader->data + reader->offset, *end;
        uint32_t size;

        if (reader->index == reader->n_events)
                return 0;
        if (reader->size - reader->offset < ENTRY_FIXED)
                return -EBADMSG;
        memcpy(&size, p, sizeof(size));
        if (size < ENTRY_FIXED || size > reader->size - reader->offset)
                return -EBADMSG;
        end = p + size;
        ret->loglevel = (uint8_t) p[4];
        ret->n_fields = (uint8_t) p[5];
        if (ret->n_fields > DEFINITION_FIELDS_MAX)
                return -EBADMSG;
        p += ENTRY_FIXED;
        if (take_name(&p, end, &ret->provider) < 0 || take_name(&p, end, &ret->name) < 0)
                return -EBADMSG;
        for (unsigned i = 0; i < ret->n_fields; i++) {
                unsigned type;

                if (p == end)
                        return -EBADMSG;
                type = (uint8_t) *p++;
                if (type < DEFINITION_U8 || type >= _DEFINITION_TYPE_MAX)
                        return -EBADMSG;
                ret->fields[i].type = type;
                if (take_name(&p, end, &ret->fields[i].name) < 0)
                        return -EBADMSG;
        }
        reader->offset += size;
        reader->index++;
        return 1;
}

static char *put_name(char *p, const char *name) {
        return stpcpy(p, name) + 1;
}

int definitions_append(char *buffer, size_t size, size_t *offset, const struct definition *d) {
        size_t entry = ENTRY_FIXED + strlen(d->provider) + 1 + strlen(d->name) + 1 + LATER_SIZE;
        static const char later[LATER_SIZE + 1];
        uint32_t entry32;
        char *p;

        if (d->n_fields > DEFINITION_FIELDS_MAX || strlen(d->provider) > DEFINITION_NAME_MAX ||
            strlen(d->name) > DEFINITION_NAME_MAX)
                return -EINVAL;
        for (unsigned i = 0; i < d->n_fields; i++) {
                if (strlen(d->fields[i].name) > DEFINITION_NAME_MAX)
                        return -EINVAL;
                entry += 1 + strlen(d->fields[i].name) + 1;
        }
        if (!buffer) {
                *offset += entry;
                return 0;
        }
        if (*offset > size || entry > size - *offset)
                return -EMSGSIZE;
        p = buffer + *offset;
        entry32 = (uint32_t) entry;
        memcpy(p, &entry32, sizeof(entry32));
        p[4] = (char) d->loglevel;
        p[5] = (char) d->n_fields;
        p = put_name(p + ENTRY_FIXED, d->provider);
        p = put_name(p, d->name);
        for (unsigned i = 0; i < d->n_fields; i++) {
                *p++ = (char) d->fields[i].type;
                p = put_name(p, d->fields[i].name);
        }
        memcpy(p, later, LATER_SIZE);
        *offset += entry;
        return 0;
}

void definitions_finish(char *buffer, uint32_t n_events, size_t total_size) {
        struct definitions_header header = {
                .magic = DEFINITIONS_MAGIC,
                .major = DEFINITIONS_MAJOR,
                .minor = DEFINITIONS_MINOR,
                .header_size = sizeof(header),
                .n_events = n_events,
                .total_size = total_size,
                .contexts_offset = (uint32_t) total_size,
        };

        memcpy(buffer, &header, sizeof(header));
}

void definitions_finish_contexts(char *buffer, uint32_t n, size_t total_size) {
        struct definitions_header header;

        memcpy(&header, buffer, sizeof(header));
        header.n_contexts = n;
        header.total_size = total_size;
        memcpy(buffer, &header, sizeof(header));
}
