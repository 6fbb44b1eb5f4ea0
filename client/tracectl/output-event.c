/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>
#include <time.h>

#include "client/tracectl/output-event.h"

#define NSEC_PER_SEC INT64_C(1000000000)
#define PROCESS_NAME "procname"

static void set_second(struct output_time *time, int64_t second) {
        time_t t = (time_t) second;
        struct tm tm = {};

        gmtime_r(&t, &tm);
        time->n_clock = strftime(time->clock, sizeof(time->clock), "%FT%T.", &tm);
        time->second = second;
        time->has_second = true;
}

void output_add_time(struct output_time *time, struct text *text, int64_t ns) {
        int64_t second = ns / NSEC_PER_SEC, part = ns % NSEC_PER_SEC;

        if (part < 0) {
                second--;
                part += NSEC_PER_SEC;
        }
        if (!time->has_second || second != time->second)
                set_second(time, second);
        text_add(text, time->clock, time->n_clock);
        text_add_digits(text, (uint32_t) part, 9);
        text_add_char(text, 'Z');
}

bool output_find_process(tracectl_reader_event *event, const char **ret, size_t *ret_size) {
        const tracectl_field *field;
        bool is_found = false;

        tracectl_reader_event_rewind(event, TRACECTL_SCOPE_CONTEXT);
        while (!is_found && (field = tracectl_reader_event_next_field(event)))
                if (field->type == TRACECTL_FIELD_STRING && field->name_size == strlen(PROCESS_NAME) &&
                    memcmp(field->name, PROCESS_NAME, strlen(PROCESS_NAME)) == 0) {
                        *ret = field->string.data;
                        *ret_size = strnlen(field->string.data, field->string.size);
                        is_found = *ret_size > 0;
                }
        tracectl_reader_event_rewind(event, TRACECTL_SCOPE_FIELDS);
        return is_found;
}
