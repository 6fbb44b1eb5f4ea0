/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/parse.h"
#include "protocol/handshake.h"

enum value_kind {
        VALUE_ONE,    /* the text "1" */
        VALUE_NUMBER, /* decimal */
        VALUE_HASH,   /* hexadecimal */
        VALUE_WORD,   /* a fixed word */
        VALUE_ABI,    /* major.minor */
        VALUE_NAME,   /* text */
        VALUE_CGROUP, /* text */
        VALUE_EXECUTABLE, /* text */
};

struct key {
        const char *name;
        uint32_t bit;
        enum value_kind kind;
        size_t offset; /* of the uint64_t that a NUMBER or HASH goes to */
        const char *word;
};

#define NUMBER(key, bit, member) { key, bit, VALUE_NUMBER, offsetof(struct handshake, member), NULL }

/* In the order in which messages are written. */
static const struct key keys[] = {
        { "REGISTER", HANDSHAKE_REGISTER, VALUE_ONE, 0, "1" },
        { "NEED", HANDSHAKE_NEED, VALUE_WORD, 0, "events" },
        { "READY", HANDSHAKE_READY, VALUE_ONE, 0, "1" },
        { "CONFIG", HANDSHAKE_CONFIG, VALUE_ONE, 0, "1" },
        { "ABI", HANDSHAKE_ABI, VALUE_ABI, 0, NULL },
        { "NAME", HANDSHAKE_NAME, VALUE_NAME, 0, NULL },
        { "EVENTS", HANDSHAKE_EVENTS, VALUE_HASH, offsetof(struct handshake, events), NULL },
        { "FORM", HANDSHAKE_FORM_LOCKED, VALUE_WORD, 0, "locked" },
        { "CGROUP", HANDSHAKE_CGROUP, VALUE_CGROUP, 0, NULL },
        { "EXECUTABLE", HANDSHAKE_EXECUTABLE, VALUE_EXECUTABLE, 0, NULL },
        { "NAMESPACE", HANDSHAKE_NAMESPACE_SAME, VALUE_WORD, 0, "same" },
        NUMBER("PID", HANDSHAKE_PID, pid),
        NUMBER("UID", HANDSHAKE_UID, uid),
        NUMBER("GID", HANDSHAKE_GID, gid),
        NUMBER("WORD", HANDSHAKE_WORD, word),
        NUMBER("RESUME", HANDSHAKE_RESUME, resume),
        { "VIEW", HANDSHAKE_VIEW, VALUE_HASH, offsetof(struct handshake, view), NULL },
        NUMBER("APPLICATION", HANDSHAKE_APPLICATION, application),
        NUMBER("GENERATION", HANDSHAKE_GENERATION, generation),
        NUMBER("APPLIED", HANDSHAKE_APPLIED, applied),
        NUMBER("ERRNO", HANDSHAKE_ERRNO, error),
        NUMBER("GET", HANDSHAKE_GET, get),
};

static int parse_abi(char *value, struct handshake *h) {
        char *dot = strchr(value, '.');
        uint64_t major, minor;

        if (!dot)
                return -EBADMSG;
        *dot = '\0';
        if (parse_u64(value, &major) < 0 || parse_u64(dot + 1, &minor) < 0 || major > UINT32_MAX || minor > UINT32_MAX)
                return -EBADMSG;
        h->abi_major = (uint32_t) major;
        h->abi_minor = (uint32_t) minor;
        return 0;
}

static void copy_text(const char *value, char *ret, size_t max) {
        size_t i;

        for (i = 0; i < max && value[i]; i++)
                ret[i] = value[i] >= ' ' && value[i] <= '~' ? value[i] : '?';
        ret[i] = '\0';
}

void handshake_set_cgroup(struct handshake *h, const char *text) {
        copy_text(text, h->cgroup, HANDSHAKE_CGROUP_MAX);
}

void handshake_set_executable(struct handshake *h, const char *text) {
        copy_text(text, h->executable, HANDSHAKE_EXECUTABLE_MAX);
}

static int parse_value(const struct key *key, char *value, struct handshake *h) {
        uint64_t *number = (uint64_t *) ((char *) h + key->offset);

        switch (key->kind) {
        case VALUE_ONE:
        case VALUE_WORD:
                return strcmp(value, key->word) == 0 ? 0 : -EBADMSG;
        case VALUE_NUMBER:
                return parse_u64(value, number) < 0 ? -EBADMSG : 0;
        case VALUE_HASH:
                return parse_hex64(value, number) < 0 ? -EBADMSG : 0;
        case VALUE_ABI:
                return parse_abi(value, h);
        case VALUE_NAME:
                copy_text(value, h->name, HANDSHAKE_NAME_MAX);
                return 0;
        case VALUE_CGROUP:
                handshake_set_cgroup(h, value);
                return 0;
        case VALUE_EXECUTABLE:
                handshake_set_executable(h, value);
                return 0;
        }
        return -EBADMSG;
}

/* Longer ones are texts that are cut anyway, or keys of later versions. */
#define LINE_MAX_SIZE 320
_Static_assert(LINE_MAX_SIZE > HANDSHAKE_CGROUP_MAX + 32 && LINE_MAX_SIZE > HANDSHAKE_EXECUTABLE_MAX + 32, "what is kept fits");

static bool is_text(enum value_kind kind) {
        return kind == VALUE_NAME || kind == VALUE_CGROUP || kind == VALUE_EXECUTABLE;
}

static int parse_line(const char *data, size_t size, struct handshake *h) {
        bool cut = size >= LINE_MAX_SIZE;
        char line[LINE_MAX_SIZE], *equals;

        if (cut)
                size = LINE_MAX_SIZE - 1;
        memcpy(line, data, size);
        line[size] = '\0';
        equals = strchr(line, '=');
        if (!equals || equals == line)
                return -EBADMSG;
        *equals = '\0';
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                if (strcmp(line, keys[i].name) != 0)
                        continue;
                if (cut && !is_text(keys[i].kind))
                        return -EBADMSG;
                if (h->keys & keys[i].bit || parse_value(&keys[i], equals + 1, h) < 0)
                        return -EBADMSG;
                h->keys |= keys[i].bit;
                return 0;
        }
        return 0;
}

/* Line by line: a copy of all of it would be one more page of stack for each process that is traced. */
int handshake_parse(const char *data, size_t size, struct handshake *ret) {
        const char *line = data, *end = data + size;
        struct handshake h = { 0 };

        if (size == 0 || size > HANDSHAKE_SIZE_MAX || memchr(data, '\0', size))
                return -EBADMSG;
        while (line < end) {
                const char *next = memchr(line, '\n', (size_t) (end - line));

                if (!next)
                        next = end;
                if (parse_line(line, (size_t) (next - line), &h) < 0)
                        return -EBADMSG;
                line = next < end ? next + 1 : end;
        }
        *ret = h;
        return 0;
}

struct writer {
        char *buffer;
        size_t size, used;
};

static void put(struct writer *w, const char *s, size_t length) {
        if (length > w->size - w->used)
                length = w->size - w->used;
        memcpy(w->buffer + w->used, s, length);
        w->used += length;
}

static void put_string(struct writer *w, const char *s) {
        put(w, s, strlen(s));
}

/* snprintf() is not async-signal-safe. */
static void put_number(struct writer *w, uint64_t value, unsigned base) {
        char digits[24];
        size_t i = sizeof(digits);

        do {
                digits[--i] = "0123456789abcdef"[value % base];
                value /= base;
        } while (value);
        put(w, digits + i, sizeof(digits) - i);
}

static void put_value(struct writer *w, const struct key *key, const struct handshake *h) {
        const uint64_t *number = (const uint64_t *) ((const char *) h + key->offset);

        switch (key->kind) {
        case VALUE_ONE:
        case VALUE_WORD:
                put_string(w, key->word);
                break;
        case VALUE_NUMBER:
                put_number(w, *number, 10);
                break;
        case VALUE_HASH:
                put_number(w, *number, 16);
                break;
        case VALUE_ABI:
                put_number(w, h->abi_major, 10);
                put_string(w, ".");
                put_number(w, h->abi_minor, 10);
                break;
        case VALUE_NAME:
                put_string(w, h->name);
                break;
        case VALUE_CGROUP:
                put_string(w, h->cgroup);
                break;
        case VALUE_EXECUTABLE:
                put_string(w, h->executable);
                break;
        }
}

size_t handshake_format(const struct handshake *h, char *buffer, size_t size) {
        struct writer w = { .buffer = buffer, .size = size };

        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                if (!(h->keys & keys[i].bit))
                        continue;
                put_string(&w, keys[i].name);
                put_string(&w, "=");
                put_value(&w, &keys[i], h);
                put_string(&w, "\n");
        }
        if (LATER_MINOR > 0)
                put_string(&w, "LATER=1\n");
        return w.used;
}

static size_t view_offset(size_t text_size) {
        return (text_size / 8 + 1) * 8;
}

size_t handshake_append_view(char *buffer, size_t size, size_t text_size, const void *view, size_t view_size) {
        size_t offset = view_offset(text_size);

        if (offset > size || view_size > size - offset)
                return 0;
        memset(buffer + text_size, 0, offset - text_size);
        memcpy(buffer + offset, view, view_size);
        return offset + view_size;
}

int handshake_find_view(const char *data, size_t size, size_t *ret_view) {
        const char *zero = memchr(data, '\0', size);
        size_t text_size = zero ? (size_t) (zero - data) : size;

        if (zero && view_offset(text_size) >= size)
                return -EBADMSG;
        *ret_view = zero ? view_offset(text_size) : size;
        return (int) text_size;
}
