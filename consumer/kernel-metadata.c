/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "config.h"
#include "consumer/kernel-class.h"
#include "consumer/kernel-metadata.h"
#include "consumer/kernel-profile.h"

#define ID_SIZE (KERNEL_NAME_MAX + sizeof("__length_4294967295"))

_Static_assert(KERNEL_TID_SIZE == 3, "as in the event context");

int kernel_metadata_env(struct text *text, const struct session *session) {
        time_t created = (time_t) (session->info.created / 1000000);
        char date[64];
        struct tm tm;

        if (!gmtime_r(&created, &tm) || strftime(date, sizeof(date), "%Y%m%dT%H%M%S+0000", &tm) == 0)
                date[0] = '\0';
        return text_printf(text,
                           "env {\n"
                           "\thostname = \"%s\";\n"
                           "\tdomain = \"kernel\";\n"
                           "\tsysname = \"Linux\";\n"
                           "\ttracer_name = \"" KERNEL_PROFILE_TRACER "\";\n"
                           "\ttracer_major = %u;\n"
                           "\ttracer_minor = %u;\n"
                           "\ttracer_patchlevel = 0;\n"
                           "\ttracectl_version = \"" TRACECTL_VERSION "\";\n"
                           "\tkernel_release = \"%s\";\n"
                           "\tmachine = \"%s\";\n"
                           "\tsession = \"%s\";\n"
                           "\ttrace_name = \"%s\";\n"
                           "\ttrace_creation_datetime = \"%s\";\n"
                           "};\n\n",
                           session->hostname, KERNEL_PROFILE_MAJOR, KERNEL_PROFILE_MINOR, session->kernel_release,
                           session->machine, session->info.name, session->info.name, date);
}

/*
 * Three forms of an event's header, little endian: 5 bits of id and 27 of time;
 * or 30 in 8 bits, 16 bits of id, 32 of time; or 31 in 8 bits, 32 of id, 64 of time.
 */
int kernel_metadata_header(struct text *text, const char *clock) {
        return text_printf(text,
                           "typealias integer { size = 32; align = 8; signed = false; map = clock.%s.value; } "
                           ":= uint32_clock_t;\n\n"
                           "struct event_header {\n"
                           "\tenum : uint5_t { compact = 0 ... %u, medium = %u, extended = %u } id;\n"
                           "\tvariant <id> {\n"
                           "\t\tstruct {\n"
                           "\t\t\tuint27_clock_t timestamp;\n"
                           "\t\t} compact;\n"
                           "\t\tstruct {\n"
                           "\t\t\tuint16_t id;\n"
                           "\t\t\tuint32_clock_t timestamp;\n"
                           "\t\t} medium;\n"
                           "\t\tstruct {\n"
                           "\t\t\tuint32_t id;\n"
                           "\t\t\tuint64_clock_t timestamp;\n"
                           "\t\t} extended;\n"
                           "\t} v;\n"
                           "} align(8);\n\n",
                           clock, KERNEL_ID_COMPACT_MAX, KERNEL_ID_MEDIUM, KERNEL_ID_EXTENDED);
}

int kernel_metadata_stream(struct text *text, uint32_t stream) {
        return text_printf(text,
                           "stream {\n"
                           "\tid = %" PRIu32 ";\n"
                           "\tevent.header := struct event_header;\n"
                           "\tpacket.context := struct packet_context;\n"
                           "\tevent.context := struct {\n"
                           "\t\tinteger { size = 24; align = 8; signed = true; } _tid;\n"
                           "\t} align(8);\n"
                           "};\n\n"
                           "event {\n"
                           "\tname = \"lttng_statedump_start\";\n"
                           "\tid = %u;\n"
                           "\tstream_id = %" PRIu32 ";\n"
                           "\tfields := struct {\n\t};\n"
                           "};\n\n"
                           "event {\n"
                           "\tname = \"lttng_statedump_process_state\";\n"
                           "\tid = %u;\n"
                           "\tstream_id = %" PRIu32 ";\n"
                           "\tfields := struct {\n"
                           "\t\tint32_t _tid;\n"
                           "\t\tint32_t _pid;\n"
                           "\t\tint32_t _ppid;\n"
                           "\t\tint32_t _type;\n"
                           "\t\tint32_t _mode;\n"
                           "\t\tint32_t _submode;\n"
                           "\t\tint32_t _status;\n"
                           "\t\tuint32_t _cpu;\n"
                           "\t\tuint32_t _uid;\n"
                           "\t\tstring { encoding = UTF8; } _name;\n"
                           "\t};\n"
                           "};\n\n"
                           "event {\n"
                           "\tname = \"lttng_statedump_end\";\n"
                           "\tid = %u;\n"
                           "\tstream_id = %" PRIu32 ";\n"
                           "\tfields := struct {\n\t};\n"
                           "};\n\n",
                           stream, KERNEL_STATEDUMP_START, stream, KERNEL_STATEDUMP_PROCESS, stream,
                           KERNEL_STATEDUMP_END, stream);
}

/* A type of the preamble, or one written out. */
static void put_element(const struct kernel_field *field, char *ret, size_t size) {
        if (field->is_address)
                snprintf(ret, size, "integer { size = %u; align = 8; signed = false; base = 16; }", field->element * 8);
        else
                snprintf(ret, size, "%sint%u_t", field->is_signed ? "" : "u", field->element * 8);
}

static bool is_taken(char names[][ID_SIZE], unsigned n, const char *name) {
        for (unsigned i = 0; i < n; i++)
                if (strcmp(names[i], name) == 0)
                        return true;
        return false;
}

/* The underscore keeps the name apart from TSDL's keywords; readers take it off again. */
static const char *choose_name(char names[][ID_SIZE], unsigned *n, const char *prefix, const char *name,
                               const char *suffix) {
        char *to = names[*n];

        snprintf(to, ID_SIZE, "%s%s%s", prefix, name, suffix);
        for (unsigned k = 2; is_taken(names, *n, to); k++)
                snprintf(to, ID_SIZE, "%s%s%s_%u", prefix, name, suffix, k);
        (*n)++;
        return to;
}

static int put_field(struct text *text, char names[][ID_SIZE], unsigned *n, const char *name,
                     const struct kernel_field *field) {
        const char *own = choose_name(names, n, "_", name, ""), *length;
        char element[80];
        int r;

        put_element(field, element, sizeof(element));
        switch (field->kind) {
        case KERNEL_INTEGER:
                return text_printf(text, "\t\t%s %s;\n", element, own);
        case KERNEL_TEXT:
                return text_printf(text, "\t\tinteger { size = 8; align = 8; signed = false; encoding = UTF8; } "
                                         "%s[%" PRIu32 "];\n", own, field->size);
        case KERNEL_ARRAY:
                return text_printf(text, "\t\t%s %s[%" PRIu32 "];\n", element, own, field->size / field->element);
        case KERNEL_LOC_STRING:
        case KERNEL_REST_STRING:
                return text_printf(text, "\t\tstring { encoding = UTF8; } %s;\n", own);
        default:
                length = choose_name(names, n, "__", name, "_length");
                r = text_printf(text, "\t\tuint32_t %s;\n", length);
                return r < 0 ? r : text_printf(text, "\t\t%s %s[ %s ];\n", element, own, length);
        }
}

int kernel_metadata_event(struct text *text, uint32_t stream, uint32_t id, const char *system, const char *event,
                          const struct kernel_field *const *fields, unsigned n) {
        char names[2 * KERNEL_FIELDS_MAX][ID_SIZE], name[KERNEL_NAME_MAX + 32];
        size_t before = text->size;
        unsigned n_names = 0;
        int r;

        kernel_profile_event(system, event, name, sizeof(name));
        r = text_printf(text,
                        "event {\n"
                        "\tname = \"%s\";\n"
                        "\tid = %" PRIu32 ";\n"
                        "\tstream_id = %" PRIu32 ";\n"
                        "\tfields := struct {\n",
                        name, id, stream);
        for (unsigned i = 0; r >= 0 && i < n; i++)
                r = put_field(text, names, &n_names, kernel_profile_field(system, event, fields[i]->name), fields[i]);
        if (r >= 0)
                r = text_printf(text, "\t};\n};\n\n");
        if (r < 0)
                text->size = before;
        return r;
}
