/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/tracectl/view-filter.h"
#include "common/cleanup.h"
#include "protocol/context.h"
#include "protocol/filter-internal.h"

/* What the filter has become for a kind of event, as long as its fields have these types. */
struct bound {
        uint8_t types[VIEW_FILTER_FIELDS_MAX]; /* enum definition_type; 0: there is no such field */
        uint8_t places[APP_CONTEXTS_MAX];      /* among the names, of the code's contexts of applications */
        struct filter_code *code;              /* NULL: none of them can pass */
};

struct view_filter {
        struct filter_input input; /* must stay first: the callbacks are given it */
        const struct filter_program *program;
        struct filter_program *programs[1];
        unsigned n_names;
        bool has_applications; /* among them */
        const char *names[VIEW_FILTER_FIELDS_MAX]; /* of fields, and of contexts of applications as "app:PROVIDER:NAME" */
        size_t n_kinds;
        struct bound **kinds;
        void *buffer; /* FILTER_CODE_SIZE_MAX */

        /* of the event */
        uint8_t types[VIEW_FILTER_FIELDS_MAX];
        uint64_t numbers[VIEW_FILTER_FIELDS_MAX];
        const char *strings[VIEW_FILTER_FIELDS_MAX];
        uint32_t lengths[VIEW_FILTER_FIELDS_MAX];
        uint32_t found_contexts; /* as much as contexts has of those that are asked for */
        char contexts[CONTEXTS_SIZE_MAX];
        const struct bound *bound;
        char application[APP_CONTEXTS_MAX][APP_CONTEXT_VALUE_MAX];
        unsigned n_pieces;
        struct filter_piece pieces[2 * VIEW_FILTER_FIELDS_MAX];
};

DEFINE_CLEANUP(struct view_filter *, view_filter_free)

static bool get_piece(const struct filter_input *input, unsigned number, struct filter_piece *ret) {
        const struct view_filter *filter = (const struct view_filter *) input;

        if (number >= filter->n_pieces)
                return false;
        *ret = filter->pieces[number];
        return true;
}

static const char *get_contexts(struct filter_input *input, uint32_t contexts) {
        return ((struct view_filter *) input)->contexts;
}

static bool is_application(const char *name) {
        return strncmp(name, "app:", strlen("app:")) == 0;
}

static const char *get_application(struct filter_input *input, unsigned number, unsigned type) {
        struct view_filter *filter = (struct view_filter *) input;
        unsigned i = filter->bound->places[number];
        char *value = filter->application[number];
        uint32_t n;

        if (filter->types[i] != type)
                return NULL;
        if (type != DEFINITION_STRING)
                return (const char *) &filter->numbers[i];
        n = filter->lengths[i] < APP_CONTEXT_VALUE_MAX - 1 ? filter->lengths[i] : APP_CONTEXT_VALUE_MAX - 1;
        *(char *) mempcpy(value, filter->strings[i], n) = '\0';
        return value;
}

static int add_name(struct view_filter *filter, const char *name) {
        for (unsigned i = 0; i < filter->n_names; i++)
                if (strcmp(filter->names[i], name) == 0)
                        return 0;
        if (filter->n_names == VIEW_FILTER_FIELDS_MAX)
                return -E2BIG;
        filter->names[filter->n_names++] = name;
        filter->has_applications |= is_application(name);
        return 0;
}

int view_filter_new(struct filter_program *program, struct view_filter **ret) {
        _cleanup_(view_filter_freep) struct view_filter *filter = calloc(1, sizeof(*filter));

        if (!filter)
                return -ENOMEM;
        filter->buffer = malloc(FILTER_CODE_SIZE_MAX);
        if (!filter->buffer)
                return -ENOMEM;
        filter->input.piece = get_piece;
        filter->input.contexts = get_contexts;
        filter->input.application = get_application;
        filter->program = filter->programs[0] = program;
        for (unsigned i = 0; i < program->n_nodes; i++)
                if (program->nodes[i].op == FILTER_FIELD || program->nodes[i].op == FILTER_APPLICATION) {
                        int r = add_name(filter, program->strings + program->nodes[i].string);

                        if (r < 0)
                                return r;
                }
        *ret = TAKE_PTR(filter);
        return 0;
}

void view_filter_free(struct view_filter *filter) {
        if (!filter)
                return;
        for (size_t i = 0; i < filter->n_kinds; i++)
                if (filter->kinds[i]) {
                        free(filter->kinds[i]->code);
                        free(filter->kinds[i]);
                }
        free(filter->kinds);
        free(filter->buffer);
        free(filter);
}

/* A field as one of a definition has it; of what is no value, its type alone. */
static void take_field(struct view_filter *filter, unsigned i, const tracectl_field *field) {
        filter->numbers[i] = field->u;
        switch (field->type) {
        case TRACECTL_FIELD_UNSIGNED:
                filter->types[i] = DEFINITION_U64;
                break;
        case TRACECTL_FIELD_SIGNED:
                filter->types[i] = DEFINITION_I64;
                break;
        case TRACECTL_FIELD_DOUBLE:
                filter->types[i] = DEFINITION_F64;
                break;
        case TRACECTL_FIELD_STRING:
                filter->types[i] = DEFINITION_TEXT;
                filter->strings[i] = field->string.data;
                filter->lengths[i] = field->string.size < UINT32_MAX ? (uint32_t) field->string.size : UINT32_MAX;
                break;
        default:
                filter->types[i] = DEFINITION_ARRAY_U8;
                filter->strings[i] = "";
                filter->lengths[i] = 0;
        }
}

/* "app_PROVIDER_NAME" is what readers call it. */
static bool is_called(const char *name, const char *found, size_t size) {
        if (strlen(name) != size)
                return false;
        for (size_t i = 0; i < size; i++)
                if (found[i] != (name[i] == ':' ? '_' : name[i]))
                        return false;
        return true;
}

static void take_applications(struct view_filter *filter, tracectl_reader_event *event) {
        const tracectl_field *field;

        tracectl_reader_event_rewind(event, TRACECTL_SCOPE_CONTEXT);
        while ((field = tracectl_reader_event_next_field(event)))
                for (unsigned i = 0; i < filter->n_names; i++)
                        if (is_application(filter->names[i]) && field->name &&
                            is_called(filter->names[i], field->name, field->name_size)) {
                                take_field(filter, i, field);
                                if (filter->types[i] == DEFINITION_TEXT)
                                        filter->types[i] = DEFINITION_STRING;
                        }
}

static void take_fields(struct view_filter *filter, tracectl_reader_event *event) {
        const tracectl_field *field;
        unsigned depth = 0;

        memset(filter->types, 0, sizeof(filter->types));
        if (filter->has_applications)
                take_applications(filter, event);
        tracectl_reader_event_rewind(event, TRACECTL_SCOPE_FIELDS);
        while ((field = tracectl_reader_event_next_field(event))) {
                if (field->type == TRACECTL_FIELD_CLOSE) {
                        depth--;
                        continue;
                }
                for (unsigned i = 0; depth == 0 && i < filter->n_names; i++)
                        if (strlen(filter->names[i]) == field->name_size &&
                            memcmp(filter->names[i], field->name, field->name_size) == 0)
                                take_field(filter, i, field);
                depth += field->type == TRACECTL_FIELD_STRUCT || field->type == TRACECTL_FIELD_ARRAY;
        }
}

/* Of a sequence two pieces, the count and the elements. */
static void make_pieces(struct view_filter *filter) {
        filter->n_pieces = 0;
        for (unsigned i = 0; i < filter->n_names; i++) {
                struct filter_piece *piece = &filter->pieces[filter->n_pieces];

                if (filter->types[i] == 0 || is_application(filter->names[i]))
                        continue;
                if (definition_type_is_sequence(filter->types[i])) {
                        piece[0] = (struct filter_piece) { .data = (const char *) &filter->lengths[i], .size = 4 };
                        piece[1] = (struct filter_piece) { .data = filter->strings[i], .size = filter->lengths[i] };
                        filter->n_pieces += 2;
                } else {
                        piece[0] = (struct filter_piece) { .data = (const char *) &filter->numbers[i], .size = 8 };
                        filter->n_pieces++;
                }
        }
}

static unsigned context_type(const char *name, const void *userdata) {
        const struct view_filter *filter = userdata;

        for (unsigned i = 0; i < filter->n_names; i++)
                if (strcmp(filter->names[i], name) == 0)
                        return filter->types[i];
        return 0;
}

static void find_places(struct view_filter *filter, struct bound *bound) {
        const char *list = filter_code_app(bound->code), *name;
        size_t length;

        for (unsigned n = 0; (name = app_contexts_next(&list, &length)); n++)
                for (unsigned i = 0; i < filter->n_names; i++)
                        if (is_application(filter->names[i]) && strlen(filter->names[i]) == strlen("app:") + length &&
                            memcmp(filter->names[i] + strlen("app:"), name, length) == 0)
                                bound->places[n] = (uint8_t) i;
}

static int bind_kind(struct view_filter *filter, struct bound *bound) {
        struct definition definition = { .provider = "", .name = "" };
        const struct filter_application application = { context_type, filter };
        size_t size;
        int r;

        free(bound->code);
        bound->code = NULL;
        memcpy(bound->types, filter->types, sizeof(bound->types));
        for (unsigned i = 0; i < filter->n_names; i++)
                if (filter->types[i] != 0 && !is_application(filter->names[i]))
                        definition.fields[definition.n_fields++] = (struct definition_field) {
                                .type = filter->types[i],
                                .name = filter->names[i],
                        };
        /* Of no fixed size, so that each field has a piece of its own. */
        definition.fields[definition.n_fields++] = (struct definition_field) { .type = DEFINITION_STRING, .name = "" };
        r = filter_bind(filter->programs, 1, &definition, &application, filter->buffer, FILTER_CODE_SIZE_MAX, &size);
        if (r <= 0)
                return r;
        bound->code = malloc(size);
        if (!bound->code)
                return -ENOMEM;
        memcpy(bound->code, filter->buffer, size);
        find_places(filter, bound);
        return 0;
}

static int find_bound(struct view_filter *filter, unsigned kind, struct bound **ret) {
        bool is_new = false;
        int r = 0;

        if (kind >= filter->n_kinds) {
                size_t n = 2 * (size_t) kind + 16;
                struct bound **kinds = realloc(filter->kinds, n * sizeof(struct bound *));

                if (!kinds)
                        return -ENOMEM;
                memset(kinds + filter->n_kinds, 0, (n - filter->n_kinds) * sizeof(struct bound *));
                filter->kinds = kinds;
                filter->n_kinds = n;
        }
        if (!filter->kinds[kind]) {
                filter->kinds[kind] = calloc(1, sizeof(struct bound));
                is_new = true;
        }
        if (!filter->kinds[kind])
                return -ENOMEM;
        *ret = filter->kinds[kind];
        if (is_new || memcmp((*ret)->types, filter->types, sizeof(filter->types)) != 0)
                r = bind_kind(filter, *ret);
        return r;
}

static void put_context(struct view_filter *filter, uint32_t wanted, uint32_t context, const void *data, size_t size) {
        char *p = filter->contexts + contexts_fixed_size(wanted & (context - 1));
        size_t room = context == CONTEXT_CGROUP ? CONTEXT_CGROUP_MAX :
                      context == CONTEXT_PROCNAME ? CONTEXT_PROCNAME_SIZE :
                      context == CONTEXT_IP ? sizeof(uint64_t) : sizeof(uint32_t);

        memcpy(p, data, size < room ? size : room);
        filter->found_contexts |= context;
}

/* Makes the contexts that code wants as they would be in a record. False where the event lacks one. */
static bool take_contexts(struct view_filter *filter, tracectl_reader_event *event, uint32_t wanted) {
        const tracectl_field *field;
        int32_t pid, tid;

        filter->found_contexts = 0;
        memset(filter->contexts, 0, sizeof(filter->contexts));
        if (tracectl_reader_event_get_thread(event, &pid, &tid) > 0) {
                if (pid >= 0 && (wanted & CONTEXT_VPID))
                        put_context(filter, wanted, CONTEXT_VPID, &pid, sizeof(pid));
                if (wanted & CONTEXT_VTID)
                        put_context(filter, wanted, CONTEXT_VTID, &tid, sizeof(tid));
        }
        tracectl_reader_event_rewind(event, TRACECTL_SCOPE_CONTEXT);
        while ((field = tracectl_reader_event_next_field(event))) {
                uint32_t context = field->name ? context_from_name(field->name) & wanted : 0;
                bool is_text = context == CONTEXT_PROCNAME || context == CONTEXT_CGROUP;

                if (is_text && field->type == TRACECTL_FIELD_STRING)
                        put_context(filter, wanted, context, field->string.data, field->string.size);
                else if (context != 0 && !is_text && field->type <= TRACECTL_FIELD_SIGNED)
                        put_context(filter, wanted, context, &field->u, sizeof(field->u));
        }
        return (filter->found_contexts & wanted) == wanted;
}

int view_filter_run(struct view_filter *filter, tracectl_reader_event *event) {
        struct bound *bound;
        int r;

        take_fields(filter, event);
        r = find_bound(filter, tracectl_reader_event_get_kind(event), &bound);
        if (r < 0)
                return r;
        if (!bound->code)
                return 0;
        make_pieces(filter);
        filter->bound = bound;
        if (bound->code->contexts != 0 && !take_contexts(filter, event, bound->code->contexts))
                return 0;
        return filter_run(bound->code, &filter->input);
}
