/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A call is written when it returns, with that moment, so that lines stay in
 * order and only what has not returned is kept. Names of files come as events
 * of their own (syscall-strings.h), before the end of their call, or before the
 * begin of one that replaces the program.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/tracectl/calls-write.h"
#include "client/tracectl/calls.h"
#include "client/tracectl/output-calls.h"
#include "client/tracectl/view-event.h"
#include "client/tracectl/view-select.h"

#define ENTRY "syscall_entry_"
#define EXIT "syscall_exit_"
#define NAME "tracectl" /* and more: syscall-strings.h */

struct output_calls {
        struct calls_writer writer;
        struct view_chooser chooser; /* for lines of calls that did not return, which come with another's event */
        void *json;                  /* of other events */
        bool has_chosen;             /* by name: not all calls come */
        const tracectl_reader *reader; /* NULL: there is one after another */
        uint64_t lost;
        struct calls calls;
};

static void output_free(void *state) {
        struct output_calls *output = state;

        if (!output)
                return;
        calls_done(&output->calls);
        calls_writer_done(&output->writer);
        view_chooser_done(&output->chooser);
        view_output_json.free(output->json);
        free(output);
}

static int begin(const struct view_output_options *options, bool is_json, struct text *text, void **ret) {
        struct output_calls *output = calloc(1, sizeof(*output));
        int r;

        if (!output)
                return -ENOMEM;
        *ret = output;
        output->has_chosen = options->select && options->select->n_globs > 0;
        output->reader = options->reader;
        r = calls_writer_init(&output->writer, options, is_json);
        if (r >= 0)
                r = view_chooser_init(&output->chooser, options->select);
        return r >= 0 && is_json ? view_output_json.begin(options, text, &output->json) : r;
}

static int begin_text(const struct view_output_options *options, struct text *text, void **ret) {
        return begin(options, false, text, ret);
}

static int begin_json(const struct view_output_options *options, struct text *text, void **ret) {
        return begin(options, true, text, ret);
}

static void add_unfinished(struct output_calls *output, struct text *text, const struct call *call) {
        view_chooser_line(&output->chooser, text);
        calls_write_unfinished(&output->writer, text, call);
        view_chooser_end(&output->chooser, text);
}

/* The thread's place, empty of what was another's. */
static struct call *find_call(struct output_calls *output, struct text *text, int32_t pid, int32_t tid) {
        struct call *call = calls_find(&output->calls, pid, tid);

        if (!call_is_of(call, pid, tid)) {
                if (call->is_open)
                        add_unfinished(output, text, call);
                call_take(call, pid, tid);
        }
        return call;
}

static int begin_call(struct output_calls *output, struct text *text, struct call *call, const char *name,
                      tracectl_reader_event *event) {
        int r;

        if (call->is_open) {
                add_unfinished(output, text, call);
                call_clear(call);
        }
        if (strncmp(name, "execve", 6) != 0)
                call_forget_names(call);
        call->is_open = true;
        snprintf(call->name, sizeof(call->name), "%s", name);
        call->begin = tracectl_reader_event_get_time(event);
        call->cpu = tracectl_reader_event_get_cpu(event);
        r = calls_keep_arguments(&output->writer, call, event);
        if (r >= 0 && call_never_returns(name)) {
                add_unfinished(output, text, call);
                call_clear(call);
        }
        return r;
}

static void end_call(struct output_calls *output, struct text *text, struct call *call, const char *name,
                     tracectl_reader_event *event) {
        if (call->is_open && strncmp(call->name, name, sizeof(call->name) - 1) != 0) {
                add_unfinished(output, text, call);
                call_clear(call);
        }
        view_chooser_line(&output->chooser, text);
        calls_write_end(&output->writer, text, call, name, event);
        view_chooser_end(&output->chooser, text);
        call_clear(call);
}

/* What the programs that follow the calls say by an event: behind their name. False: it is somebody else's. */
static bool find_print(tracectl_reader_event *event, const char **ret, size_t *ret_size) {
        size_t n = strlen(NAME);
        const tracectl_field *field;
        bool is_ours;

        if (strcmp(tracectl_reader_event_get_name(event), "bpf_trace_printk") != 0)
                return false;
        tracectl_reader_event_rewind(event, TRACECTL_SCOPE_FIELDS);
        field = tracectl_reader_event_next_field(event);
        while (field && field->type != TRACECTL_FIELD_STRING)
                field = tracectl_reader_event_next_field(event);
        is_ours = field && field->string.size >= n && memcmp(field->string.data, NAME, n) == 0;
        if (is_ours) {
                *ret = field->string.data + n;
                *ret_size = strnlen(*ret, field->string.size - n);
        }
        tracectl_reader_event_rewind(event, TRACECTL_SCOPE_FIELDS);
        return is_ours;
}

/* Whether it is the name of a file, and of which argument. */
static bool is_name(const char *print, size_t size, size_t *ret_i) {
        if (size < 2 || print[0] < '0' || print[0] >= '0' + CALL_NAMES_MAX || print[1] != ' ')
                return false;
        *ret_i = (size_t) (print[0] - '0');
        return true;
}

/* Whether it is two numbers behind that: + a thread that begins, and its process; = two descriptors that are made. */
static bool are_numbers(const char *print, size_t size, char before, int32_t ret[static 2]) {
        char copy[sizeof("+2147483647 2147483647")];
        int n = 0;

        if (size == 0 || size >= sizeof(copy) || print[0] != before)
                return false;
        memcpy(copy, print, size);
        copy[size] = '\0';
        return sscanf(copy + 1, "%d %d%n", &ret[0], &ret[1], &n) == 2 && n == (int) size - 1;
}

/* Of the thread's call. Whether it was anything of that. */
static int take_print(struct output_calls *output, struct text *text, int32_t pid, int32_t tid, const char *print,
                      size_t size, bool *ret_taken) {
        int32_t numbers[2];
        size_t i;

        *ret_taken = true;
        /* Who follows calls at all, records all of them. */
        output->writer.has_all = !output->has_chosen;
        if (is_name(print, size, &i))
                return call_set_name(find_call(output, text, pid, tid), i, print + 2, size - 2);
        if (are_numbers(print, size, '+', numbers))
                descriptors_fork(output->writer.descriptors, pid, numbers[1]);
        else if (are_numbers(print, size, '=', numbers))
                memcpy(find_call(output, text, pid, tid)->pair, numbers, sizeof(numbers));
        else
                *ret_taken = false;
        return 0;
}

/* Where some were lost, nothing is certain any more of what they may have changed. */
static void look_for_losses(struct output_calls *output) {
        uint64_t lost = output->reader ? tracectl_reader_get_discarded(output->reader) +
                                                 tracectl_reader_get_packets_lost(output->reader)
                                       : 0;

        if (lost != output->lost)
                descriptors_forget(output->writer.descriptors);
        output->lost = lost;
}

static int add_event(void *state, struct text *text, tracectl_reader_event *event) {
        const char *name = tracectl_reader_event_get_name(event), *print;
        bool is_entry = strncmp(name, ENTRY, strlen(ENTRY)) == 0, is_exit = strncmp(name, EXIT, strlen(EXIT)) == 0;
        struct output_calls *output = state;
        bool is_taken = false;
        int32_t pid, tid;
        size_t size;
        int r;
        bool has_thread = calls_find_thread(event, &pid, &tid);

        look_for_losses(output);
        if (has_thread && is_entry)
                return begin_call(output, text, find_call(output, text, pid, tid), name + strlen(ENTRY), event);
        if (has_thread && is_exit) {
                end_call(output, text, find_call(output, text, pid, tid), name + strlen(EXIT), event);
                return 0;
        }
        if (has_thread && find_print(event, &print, &size)) {
                r = take_print(output, text, pid, tid, print, size, &is_taken);
                if (r < 0 || is_taken)
                        return r;
        }
        if (output->json)
                return view_output_json.event(output->json, text, event);
        view_chooser_line(&output->chooser, text);
        view_add_event(&output->writer.format, text, event);
        view_chooser_end(&output->chooser, text);
        return 0;
}

/* Calls that are open have their own of everything; what is remembered of kinds of events is the reader's. */
static int go_on(void *state, struct text *text, bool has_lost) {
        const struct view_output_options options = { .path = "" };
        struct output_calls *output = state;

        if (has_lost)
                descriptors_forget(output->writer.descriptors);
        view_format_forget(&output->writer.format);
        if (!output->json)
                return 0;
        view_output_json.free(output->json);
        output->json = NULL;
        return view_output_json.begin(&options, text, &output->json);
}

static int end(void *state, struct text *text) {
        struct output_calls *output = state;

        for (size_t i = 0; i < CALLS_MAX; i++)
                if (output->calls.items[i].is_open)
                        add_unfinished(output, text, &output->calls.items[i]);
        return 0;
}

const struct view_output view_output_calls_text = {
        .name = "text",
        .is_text = true,
        .begin = begin_text,
        .event = add_event,
        .go_on = go_on,
        .end = end,
        .free = output_free,
};

const struct view_output view_output_calls_json = {
        .name = "json",
        .begin = begin_json,
        .event = add_event,
        .go_on = go_on,
        .end = end,
        .free = output_free,
};

const struct view_output *view_output_calls(const struct view_output *output) {
        return output == &view_output_text ? &view_output_calls_text :
                output == &view_output_json ? &view_output_calls_json : NULL;
}
