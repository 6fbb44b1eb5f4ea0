/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/tracectl/calls-write.h"
#include "client/tracectl/json-writer.h"
#include "client/tracectl/syscalls/names.h"
#include "client/tracectl/view-plain.h"
#include "common/cleanup.h"

#define ARGUMENTS_MAX 8192 /* bytes, as they are written; of more, the beginning, and of JSON nothing */
#define LARGE (UINT64_C(1) << 40) /* what is more is rather an address */

int calls_writer_init(struct calls_writer *writer, const struct view_output_options *options, bool is_json) {
        writer->is_json = is_json;
        writer->format.is_coloured = options->is_coloured;
        writer->format.with_date = options->with_date;
        writer->scratch = malloc(sizeof(*writer->scratch));
        writer->descriptors = descriptors_new();
        if (!writer->scratch || !writer->descriptors)
                return -ENOMEM;
        return uname(&writer->own) < 0 ? -errno : 0;
}

void calls_writer_done(struct calls_writer *writer) {
        view_format_done(&writer->format);
        free(writer->scratch);
        descriptors_free(writer->descriptors);
}

static bool is_named(const tracectl_field *field, const char *name) {
        return field->name && field->name_size == strlen(name) && memcmp(field->name, name, field->name_size) == 0;
}

static int64_t number_of(const tracectl_field *field) {
        return field->type == TRACECTL_FIELD_SIGNED ? field->i : (int64_t) field->u;
}

bool calls_find_thread(tracectl_reader_event *event, int32_t *ret_pid, int32_t *ret_tid) {
        const tracectl_field *field;
        bool is_found = false;

        if (tracectl_reader_event_get_thread(event, ret_pid, ret_tid) > 0)
                return true;
        *ret_pid = -1;
        tracectl_reader_event_rewind(event, TRACECTL_SCOPE_CONTEXT);
        while (!is_found && (field = tracectl_reader_event_next_field(event)))
                if (field->type <= TRACECTL_FIELD_SIGNED && (is_named(field, "tid") || is_named(field, "vtid"))) {
                        *ret_tid = (int32_t) number_of(field);
                        is_found = true;
                }
        tracectl_reader_event_rewind(event, TRACECTL_SCOPE_FIELDS);
        return is_found;
}

/* What is made of constants with their names, and of a descriptor what it is. */
static void add_argument(struct calls_writer *writer, struct text *text, struct call *call, const tracectl_field *field,
                         bool is_foreign) {
        const struct syscall_argument *names;

        if (field->type != TRACECTL_FIELD_UNSIGNED || !field->name || field->base != 10 || field->label) {
                view_add_value(text, field);
                return;
        }
        names = syscall_names_find(call->name, field->name, field->name_size, &call->numbers);
        syscall_so_far_add(&call->numbers, field->name, field->name_size, field->u);
        if (names && (!is_foreign || !syscall_names_are_constants(names))) {
                syscall_names_add(text, names, field->u);
                if (names->parts->kind == SYSCALL_PART_DESCRIPTOR && writer->has_all)
                        descriptors_add(writer->descriptors, text, call->pid, (int32_t) field->u);
        } else if (field->u >= LARGE || (names && field->u > 0)) {
                text_add_literal(text, "0x");
                text_add_u64_base(text, field->u, 16, 1);
        } else
                view_add_value(text, field);
}

/* Another kind of machine may have other numbers for the same. */
static bool is_foreign(const struct calls_writer *writer, const tracectl_reader_event *event) {
        const char *machine = tracectl_reader_event_get_machine(event);

        return machine && strcmp(machine, writer->own.machine) != 0;
}

/* The call's pointers are noted: names of files are told in their order. */
static void add_arguments(struct calls_writer *writer, struct text *text, struct call *call,
                          tracectl_reader_event *event) {
        const tracectl_field *field;
        bool foreign = is_foreign(writer, event);
        uint64_t is_struct = 0; /* a bit for each bracket, the innermost last */
        bool is_first = true;

        while ((field = tracectl_reader_event_next_field(event))) {
                size_t at;

                if (field->is_length)
                        continue;
                if (field->type == TRACECTL_FIELD_CLOSE) {
                        text_add_char(text, is_struct & 1 ? '}' : ']');
                        is_struct >>= 1;
                        is_first = false;
                        continue;
                }
                if (!is_first)
                        text_add_literal(text, ", ");
                if (field->name) {
                        text_add_escaped(text, field->name, field->name_size, 0);
                        text_add_char(text, '=');
                }
                at = text->size;
                add_argument(writer, text, call, field, foreign);
                if (field->type == TRACECTL_FIELD_UNSIGNED && field->base == 16 && call->n_pointers < CALL_NAMES_MAX) {
                        call->pointers[call->n_pointers].at = at;
                        call->pointers[call->n_pointers++].size = text->size - at;
                }
                is_first = field->type == TRACECTL_FIELD_STRUCT || field->type == TRACECTL_FIELD_ARRAY;
                if (is_first)
                        is_struct = is_struct << 1 | (field->type == TRACECTL_FIELD_STRUCT);
        }
}

int calls_keep_arguments(struct calls_writer *writer, struct call *call, tracectl_reader_event *event) {
        struct text *scratch = writer->scratch;
        struct json_writer json = { .text = scratch };

        text_init(scratch, -1);
        call->n_pointers = 0;
        call->numbers.n = 0;
        if (writer->is_json)
                json_write_fields(&json, event);
        else
                add_arguments(writer, scratch, call, event);
        if (scratch->error != 0 || scratch->size > ARGUMENTS_MAX) {
                text_init(scratch, -1);
                call->n_pointers = 0;
                if (writer->is_json)
                        text_add_literal(scratch, "{}");
                else
                        text_add_literal(scratch, "...");
        }
        free(call->arguments);
        call->n_arguments = 0;
        call->arguments = malloc(scratch->size + 1);
        if (!call->arguments)
                return -ENOMEM;
        memcpy(call->arguments, scratch->data, scratch->size);
        call->n_arguments = scratch->size;
        return 0;
}

/* What the i-th pointer points to, where that is known. */
static void write_pointed(struct text *text, const struct call *call, size_t i) {
        if (call->names[i]) {
                text_add_char(text, '"');
                text_add_escaped(text, call->names[i], call->name_sizes[i], '"');
                text_add_char(text, '"');
                return;
        }
        text_add_char(text, '[');
        text_add_i64(text, call->pair[0]);
        text_add_literal(text, ", ");
        text_add_i64(text, call->pair[1]);
        text_add_char(text, ']');
}

/* With names, or descriptors that were made, in the places of the pointers to them. */
static void write_arguments(struct text *text, const struct call *call) {
        size_t done = 0;

        for (size_t i = 0; i < call->n_pointers; i++) {
                if (!call->names[i] && (i > 0 || call->pair[0] < 0))
                        continue;
                text_add(text, call->arguments + done, call->pointers[i].at - done);
                write_pointed(text, call, i);
                done = call->pointers[i].at + call->pointers[i].size;
        }
        text_add(text, call->arguments + done, call->n_arguments - done);
}

/* NULL: the result is no error. Those above 512 are the kernel's own: the call begins again, or a signal's handler runs. */
static const char *error_name(int64_t result) {
        switch (-result) {
        case 512:
                return "ERESTARTSYS";
        case 513:
                return "ERESTARTNOINTR";
        case 514:
                return "ERESTARTNOHAND";
        case 516:
                return "ERESTART_RESTARTBLOCK";
        default:
                return view_error_name(result);
        }
}

static bool find_result(tracectl_reader_event *event, int64_t *ret) {
        const tracectl_field *field;

        tracectl_reader_event_rewind(event, TRACECTL_SCOPE_FIELDS);
        while ((field = tracectl_reader_event_next_field(event)))
                if (field->type <= TRACECTL_FIELD_SIGNED && is_named(field, "ret")) {
                        *ret = number_of(field);
                        return true;
                }
        return false;
}

static void write_result(struct text *text, const char *name, bool has_result, int64_t result) {
        const struct syscall_so_far none = { 0 };
        const struct syscall_argument *names = syscall_names_find(name, "ret", strlen("ret"), &none);
        const char *error = has_result ? error_name(result) : NULL;

        text_add_literal(text, " = ");
        if (!has_result)
                text_add_char(text, '?');
        else if (error) {
                text_add_literal(text, "-1 ");
                text_add(text, error, strlen(error));
        } else if (names)
                syscall_names_add(text, names, (uint64_t) result);
        else if (result >= (int64_t) LARGE) {
                text_add_literal(text, "0x");
                text_add_u64_base(text, (uint64_t) result, 16, 1);
        } else
                text_add_i64(text, result);
}

static void write_json_head(struct calls_writer *writer, struct text *text, const struct call *call, int64_t time,
                            int cpu, const char *name) {
        struct json_writer json = { .text = text };

        text_add_literal(text, "{\"time\":\"");
        output_add_time(&writer->time, text, time);
        text_add_literal(text, "\",\"timestamp\":\"");
        text_add_i64(text, time);
        text_add_literal(text, "\",\"call\":");
        json_write_string(&json, name, strlen(name));
        if (call->pid >= 0) {
                text_add_literal(text, ",\"pid\":");
                text_add_i64(text, call->pid);
        }
        text_add_literal(text, ",\"tid\":");
        text_add_i64(text, call->tid);
        if (cpu >= 0) {
                text_add_literal(text, ",\"cpu\":");
                text_add_i64(text, cpu);
        }
}

static void write_json_arguments(struct text *text, const struct call *call) {
        struct json_writer json = { .text = text };
        bool is_first = true;

        text_add_literal(text, ",\"names\":[");
        for (size_t i = 0; i < CALL_NAMES_MAX; i++) {
                if (!call->names[i])
                        continue;
                if (!is_first)
                        text_add_char(text, ',');
                is_first = false;
                json_write_string(&json, call->names[i], call->name_sizes[i]);
        }
        text_add_literal(text, "],\"arguments\":");
        text_add(text, call->arguments, call->n_arguments);
}

static void write_json_end(struct calls_writer *writer, struct text *text, const struct call *call, const char *name,
                           tracectl_reader_event *event, int64_t duration) {
        struct json_writer json = { .text = text };
        const char *error;
        int64_t result;

        write_json_head(writer, text, call, tracectl_reader_event_get_time(event), tracectl_reader_event_get_cpu(event),
                        name);
        if (call->is_open) {
                text_add_literal(text, ",\"duration\":");
                json_write_i64(&json, duration);
                write_json_arguments(text, call);
        }
        if (find_result(event, &result)) {
                text_add_literal(text, ",\"result\":");
                json_write_i64(&json, result);
                error = error_name(result);
                if (error) {
                        text_add_literal(text, ",\"error\":");
                        json_write_string(&json, error, strlen(error));
                }
        }
        text_add_literal(text, "}\n");
}

static struct descriptor_call describe(const struct call *call, int64_t result) {
        return (struct descriptor_call) {
                .pid = call->pid,
                .name = call->name,
                .arguments = &call->numbers,
                .pair = call->pair,
                .file = call->names[0],
                .file_size = call->name_sizes[0],
                .result = result,
        };
}

void calls_write_end(struct calls_writer *writer, struct text *text, const struct call *call, const char *name,
                     tracectl_reader_event *event) {
        int64_t time = tracectl_reader_event_get_time(event), result = 0, duration = 0;
        bool has_result;

        if (call->is_open && (__builtin_sub_overflow(time, call->begin, &duration) || duration < 0))
                duration = 0;
        if (writer->is_json) {
                write_json_end(writer, text, call, name, event, duration);
                return;
        }
        has_result = find_result(event, &result);
        view_add_place(&writer->format, text, time, call->pid, call->tid);
        text_add_escaped(text, name, strlen(name), 0);
        text_add_char(text, '(');
        if (call->is_open)
                write_arguments(text, call);
        else
                text_add_literal(text, "...");
        text_add_char(text, ')');
        write_result(text, name, has_result, result);
        if (call->is_open) {
                struct descriptor_call of = describe(call, has_result ? result : -1);

                descriptors_take(writer->descriptors, &of);
                if (writer->has_all)
                        descriptors_add_result(writer->descriptors, text, &of);
                text_add_literal(text, " <");
                view_add_duration(text, (uint64_t) duration);
                text_add_char(text, '>');
        }
        text_add_char(text, '\n');
}

void calls_write_unfinished(struct calls_writer *writer, struct text *text, const struct call *call) {
        struct descriptor_call of;

        if (writer->is_json) {
                write_json_head(writer, text, call, call->begin, call->cpu, call->name);
                write_json_arguments(text, call);
                if (!call_never_returns(call->name))
                        text_add_literal(text, ",\"unfinished\":true");
                text_add_literal(text, "}\n");
                return;
        }
        view_add_place(&writer->format, text, call->begin, call->pid, call->tid);
        text_add_escaped(text, call->name, strlen(call->name), 0);
        text_add_char(text, '(');
        write_arguments(text, call);
        text_add_literal(text, ") = ?");
        if (!call_never_returns(call->name))
                text_add_literal(text, " <unfinished>");
        text_add_char(text, '\n');
        of = describe(call, -1);
        descriptors_take(writer->descriptors, &of);
}
