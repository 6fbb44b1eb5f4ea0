/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/tracectl/json.h"
#include "client/tracectl/say.h"
#include "client/tracectl/text.h"
#include "common/cleanup.h"

bool json_mode_parse(const char *text, enum json_mode *ret) {
        static const char *const names[] = {
                [JSON_MODE_OFF] = "off",
                [JSON_MODE_SHORT] = "short",
                [JSON_MODE_PRETTY] = "pretty",
        };

        if (!text) {
                *ret = isatty(STDOUT_FILENO) ? JSON_MODE_PRETTY : JSON_MODE_SHORT;
                return true;
        }
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (strcmp(text, names[i]) == 0) {
                        *ret = (enum json_mode) i;
                        return true;
                }
        return false;
}

json_t *json_from_text(const char *text) {
        json_t *json = json_string(text);
        _cleanup_free_ char *escaped = NULL;

        if (json)
                return json;
        escaped = text_escaped_copy(text);
        return escaped ? json_string(escaped) : NULL;
}

/* Numbers end where those of JSON's readers do. */
json_t *json_from_number(uint64_t number) {
        return json_integer(number > INT64_MAX ? INT64_MAX : (json_int_t) number);
}

static json_t *from_items(const tracectl_value *value) {
        bool is_array = tracectl_value_get_type(value) == TRACECTL_ARRAY;
        json_t *json = is_array ? json_array() : json_object();

        for (size_t i = 0; json && i < tracectl_value_get_size(value); i++) {
                json_t *item = json_from_value(tracectl_value_get_item(value, i));
                int r = is_array ? json_array_append_new(json, item)
                                 : json_object_set_new(json, tracectl_value_get_key(value, i), item);

                if (r < 0) {
                        json_decref(json);
                        return NULL;
                }
        }
        return json;
}

json_t *json_from_value(const tracectl_value *value) {
        switch (tracectl_value_get_type(value)) {
        case TRACECTL_BOOLEAN:
                return json_boolean(tracectl_value_get_boolean(value));
        case TRACECTL_NUMBER:
                return json_from_number(tracectl_value_get_number(value));
        case TRACECTL_STRING:
                return json_from_text(tracectl_value_get_string(value));
        default:
                return from_items(value);
        }
}

json_t *json_from_counts(const tracectl_counts *counts) {
        static const char *const names[] = {
                [TRACECTL_COUNT_EVENTS] = "events",
                [TRACECTL_COUNT_DISCARDED] = "discarded",
                [TRACECTL_COUNT_LOST_RING] = "lost_ring",
                [TRACECTL_COUNT_LOST_OUTPUT] = "lost_output",
                [TRACECTL_COUNT_LOST_OVERWRITE] = "lost_overwrite",
                [TRACECTL_COUNT_LOST_GARBAGE] = "lost_garbage",
                [TRACECTL_COUNT_BYTES] = "bytes",
                [TRACECTL_COUNT_PACKETS] = "packets",
                [TRACECTL_COUNT_APPLICATIONS] = "applications",
                [TRACECTL_COUNT_PENDING] = "pending",
        };
        json_t *json = json_object();
        int r = json ? 0 : -1;

        for (size_t i = 0; i < ARRAY_SIZE(names) && r >= 0; i++)
                r = json_object_set_new(json, names[i],
                                        json_from_number(tracectl_counts_get(counts, (enum tracectl_count) i)));
        if (r >= 0)
                r = json_object_set_new(json, "output_error",
                                        json_from_text(tracectl_counts_get_output_error(counts)));
        if (r < 0) {
                json_decref(json);
                return NULL;
        }
        return json;
}

int json_print(enum json_mode mode, json_t *json) {
        /* Letters beyond ASCII as \u: some of them are orders to a terminal. */
        size_t flags = JSON_ENSURE_ASCII | JSON_ENCODE_ANY | (mode == JSON_MODE_PRETTY ? JSON_INDENT(2) : JSON_COMPACT);
        int r;

        if (!json) {
                say("There is not enough memory for the output.");
                return EXIT_FAILURE;
        }
        r = json_dumpf(json, stdout, flags);
        json_decref(json);
        if (r >= 0)
                putchar('\n');
        return EXIT_SUCCESS;
}
