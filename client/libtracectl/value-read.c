/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "client/libtracectl/value.h"

static int read_number(sd_bus_message *m, char type, uint64_t *ret) {
        union {
                uint8_t y;
                uint16_t q;
                uint32_t u;
                uint64_t t;
        } n = {};
        int r;

        r = sd_bus_message_read_basic(m, type, &n);
        if (r < 0)
                return r;
        *ret = type == 'y' ? n.y : type == 'q' ? n.q : type == 't' ? n.t : n.u;
        return 0;
}

static int read_basic(sd_bus_message *m, char type, tracectl_value **ret) {
        _cleanup_(tracectl_value_freep) tracectl_value *value = NULL;
        bool is_text = strchr("sog", type) != NULL;
        const char *string;
        int r, boolean = 0;

        r = value_new(is_text ? TRACECTL_STRING : type == 'b' ? TRACECTL_BOOLEAN : TRACECTL_NUMBER, &value);
        if (r < 0)
                return r;
        if (type == 'b') {
                r = sd_bus_message_read_basic(m, type, &boolean);
                value->number = boolean != 0;
        } else if (is_text) {
                r = sd_bus_message_read_basic(m, type, &string);
                if (r >= 0 && !(value->string = strdup(string)))
                        return -ENOMEM;
        } else
                r = read_number(m, type, &value->number);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(value);
        return 0;
}

/* Into *ret, which stays NULL for a type that nobody here knows. */
static int read_any(sd_bus_message *m, tracectl_value **ret);

/* An entry of a dictionary, whose key is text. */
static int read_entry(sd_bus_message *m, const char *contents, tracectl_value *into) {
        _cleanup_(tracectl_value_freep) tracectl_value *item = NULL;
        const char *key;
        int r;

        r = sd_bus_message_enter_container(m, 'e', contents);
        if (r < 0)
                return r;
        r = sd_bus_message_read_basic(m, contents[0], &key);
        if (r < 0)
                return r;
        r = read_any(m, &item);
        if (r < 0)
                return r;
        if (item) {
                r = value_add(into, key, TAKE_PTR(item));
                if (r < 0)
                        return r;
        }
        return sd_bus_message_exit_container(m);
}

static int read_elements(sd_bus_message *m, tracectl_value *into) {
        const char *contents;
        char type;
        int r;

        while ((r = sd_bus_message_peek_type(m, &type, &contents)) > 0) {
                _cleanup_(tracectl_value_freep) tracectl_value *item = NULL;

                if (type == 'e')
                        r = read_entry(m, contents, into);
                else {
                        r = read_any(m, &item);
                        if (r >= 0 && item)
                                r = value_add(into, NULL, TAKE_PTR(item));
                }
                if (r < 0)
                        return r;
        }
        return r;
}

static int read_container(sd_bus_message *m, char type, const char *contents, tracectl_value **ret) {
        bool is_dictionary = type == 'a' && contents[0] == '{';
        _cleanup_(tracectl_value_freep) tracectl_value *value = NULL;
        int r;

        if (is_dictionary && !strchr("so", contents[1]))
                return sd_bus_message_skip(m, NULL);
        r = value_new(is_dictionary ? TRACECTL_DICTIONARY : TRACECTL_ARRAY, &value);
        if (r < 0)
                return r;
        r = sd_bus_message_enter_container(m, type, contents);
        if (r < 0)
                return r;
        r = read_elements(m, value);
        if (r < 0)
                return r;
        r = sd_bus_message_exit_container(m);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(value);
        return 0;
}

static int read_any(sd_bus_message *m, tracectl_value **ret) {
        const char *contents;
        char type;
        int r;

        r = sd_bus_message_peek_type(m, &type, &contents);
        if (r <= 0)
                return r < 0 ? r : -EBADMSG;
        if (type == 'v') {
                r = sd_bus_message_enter_container(m, 'v', contents);
                if (r < 0)
                        return r;
                r = read_any(m, ret);
                return r < 0 ? r : sd_bus_message_exit_container(m);
        }
        if (type == 'a' || type == 'r')
                return read_container(m, type, contents, ret);
        if (strchr("bsogyqut", type))
                return read_basic(m, type, ret);
        return sd_bus_message_skip(m, NULL);
}

int value_read(sd_bus_message *m, tracectl_value **ret) {
        _cleanup_(tracectl_value_freep) tracectl_value *value = NULL;
        int r;

        r = read_any(m, &value);
        if (r < 0)
                return r;
        if (!value)
                return -EBADMSG;
        *ret = TAKE_PTR(value);
        return 0;
}

int value_read_signature(sd_bus_message *m, const char *signature, tracectl_value **ret) {
        if (sd_bus_message_has_signature(m, signature) <= 0)
                return -EBADMSG;
        return value_read(m, ret);
}
