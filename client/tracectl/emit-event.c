/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "client/tracectl/command.h"
#include "client/tracectl/emit-event.h"
#include "client/tracectl/say.h"
#include "client/tracectl/verbs.h"
#include "common/cleanup.h"
#include "protocol/definitions.h"

_Static_assert(EMIT_FIELDS_MAX <= DEFINITION_FIELDS_MAX, "the service knows no more");

static const struct {
        const char *name;
        enum definition_type type;
} types[] = {
        { "i64", DEFINITION_I64 },       { "u64", DEFINITION_U64 },       { "hex64", DEFINITION_HEX64 },
        { "f64", DEFINITION_F64 },       { "string", DEFINITION_STRING },
};
static const char *const type_names[] = { "i64", "u64", "hex64", "f64", "string", NULL };

int emit_event_set_name(struct emit_event *event, const char *text) {
        const char *colon = strchr(text, ':');

        if (!colon || !definition_name_is_valid(text, (size_t) (colon - text)) ||
            !definition_name_is_valid(colon + 1, strlen(colon + 1))) {
                say("'%s' is no name of an event. It is PROVIDER:NAME, each of at most %i letters, digits and '_', as in "
                    "shop:closed", text, DEFINITION_NAME_MAX);
                return EXIT_USAGE;
        }
        event->provider = strdup(text);
        if (!event->provider)
                return command_out_of_memory();
        event->provider[colon - text] = '\0';
        event->event = (struct tracectl_event) {
                .size = sizeof(event->event),
                .abi = TRACECTL_ABI,
                .loglevel = TRACECTL_INFO,
                .provider = event->provider,
                .name = event->provider + (colon - text) + 1,
                .fields = event->fields,
                .field_size = sizeof(event->fields[0]),
                .file = "",
        };
        return 0;
}

static bool parse_i64(const char *text, int64_t *ret) {
        char *end;
        long long value;

        errno = 0;
        value = strtoll(text, &end, 10);
        *ret = value;
        return errno == 0 && end != text && *end == '\0' && strchr("+-0123456789", text[0]);
}

/* base 16: with "0x" before it. */
static bool parse_unsigned(const char *text, int base, uint64_t *ret) {
        char *end;
        unsigned long long value;

        if (base == 16 && strncmp(text, "0x", 2) != 0)
                base = 10;
        errno = 0;
        value = strtoull(text, &end, base);
        *ret = value;
        return errno == 0 && end != text && *end == '\0' && text[0] >= '0' && text[0] <= '9';
}

static bool parse_f64(const char *text, double *ret) {
        char *end;

        *ret = strtod(text, &end);
        return end != text && *end == '\0' && text[0] != ' ';
}

/* What looks like a number is one; "inf", "0x1p3" and the like are more often words. */
static enum definition_type guess_type(const char *text) {
        int64_t i;
        double d;

        if (parse_i64(text, &i))
                return DEFINITION_I64;
        if (text[strspn(text, "+-.0123456789eE")] == '\0' && strpbrk(text, "0123456789") && parse_f64(text, &d))
                return DEFINITION_F64;
        return DEFINITION_STRING;
}

static bool set_value(struct emit_event *event, unsigned i, enum definition_type type, const char *text) {
        event->spans[i] = (struct tracectl_span) { &event->values[i], sizeof(event->values[i]), TRACECTL_SPAN_BYTES };
        switch (type) {
        case DEFINITION_I64:
                return parse_i64(text, &event->values[i].i);
        case DEFINITION_U64:
                return parse_unsigned(text, 10, &event->values[i].u);
        case DEFINITION_HEX64:
                return parse_unsigned(text, 16, &event->values[i].u);
        case DEFINITION_F64:
                return parse_f64(text, &event->values[i].d);
        default:
                event->spans[i] = (struct tracectl_span) { text, UINT32_MAX, TRACECTL_SPAN_STRING };
                return true;
        }
}

/* A type by its name: 0, or the exit status. */
static int find_type(const char *name, enum definition_type *ret) {
        for (size_t i = 0; i < ARRAY_SIZE(types); i++)
                if (strcmp(types[i].name, name) == 0) {
                        *ret = types[i].type;
                        return 0;
                }
        return options_refuse_word("type of a field", name, type_names);
}

static bool has_field(const struct emit_event *event, const char *name) {
        for (unsigned i = 0; i < event->event.n_fields; i++)
                if (strcmp(event->names[i], name) == 0)
                        return true;
        return false;
}

/* name is what stands before '='. */
static int check_name(const struct emit_event *event, const char *name, const char *text) {
        if (!definition_name_is_valid(name, strlen(name))) {
                say("'%s' is no field. It is NAME=VALUE or NAME:TYPE=VALUE, the name of at most %i letters, digits and "
                    "'_', as in id=7", text, DEFINITION_NAME_MAX);
                return EXIT_USAGE;
        }
        if (has_field(event, name)) {
                say("There are two fields '%s'. Give them different names.", name);
                return EXIT_USAGE;
        }
        if (event->event.n_fields == EMIT_FIELDS_MAX) {
                say("An event has at most %i fields, and '%s' is one more.", EMIT_FIELDS_MAX, name);
                return EXIT_USAGE;
        }
        return 0;
}

int emit_event_add_field(struct emit_event *event, const char *text) {
        const char *equals = strchrnul(text, '='), *value = *equals ? equals + 1 : equals;
        _cleanup_free_ char *name = strndup(text, (size_t) (equals - text));
        unsigned i = event->event.n_fields;
        enum definition_type type = guess_type(value);
        char *colon;
        int status;

        if (!name)
                return command_out_of_memory();
        colon = strchr(name, ':');
        if (colon)
                *colon = '\0';
        status = check_name(event, *equals ? name : "", text);
        if (status == 0 && colon)
                status = find_type(colon + 1, &type);
        if (status != 0)
                return status;
        if (!set_value(event, i, type, value)) {
                say("'%s' in '%s' is no value of the type %s.", value, text, colon + 1);
                return EXIT_USAGE;
        }
        event->names[i] = TAKE_PTR(name);
        event->fields[i] = (struct tracectl_field) { .name = event->names[i], .type = type };
        event->event.n_fields++;
        return 0;
}

void emit_event_done(struct emit_event *event) {
        free(event->provider);
        for (unsigned i = 0; i < event->event.n_fields; i++)
                free(event->names[i]);
}
