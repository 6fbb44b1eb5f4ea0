/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "config.h"
#include "consumer/kernel-metadata.h"
#include "consumer/metadata.h"
#include "protocol/ctf.h"

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define BYTE_ORDER_NAME "le"
#else
#define BYTE_ORDER_NAME "be"
#endif

static void format_uuid(const uint8_t u[16], char ret[37]) {
        snprintf(ret, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0], u[1], u[2],
                 u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]);
}

static int put_trace(struct text *text, const uint8_t uuid[16]) {
        char id[37];

        format_uuid(uuid, id);
        return text_printf(text,
                           "/* CTF 1.8 */\n\n"
                           "typealias integer { size = 8; align = 8; signed = false; } := uint8_t;\n"
                           "typealias integer { size = 16; align = 8; signed = false; } := uint16_t;\n"
                           "typealias integer { size = 32; align = 8; signed = false; } := uint32_t;\n"
                           "typealias integer { size = 64; align = 8; signed = false; } := uint64_t;\n"
                           "typealias integer { size = 8; align = 8; signed = true; } := int8_t;\n"
                           "typealias integer { size = 16; align = 8; signed = true; } := int16_t;\n"
                           "typealias integer { size = 32; align = 8; signed = true; } := int32_t;\n"
                           "typealias integer { size = 64; align = 8; signed = true; } := int64_t;\n"
                           "typealias integer { size = 5; align = 1; signed = false; } := uint5_t;\n\n"
                           "trace {\n"
                           "\tmajor = 1;\n"
                           "\tminor = 8;\n"
                           "\tuuid = \"%s\";\n"
                           "\tbyte_order = " BYTE_ORDER_NAME ";\n"
                           "\tpacket.header := struct {\n"
                           "\t\tuint32_t magic;\n"
                           "\t\tuint8_t uuid[16];\n"
                           "\t\tuint32_t stream_id;\n"
                           "\t};\n"
                           "};\n\n",
                           id);
}

static int put_env(struct text *text, const struct session *session, const struct metadata_set *set) {
        unsigned major = 0, minor = 0, patch = 0;
        time_t created = (time_t) (session->info.created / 1000000);
        char date[64];
        struct tm tm;
        int r;

        (void) sscanf(TRACECTL_VERSION, "%u.%u.%u", &major, &minor, &patch);
        if (!gmtime_r(&created, &tm) || strftime(date, sizeof(date), "%Y%m%dT%H%M%S+0000", &tm) == 0)
                date[0] = '\0';
        r = text_printf(text,
                        "env {\n"
                        "\thostname = \"%s\";\n"
                        "\tdomain = \"user\";\n"
                        "\ttracer_name = \"tracectl\";\n"
                        "\ttracer_major = %u;\n"
                        "\ttracer_minor = %u;\n"
                        "\ttracer_patchlevel = %u;\n"
                        "\tsession = \"%s\";\n"
                        "\ttrace_creation_datetime = \"%s\";\n"
                        "\tuid = %" PRIu32 ";\n"
                        "\tset = \"%s\";\n"
                        "\tword_size = %" PRIu32 ";\n",
                        session->hostname, major, minor, patch, session->info.name, date, set->uid, set->name,
                        set->word_size);
        if (r >= 0 && set->pid > 0)
                r = text_printf(text, "\tpid = %" PRIi32 ";\n", set->pid);
        return r < 0 ? r : text_printf(text, "};\n\n");
}

static const char *clock_name(const struct session *session) {
        return session->info.clock == TRACE_CLOCK_TSC ? "tsc" : "monotonic";
}

static int put_clock(struct text *text, const struct session *session) {
        const struct consumer_session *info = &session->info;
        const char *name = clock_name(session);
        char id[37], precision[48] = "";

        format_uuid(info->clock_uuid, id);
        if (info->clock_precision > 0)
                snprintf(precision, sizeof(precision), "\tprecision = %" PRIu64 ";\n", info->clock_precision);
        return text_printf(text,
                           "clock {\n"
                           "\tname = \"%s\";\n"
                           "\tuuid = \"%s\";\n"
                           "\tdescription = \"%s\";\n"
                           "\tfreq = %" PRIu64 ";\n"
                           "\toffset_s = %" PRIi64 ";\n"
                           "\toffset = %" PRIu64 ";\n"
                           "%s"
                           "\tabsolute = true;\n"
                           "};\n\n"
                           "typealias integer { size = 27; align = 1; signed = false; map = clock.%s.value; } "
                           ":= uint27_clock_t;\n"
                           "typealias integer { size = 64; align = 8; signed = false; map = clock.%s.value; } "
                           ":= uint64_clock_t;\n\n",
                           name, id, info->clock == TRACE_CLOCK_TSC ? "Time stamp counter" : "CLOCK_MONOTONIC",
                           info->clock_frequency, info->clock_offset_seconds, info->clock_offset_ticks, precision, name,
                           name);
}

static int put_packet_context(struct text *text) {
        return text_printf(text,
                           "struct packet_context {\n"
                           "\tuint64_clock_t timestamp_begin;\n"
                           "\tuint64_clock_t timestamp_end;\n"
                           "\tuint64_t content_size;\n"
                           "\tuint64_t packet_size;\n"
                           "\tuint64_t packet_seq_num;\n"
                           "\tuint64_t events_discarded;\n"
                           "\tuint32_t cpu_id;\n"
                           "};\n\n");
}

static int put_header(struct text *text) {
        return text_printf(text,
                           "struct event_header {\n"
                           "\tenum : uint5_t { compact = 0 ... 30, extended = 31 } id;\n"
                           "\tvariant <id> {\n"
                           "\t\tstruct {\n"
                           "\t\t\tuint27_clock_t timestamp;\n"
                           "\t\t} compact;\n"
                           "\t\tstruct {\n"
                           "\t\t\tuint32_t id;\n"
                           "\t\t\tuint64_clock_t timestamp;\n"
                           "\t\t} extended;\n"
                           "\t} v;\n"
                           "} align(8);\n\n");
}

int metadata_preamble(struct text *text, const struct session *session, const struct metadata_set *set,
                      const uint8_t uuid[16]) {
        int r;

        r = put_trace(text, uuid);
        if (r >= 0)
                r = set->kernel ? kernel_metadata_env(text, session) : put_env(text, session, set);
        if (r >= 0)
                r = put_clock(text, session);
        if (r >= 0)
                r = put_packet_context(text);
        if (r < 0)
                return r;
        return set->kernel ? kernel_metadata_header(text, clock_name(session)) : put_header(text);
}

int metadata_stream(struct text *text, uint32_t stream, bool ordered) {
        int r;

        r = text_printf(text,
                        "stream {\n"
                        "\tid = %" PRIu32 ";\n"
                        "\tevent.header := struct event_header;\n"
                        "\tpacket.context := struct packet_context;\n"
                        "};\n\n"
                        "event {\n"
                        "\tname = \"tracectl:thread\";\n"
                        "\tid = %u;\n"
                        "\tstream_id = %" PRIu32 ";\n"
                        "\tfields := struct {\n"
                        "\t\tint32_t _pid;\n"
                        "\t\tint32_t _tid;\n"
                        "\t};\n"
                        "};\n\n",
                        stream, CTF_ID_THREAD, stream);
        if (r >= 0 && ordered)
                r = text_printf(text, "env {\n\tstream_%" PRIu32 "_clock = \"ordered\";\n};\n\n", stream);
        return r;
}
