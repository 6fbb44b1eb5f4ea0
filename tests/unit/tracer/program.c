/* SPDX-License-Identifier: LGPL-2.1-or-later */

#define TRACECTL_LIBRARY_ /* no constructor */
#include "tests/unit/tracer/program.h"
#include "tracectl/tracepoint.h"

static const struct tracectl_field fields[] = {
        { "value", TRACECTL_TYPE_U64_, 0 },
        { "text", TRACECTL_TYPE_STR_, 0 },
};

#define EVENT(name_, n)                                                                                        \
        {                                                                                                      \
                .size = sizeof(struct tracectl_event), .abi = TRACECTL_ABI, .n_fields = (n),                   \
                .provider = "program", .name = name_, .fields = fields,                                        \
                .field_size = sizeof(struct tracectl_field),                                                   \
        }

static struct tracectl_event fixed = EVENT("fixed", 1), string = EVENT("string", 2), plugin = EVENT("plugin", 1);
static struct tracectl_event *const program_events[] = { &fixed, &string }, *const plugin_events[] = { &plugin };
static struct tracectl_object program = {
        .size = sizeof(struct tracectl_object), .abi = TRACECTL_ABI,
        .start = program_events, .stop = program_events + 2,
};
static struct tracectl_object library = {
        .size = sizeof(struct tracectl_object), .abi = TRACECTL_ABI,
        .start = plugin_events, .stop = plugin_events + 1,
};

struct tracectl_object *program_object(void) {
        return &program;
}

void program_register(void) {
        tracectl_object_register(&program);
}

void program_unregister(void) {
        tracectl_object_unregister(&program);
}

void program_register_plugin(void) {
        tracectl_object_register(&library);
}

void program_unregister_plugin(void) {
        tracectl_object_unregister(&library);
}

unsigned program_enabled(void) {
        return (TRACECTL_IS_ON_(fixed) ? EVENT_FIXED : 0) | (TRACECTL_IS_ON_(string) ? EVENT_STRING : 0) |
               (TRACECTL_IS_ON_(plugin) ? EVENT_PLUGIN : 0);
}

void program_trace_fixed(uint64_t value) {
        if (TRACECTL_IS_ON_(fixed))
                tracectl_record_fixed(&fixed, &value, sizeof(value));
}

void program_trace_string(uint64_t value) {
        const struct tracectl_span spans[] = {
                { &value, sizeof(value), TRACECTL_SPAN_BYTES },
                { PROGRAM_STRING, UINT32_MAX, TRACECTL_SPAN_STRING },
        };

        if (TRACECTL_IS_ON_(string))
                tracectl_record_spans(&string, spans, 2);
}

void program_trace_plugin(uint64_t value) {
        if (TRACECTL_IS_ON_(plugin))
                tracectl_record_fixed(&plugin, &value, sizeof(value));
}

/* As tracectl_tracef() does; of the fields of the event there is only the text then. */
void program_trace_format(const char *text) {
        if (TRACECTL_IS_ON_(fixed))
                tracectl_record_format(&fixed, "%s", text);
        __asm__ volatile("" ::: "memory"); /* no tail call: the address that it returns to is here */
}

void program_trace(uint64_t value) {
        program_trace_fixed(value);
        program_trace_string(value);
        program_trace_plugin(value);
}
