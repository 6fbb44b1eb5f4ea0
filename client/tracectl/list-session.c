/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/tracectl/format.h"
#include "client/tracectl/list.h"
#include "client/tracectl/session-argument.h"
#include "client/tracectl/table.h"
#include "client/tracectl/text.h"
#include "common/cleanup.h"

struct session_view {
        tracectl_value *info, *channels, *events;
};

static void session_view_done(struct session_view *view) {
        tracectl_value_free(view->info);
        tracectl_value_free(view->channels);
        tracectl_value_free(view->events);
}

static const char *text_of(const tracectl_value *value, const char *key) {
        return tracectl_value_get_string(tracectl_value_lookup(value, key));
}

static uint64_t number_of(const tracectl_value *value, const char *key) {
        return tracectl_value_get_number(tracectl_value_lookup(value, key));
}

static const char *state_of(const tracectl_value *value) {
        return tracectl_value_get_boolean(tracectl_value_lookup(value, "enabled")) ? "enabled" : "disabled";
}

/* A line of text that is not ours; nothing where there is none. */
static int print_text(const char *label, const char *text) {
        _cleanup_free_ char *shown = text_escaped_copy(text);

        if (!shown)
                return -ENOMEM;
        if (*text)
                printf("  %-10s %s\n", label, shown);
        return 0;
}

static void print_numbers(const tracectl_value *info) {
        printf("  %-10s ", "Recorded:");
        format_count(stdout, number_of(info, "events_recorded"), "event", "events");
        fputs(", ", stdout);
        format_number(stdout, number_of(info, "events_discarded"));
        fputs(" lost, ", stdout);
        format_bytes(stdout, number_of(info, "bytes"));
        putchar('\n');
}

/* What the session does with its chunks by itself. */
static void print_chunks(const tracectl_value *info) {
        uint64_t size = number_of(info, "rotate_size"), every = number_of(info, "rotate_every");
        uint64_t most = number_of(info, "max_size"), removed = number_of(info, "chunks_removed");

        if (size == 0 && every == 0)
                return;
        printf("  %-10s ", "Chunks:");
        if (size > 0) {
                fputs("of ", stdout);
                format_bytes(stdout, size);
        }
        if (every > 0)
                printf("%severy %.10g s", size > 0 ? " or " : "", (double) every / 1e6);
        if (most > 0) {
                fputs(", ", stdout);
                format_bytes(stdout, most);
                fputs(" at most", stdout);
        }
        if (removed > 0)
                printf("; removed up to chunk-%" PRIu64, removed);
        putchar('\n');
}

static int print_info(const struct list *list, const tracectl_value *info) {
        _cleanup_free_ char *user = NULL, *consumer = NULL;
        uint64_t restarts = number_of(info, "consumer_restarts");
        int r;

        r = command_user_name(&list->command, (uid_t) number_of(info, "owner"), &user);
        if (r < 0)
                return r;
        if (asprintf(&consumer, "%s, restarted %" PRIu64 " time%s", text_of(info, "consumer_unit"), restarts,
                     restarts == 1 ? "" : "s") < 0) {
                consumer = NULL;
                return -ENOMEM;
        }
        printf("Session %s\n", list->command.session_name);
        r = print_text("State:", text_of(info, "state"));
        if (r >= 0)
                r = print_text("Reason:", text_of(info, "reason"));
        if (r >= 0)
                r = print_text("Mode:", text_of(info, "mode"));
        if (r >= 0)
                r = print_text("User:", user);
        if (r >= 0)
                r = print_text("Output:", text_of(info, "output"));
        if (r >= 0)
                r = print_text("Failing:", text_of(info, "output_error"));
        if (r >= 0)
                print_chunks(info);
        if (r >= 0)
                r = print_text("Origin:", text_of(info, "origin"));
        if (r >= 0)
                r = print_text("Consumer:", restarts > 0 ? consumer : text_of(info, "consumer_unit"));
        if (r >= 0)
                print_numbers(info);
        return r;
}

static int write_words(const tracectl_value *words, char **ret) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *f;

        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;
        for (size_t i = 0; i < tracectl_value_get_size(words); i++)
                fprintf(f, "%s%s", i > 0 ? " " : "", tracectl_value_get_string(tracectl_value_get_item(words, i)));
        if (fclose(f) != 0)
                return -ENOMEM;
        *ret = TAKE_PTR(text);
        return 0;
}

static int add_channel(struct table *table, const tracectl_value *channel) {
        _cleanup_free_ char *contexts = NULL;
        int r;

        r = write_words(tracectl_value_lookup(channel, "contexts"), &contexts);
        if (r < 0)
                return r;
        table_add(table, text_of(channel, "name"));
        table_add(table, text_of(channel, "mode"));
        table_add_number(table, number_of(channel, "sub_buffer_count"));
        table_add_number(table, number_of(channel, "sub_buffer_size"));
        table_add(table, state_of(channel));
        table_add(table, contexts);
        return 0;
}

static int print_channels(const struct list *list, const tracectl_value *channels) {
        static const char *const headers[] = { "CHANNEL", "MODE", "SUBBUFS", "BYTES EACH", "STATE", "CONTEXTS", NULL };
        _cleanup_(table_done) struct table table = {
                .headers = headers, .indent = "  ", .with_legend = !list->command.without_legend,
        };
        int r = 0;

        for (size_t i = 0; i < tracectl_value_get_size(channels) && r >= 0; i++)
                r = add_channel(&table, tracectl_value_get_item(channels, i));
        if (r < 0 || table.n == 0)
                return r;
        putchar('\n');
        return table_print(&table);
}

static void write_target(FILE *f, const tracectl_value *target) {
        static const char *const keys[] = { "uid", "pid", "children", "executable", "unit" };

        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                const tracectl_value *value = tracectl_value_lookup(target, keys[i]);

                if (!value)
                        continue;
                fprintf(f, " %s", keys[i]);
                if (tracectl_value_get_type(value) == TRACECTL_NUMBER)
                        fprintf(f, "=%" PRIu64, tracectl_value_get_number(value));
                else if (tracectl_value_get_type(value) == TRACECTL_STRING)
                        fprintf(f, "=%s", tracectl_value_get_string(value));
        }
}

/* What a rule leaves out and whom it reaches, as it stands in a profile; "" for nothing. */
static int write_selection(const tracectl_value *event, char **ret) {
        const tracectl_value *exclude = tracectl_value_lookup(event, "exclude");
        const char *level = text_of(event, "log_level"), *only = text_of(event, "log_level_only");
        const char *filter = text_of(event, "filter");
        char *text;
        size_t size;
        FILE *f;

        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;
        if (*level)
                fprintf(f, " loglevel>=%s", level);
        if (*only)
                fprintf(f, " loglevel=%s", only);
        for (size_t i = 0; i < tracectl_value_get_size(exclude); i++)
                fprintf(f, " exclude=%s", tracectl_value_get_string(tracectl_value_get_item(exclude, i)));
        write_target(f, tracectl_value_lookup(event, "target"));
        if (*filter)
                fprintf(f, " filter=%s", filter);
        if (fclose(f) != 0)
                return -ENOMEM;
        /* Each part brings a space along, the first one too. */
        memmove(text, text + (*text == ' '), strlen(text) + (*text != ' '));
        *ret = text;
        return 0;
}

static bool has_selection(const tracectl_value *events) {
        for (size_t i = 0; i < tracectl_value_get_size(events); i++) {
                const tracectl_value *event = tracectl_value_get_item(events, i);

                if (*text_of(event, "filter") || *text_of(event, "log_level") || *text_of(event, "log_level_only") ||
                    tracectl_value_get_size(tracectl_value_lookup(event, "exclude")) > 0 ||
                    tracectl_value_get_size(tracectl_value_lookup(event, "target")) > 0)
                        return true;
        }
        return false;
}

static int add_selection(struct table *table, const tracectl_value *event) {
        _cleanup_free_ char *text = NULL;
        int r;

        r = write_selection(event, &text);
        if (r >= 0)
                table_add(table, text);
        return r;
}

static int print_events(const struct list *list, const tracectl_value *events) {
        static const char *const short_headers[] = { "EVENTS", "CHANNEL", "STATE", NULL };
        static const char *const headers[] = { "EVENTS", "CHANNEL", "STATE", "ONLY", NULL };
        bool is_long = has_selection(events);
        _cleanup_(table_done) struct table table = {
                .headers = is_long ? headers : short_headers, .indent = "  ", .with_legend = !list->command.without_legend,
        };
        int r = 0;

        for (size_t i = 0; i < tracectl_value_get_size(events) && r >= 0; i++) {
                const tracectl_value *event = tracectl_value_get_item(events, i);

                table_add(&table, text_of(event, "pattern"));
                table_add(&table, text_of(event, "channel"));
                table_add(&table, state_of(event));
                if (is_long)
                        r = add_selection(&table, event);
        }
        if (r < 0 || table.error < 0 || table.n == 0)
                return r < 0 ? r : table.error;
        putchar('\n');
        return table_print(&table);
}

static int print_json(const struct list *list, const struct session_view *view) {
        json_t *json = json_from_value(view->info);
        int r = json ? 0 : -1;

        if (r >= 0)
                r = json_object_set_new(json, "channels", json_from_value(view->channels));
        if (r >= 0)
                r = json_object_set_new(json, "events", json_from_value(view->events));
        if (r < 0) {
                json_decref(json);
                return command_out_of_memory();
        }
        return json_print(list->command.json, json);
}

int list_session(struct list *list, const char *session) {
        _cleanup_(session_view_done) struct session_view view = {};
        int status, r;

        status = command_open_session(&list->command, session);
        if (status != 0)
                return status;
        r = tracectl_session_get_info(list->command.session, &view.info);
        if (r >= 0)
                r = tracectl_session_get_channels(list->command.session, &view.channels);
        if (r >= 0)
                r = tracectl_session_get_events(list->command.session, &view.events);
        if (r < 0)
                return command_fail(&list->command, "look at the session", r);
        if (command_wants_json(&list->command))
                return print_json(list, &view);
        r = print_info(list, view.info);
        if (r >= 0)
                r = print_channels(list, view.channels);
        if (r >= 0)
                r = print_events(list, view.events);
        return r < 0 ? command_out_of_memory() : EXIT_SUCCESS;
}
