/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "client/libtracectl-read/parser.h"
#include "client/libtracectl-read/uuid.h"

static int get_struct(struct parser *parser, const char *key, const struct value *value, const struct type **ret) {
        if (value->kind != VALUE_TYPE || value->type->kind != TYPE_STRUCT)
                return parser_fail(parser, "'%s' must be a struct, after ':='", key);
        *ret = value->type;
        return 0;
}

static int set_trace(struct parser *parser, void *object, const char *key, const struct value *value) {
        struct metadata *metadata = object;
        enum byte_order order;
        uint64_t n;
        int r;

        if (strcmp(key, "packet.header") == 0)
                return get_struct(parser, key, value, &metadata->packet_header);
        if (strcmp(key, "byte_order") == 0) {
                r = parse_byte_order(parser, value, &order);
                if (r >= 0 && order == BYTE_ORDER_NATIVE)
                        return parser_fail(parser, "the trace's 'byte_order' must be le or be");
                if (r >= 0)
                        metadata->is_big_endian = order == BYTE_ORDER_BIG;
                return r;
        }
        if (strcmp(key, "uuid") == 0) {
                if (value->kind != VALUE_STRING || uuid_parse(value->text, metadata->uuid) < 0)
                        return parser_fail(parser, "'uuid' must be a UUID in quotes");
                metadata->has_uuid = true;
                return 0;
        }
        if (strcmp(key, "major") == 0 || strcmp(key, "minor") == 0) {
                r = value_get_number(parser, key, value, &n);
                if (r >= 0 && n != (strcmp(key, "major") == 0 ? 1 : 8))
                        return parser_fail(parser, "the trace is not of CTF 1.8, the version that tracectl reads");
                return r;
        }
        return 0;
}

static int set_env(struct parser *parser, void *object, const char *key, const struct value *value) {
        struct metadata *metadata = object;

        if (strcmp(key, "domain") == 0)
                metadata->is_kernel = value->kind == VALUE_STRING && strcmp(value->text, "kernel") == 0;
        else if (strcmp(key, "machine") == 0)
                metadata->machine = value->kind == VALUE_STRING ? value->text : NULL;
        else if (strcmp(key, "tracectl_version") == 0)
                metadata->hides_state = true;
        return 0;
}

static int ignore(struct parser *parser, void *object, const char *key, const struct value *value) {
        return 0;
}

static int set_clock(struct parser *parser, void *object, const char *key, const struct value *value) {
        struct clock *clock = object;

        if (strcmp(key, "name") == 0)
                return value_get_text(parser, key, value, &clock->name);
        if (strcmp(key, "freq") == 0)
                return value_get_number(parser, key, value, &clock->frequency);
        if (strcmp(key, "offset") == 0)
                return value_get_number(parser, key, value, &clock->offset_ticks);
        if (strcmp(key, "precision") == 0)
                return value_get_number(parser, key, value, &clock->precision);
        if (strcmp(key, "offset_s") == 0) {
                if (value->kind != VALUE_NUMBER || value->number > INT64_MAX)
                        return parser_fail(parser, "'offset_s' must be a number of seconds");
                clock->offset_seconds = value->is_negative ? -(int64_t) value->number : (int64_t) value->number;
        }
        return 0;
}

static int parse_clock(struct parser *parser) {
        struct clock *clock = arena_alloc(&parser->metadata->arena, sizeof(*clock));
        int r;

        if (!clock)
                return parser_oom(parser);
        clock->frequency = UINT64_C(1000000000);
        r = parse_block(parser, set_clock, clock);
        if (r < 0)
                return r;
        if (!clock->name)
                return parser_fail(parser, "the clock before has no 'name'");
        if (clock_finish(clock) < 0)
                return parser_fail(parser, "the clock '%s' has a frequency or an offset that makes no sense",
                                   clock->name);
        clock->next = parser->metadata->clocks;
        parser->metadata->clocks = clock;
        return 0;
}

static int set_stream(struct parser *parser, void *object, const char *key, const struct value *value) {
        struct stream_class *stream = object;

        if (strcmp(key, "id") == 0) {
                stream->has_id = true;
                return value_get_number(parser, key, value, &stream->id);
        }
        if (strcmp(key, "event.header") == 0)
                return get_struct(parser, key, value, &stream->event_header);
        if (strcmp(key, "event.context") == 0)
                return get_struct(parser, key, value, &stream->event_context);
        if (strcmp(key, "packet.context") == 0)
                return get_struct(parser, key, value, &stream->packet_context);
        return 0;
}

static int parse_stream(struct parser *parser) {
        struct stream_class *stream = arena_alloc(&parser->metadata->arena, sizeof(*stream));
        int r;

        if (!stream)
                return parser_oom(parser);
        r = parse_block(parser, set_stream, stream);
        if (r < 0)
                return r;
        if (metadata_find_stream(parser->metadata, stream->id))
                return parser_fail(parser, "there are two streams with id %llu", (unsigned long long) stream->id);
        stream->next = parser->metadata->streams;
        parser->metadata->streams = stream;
        return 0;
}

static int set_event(struct parser *parser, void *object, const char *key, const struct value *value) {
        struct event_class *event = object;

        if (strcmp(key, "id") == 0)
                return value_get_number(parser, key, value, &event->id);
        if (strcmp(key, "stream_id") == 0)
                return value_get_number(parser, key, value, &event->stream_id);
        if (strcmp(key, "name") == 0)
                return value_get_text(parser, key, value, &event->name);
        if (strcmp(key, "context") == 0)
                return get_struct(parser, key, value, &event->context);
        if (strcmp(key, "fields") == 0)
                return get_struct(parser, key, value, &event->fields);
        if (strcmp(key, "loglevel") == 0 && value->kind == VALUE_NUMBER && value->number <= INT32_MAX)
                event->loglevel = value->is_negative ? -1 : (int) value->number;
        return 0;
}

static int parse_event(struct parser *parser) {
        struct event_class *event = arena_alloc(&parser->metadata->arena, sizeof(*event));
        int r;

        if (!event)
                return parser_oom(parser);
        event->name = "";
        event->loglevel = -1;
        r = parse_block(parser, set_event, event);
        if (r < 0)
                return r;
        event->is_thread = strcmp(event->name, "tracectl:thread") == 0;
        event->is_state = strncmp(event->name, "lttng_statedump_", strlen("lttng_statedump_")) == 0;
        event->machine = parser->metadata->machine;
        event->news = thread_news_from_name(event->name);
        event->next = parser->metadata->events;
        parser->metadata->events = event;
        return 0;
}

static int parse_top_level(struct parser *parser) {
        bool is_trace = parser_at_word(parser, "trace"), is_env = parser_at_word(parser, "env");
        int (*parse)(struct parser *parser) = NULL;
        int r;

        r = parse_declaration(parser);
        if (r != 0)
                return r;
        if (parser_at_word(parser, "clock"))
                parse = parse_clock;
        else if (parser_at_word(parser, "stream"))
                parse = parse_stream;
        else if (parser_at_word(parser, "event"))
                parse = parse_event;
        else if (!is_trace && !is_env && !parser_at_word(parser, "callsite"))
                return parser_unexpected(parser, "trace, env, clock, stream, event or a type");
        parser_next(parser);
        r = parse ? parse(parser) : parse_block(parser, is_trace ? set_trace : is_env ? set_env : ignore,
                                                           parser->metadata);
        if (r >= 0)
                r = parser_expect_sign(parser, ';');
        parser->has_trace |= is_trace && r >= 0;
        return r;
}

/*
 * Whether what was refused is so because the text goes no further: the consumer appends a declaration at once, but a
 * reader may see it in parts, as it may after a power cut.
 */
static bool is_cut(const struct parser *parser) {
        const struct token *token = &parser->token;
        size_t rest = (size_t) (parser->lexer.text + parser->lexer.size - token->text);
        struct lexer ahead = parser->lexer;
        struct token next;

        if (token->type == TOKEN_BROKEN && *token->text == '"')
                return !memchr(token->text, '\n', rest); /* no end of the string */
        if (token->type == TOKEN_BROKEN)
                return *token->text == '0' && rest == strlen("0x");
        if (parser_at_sign(parser, '.'))
                return rest < strlen("...");
        lexer_next(&ahead, &next);
        return next.type == TOKEN_END && !parser_at_sign(parser, ';');
}

int parse_metadata(struct parser *parser) {
        struct scope scope = {};
        int r = 0;

        parser->scope = &scope;
        parser_next(parser);
        while (r >= 0 && parser->token.type != TOKEN_END)
                r = parser_take_sign(parser, ';') ? 0 : parse_top_level(parser);
        parser->scope = NULL;
        /* Whoever declares a stream or an event is taken only whole. */
        if (r == -EBADMSG && parser->has_trace && is_cut(parser)) {
                parser->metadata->is_cut = true;
                *parser->problem = (struct problem) {};
                r = 0;
        }
        return r < 0 ? r : 0;
}
