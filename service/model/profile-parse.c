/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <ini.h>
#include <limits.h>
#include <string.h>

#include "common/parse.h"
#include "protocol/context.h"
#include "service/model/profile.h"
#include "service/model/text.h"

/*
 * libinih reads the assignments. What it does not tell its caller is seen to
 * here, where it asks for the next line: numbers of lines, sections without
 * assignments, names that are longer than its buffers.
 */

struct parser {
        struct profile *profile;
        const char *source, *next;
        unsigned line;
        bool in_session, ignored;         /* the section */
        char name[MODEL_NAME_MAX + 1];   /* the section's channel, or "" */
        struct profile_channel *channel; /* it, once its domain is known; or NULL */
        struct failure *failure;
        int result;
};

static void refuse(struct parser *p, const char *what) {
        if (p->result >= 0)
                p->result = fail(p->failure, FAILURE_INVALID_PROFILE, "%.200s, line %u: %s", p->source, p->line, what);
}

static void refuse_value(struct parser *p, const char *key, const char *value, const char *known) {
        char text[300];

        snprintf(text, sizeof(text), "%s=%.100s is not possible; it can be %s.", key, value, known);
        refuse(p, text);
}

static void out_of_memory(struct parser *p) {
        if (p->result >= 0)
                p->result = fail_memory(p->failure);
}

static bool parse_boolean(const char *s, bool *ret) {
        static const char *const words[] = { "no", "yes", "false", "true", "off", "on", "0", "1" };

        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (strcmp(s, words[i]) == 0) {
                        *ret = i % 2;
                        return true;
                }
        return false;
}

static void set_boolean(struct parser *p, const char *key, const char *value, bool otherwise, bool *ret) {
        if (*value == '\0')
                *ret = otherwise;
        else if (!parse_boolean(value, ret))
                refuse_value(p, key, value, "yes or no");
}

static void set_directory(struct parser *p, const char *value) {
        struct session_output output;
        struct failure failure;

        free(p->profile->directory);
        p->profile->directory = NULL;
        if (*value == '\0')
                return;
        if (session_output_directory(&output, value, &failure) < 0) {
                refuse(p, failure.text);
                return;
        }
        session_output_done(&output);
        p->profile->directory = strdup(value);
        if (!p->profile->directory)
                out_of_memory(p);
}

static void set_bound(struct parser *p, const char *key, const char *value, int (*parse)(const char *s, uint64_t *ret),
                      const char *known, uint64_t *ret) {
        *ret = 0;
        if (*value && (parse(value, ret) < 0 || *ret == 0))
                refuse_value(p, key, value, known);
}

static bool set_space(struct parser *p, const char *key, const char *value) {
        struct space_config *c = &p->profile->space;

        if (strcmp(key, "RotateSize") == 0)
                set_bound(p, key, value, parse_size, "a number of bytes such as 64M", &c->rotate_size);
        else if (strcmp(key, "RotateEvery") == 0)
                set_bound(p, key, value, parse_timespan, "a time such as 90s, 10m or 1h", &c->rotate_usec);
        else if (strcmp(key, "MaxSize") == 0)
                set_bound(p, key, value, parse_size, "a number of bytes such as 512M", &c->max_size);
        else
                return false;
        return true;
}

static void set_rings(struct parser *p, const char *key, const char *value) {
        p->profile->has_rings = strcmp(value, "files") == 0;
        if (*value && !p->profile->has_rings && strcmp(value, "memory") != 0)
                refuse_value(p, key, value, "memory or files");
}

static void set_sync(struct parser *p, const char *key, const char *value) {
        uint64_t usec = 0;

        if (*value && (parse_timespan(value, &usec) < 0 || usec / 1000 > CONSUMER_SYNC_MSEC_MAX))
                refuse_value(p, key, value, "a span of time such as 5s or 500ms, up to 24h");
        else
                p->profile->sync_msec = (uint32_t) (usec / 1000);
}

static bool set_session(struct parser *p, const char *key, const char *value) {
        if (strcmp(key, "Name") == 0) {
                if (*value && !name_is_valid(value))
                        refuse_value(p, key, value, "1 to 64 letters, digits, '_', '.' and '-', the first no '.' or "
                                                    "'-'");
                else
                        strcpy(p->profile->session, value);
        } else if (strcmp(key, "Mode") == 0) {
                if (session_mode_from_string(*value ? value : "record", &p->profile->mode) < 0)
                        refuse_value(p, key, value, "record or flight-recorder");
        } else if (strcmp(key, "Directory") == 0)
                set_directory(p, value);
        else if (strcmp(key, "Rings") == 0)
                set_rings(p, key, value);
        else if (strcmp(key, "SyncSec") == 0)
                set_sync(p, key, value);
        else if (strcmp(key, "Start") == 0)
                set_boolean(p, key, value, false, &p->profile->start);
        else
                return set_space(p, key, value);
        return true;
}

static void set_size(struct parser *p, const char *key, const char *value) {
        uint64_t n = 0;

        if (*value && (parse_size(value, &n) < 0 || n == 0))
                refuse_value(p, key, value, "a number of bytes such as 512K");
        else
                p->channel->subbuf_size = n;
}

static void set_count(struct parser *p, const char *key, const char *value) {
        uint64_t n = 0;

        if (*value && (parse_u64(value, &n) < 0 || n == 0 || n > UINT32_MAX))
                refuse_value(p, key, value, "a number");
        else
                p->channel->n_subbufs = (uint32_t) n;
}

static void set_mode(struct parser *p, const char *key, const char *value) {
        p->channel->mode = strcmp(value, "discard") == 0     ? channel_mode_to_string(false)
                           : strcmp(value, "overwrite") == 0 ? channel_mode_to_string(true)
                                                             : NULL;
        if (*value && !p->channel->mode)
                refuse_value(p, key, value, "discard or overwrite");
}

static void add_context(struct parser *p, const char *key, const char *value) {
        int r;

        if (*value && p->channel->kernel) {
                refuse(p, "Events of the kernel have no contexts.");
                return;
        }
        if (*value == '\0') {
                p->channel->contexts = (struct context_set) { 0 };
                return;
        }
        r = context_set_add(&p->channel->contexts, value);
        if (r == -E2BIG)
                refuse_value(p, key, value, "one of a few: " APP_CONTEXTS_LIMIT);
        else if (r < 0)
                refuse_value(p, key, value, "one of " CONTEXT_NAMES);
}

/* In a channel of the kernel, a pattern is one of its events. */
static int parse_event(const struct parser *p, const char *value, struct selector **ret, struct failure *failure) {
        _cleanup_free_ char *text = NULL;

        if (!p->channel->kernel || strncmp(value, "kernel ", strlen("kernel ")) == 0)
                return selector_parse(value, ret, failure);
        if (asprintf(&text, "kernel %s %s", selector_kind_to_string(SELECTOR_EVENT), value) < 0) {
                text = NULL;
                return fail_memory(failure);
        }
        return selector_parse(text, ret, failure);
}

static void add_event(struct parser *p, struct selectors *list, const char *value) {
        _cleanup_(selector_unrefp) struct selector *selector = NULL;
        struct failure failure;

        if (*value == '\0')
                selectors_done(list);
        else if (parse_event(p, value, &selector, &failure) < 0)
                refuse(p, failure.text);
        else if (selector->kernel != p->channel->kernel)
                refuse(p, "Events of the kernel are for a channel of the kernel; begin its section with Domain=kernel.");
        else if (selector->probe.kind != PROBE_NONE)
                refuse(p, "A probe is no part of a profile, since it is set in a program that its user opens; enable "
                          "it with 'tracectl enable-event'.");
        else if (selector->target.pid != 0)
                refuse(p, "A process is no part of a profile, since its number is another one's later; write "
                          "executable= or unit=.");
        else if (list->n >= RULES_PER_SESSION_MAX)
                refuse(p, "A session cannot have that many events; use patterns with '*'.");
        else if (!selectors_have(list, selector) && selectors_add(list, selector) < 0)
                out_of_memory(p);
}

static bool set_channel(struct parser *p, const char *key, const char *value) {
        struct profile_channel *c = p->channel;

        if (strcmp(key, "Domain") == 0) {
                if (*value && strcmp(value, channel_domain_to_string(c->kernel)) != 0)
                        refuse(p, "Domain= is a part of the channel's name; write it as the first line of its section.");
        } else if (strcmp(key, "SubBufferSize") == 0)
                set_size(p, key, value);
        else if (strcmp(key, "SubBufferCount") == 0)
                set_count(p, key, value);
        else if (strcmp(key, "Mode") == 0)
                set_mode(p, key, value);
        else if (strcmp(key, "OrderedClock") == 0)
                set_boolean(p, key, value, false, &c->ordered_clock);
        else if (strcmp(key, "Enabled") == 0)
                set_boolean(p, key, value, true, &c->enabled);
        else if (strcmp(key, "Context") == 0)
                add_context(p, key, value);
        else if (strcmp(key, "Event") == 0)
                add_event(p, &c->events, value);
        else if (strcmp(key, "DisabledEvent") == 0)
                add_event(p, &c->disabled, value);
        else
                return false;
        return true;
}

static void find_channel(struct parser *p, bool kernel) {
        p->channel = profile_find_channel(p->profile, kernel, p->name);
        if (!p->channel && profile_add_channel(p->profile, kernel, p->name, &p->channel) < 0)
                out_of_memory(p);
}

/* The section's first assignment says the domain, or that it is the user's. */
static bool begin_channel(struct parser *p, const char *key, const char *value) {
        bool says = strcmp(key, "Domain") == 0, kernel = says && strcmp(value, "kernel") == 0;

        if (says && *value && !kernel && strcmp(value, "user") != 0)
                refuse_value(p, key, value, "user or kernel");
        else
                find_channel(p, kernel);
        return p->channel;
}

static int on_assignment(void *userdata, const char *section, const char *key, const char *value) {
        struct parser *p = userdata;
        char text[200];
        bool known;

        if (p->ignored || strncmp(key, "X-", 2) == 0)
                return 1;
        if (*p->name && !p->channel && !begin_channel(p, key, value))
                return 1;
        if (!p->in_session && !p->channel) {
                refuse(p, "The assignment belongs to no section; begin with [Session] or [Channel NAME].");
                return 1;
        }
        known = p->in_session ? set_session(p, key, value) : set_channel(p, key, value);
        if (known)
                return 1;
        snprintf(text, sizeof(text), "Unknown key '%.60s'; known are: %s.", key,
                 p->in_session ? "Name, Mode, Directory, Rings, SyncSec, RotateSize, RotateEvery, MaxSize, Start"
                               : "Domain, SubBufferSize, SubBufferCount, Mode, OrderedClock, Enabled, Context, Event, "
                                 "DisabledEvent");
        refuse(p, text);
        return 1;
}

static void set_name(struct parser *p, const char *name) {
        if (name_is_valid(name))
                strcpy(p->name, name);
        else
                refuse(p, "That is no name for a channel: use 1 to 64 letters, digits, '_', '.' and '-', the first no "
                          "'.' and no '-'.");
}

/* A section without assignments is a channel, too. */
static void end_section(struct parser *p) {
        if (*p->name && !p->channel)
                find_channel(p, false);
        p->name[0] = '\0';
        p->channel = NULL;
}

static void begin_section(struct parser *p, const char *line) {
        char name[PROFILE_LINE_MAX + 1], text[160];
        size_t n = strcspn(line + 1, "]");

        if (line[1 + n] != ']') {
                refuse(p, "The section's name has no end; write it as [Session] or [Channel NAME].");
                return;
        }
        memcpy(name, line + 1, n);
        name[n] = '\0';
        end_section(p);
        p->in_session = strcmp(name, "Session") == 0;
        p->ignored = strncmp(name, "X-", 2) == 0;
        if (p->in_session || p->ignored)
                return;
        if (strncmp(name, "Channel ", strlen("Channel ")) == 0) {
                set_name(p, name + strlen("Channel "));
                return;
        }
        snprintf(text, sizeof(text), "Unknown section '%.60s'; known are: Session, Channel NAME.", name);
        refuse(p, text);
}

/* A line as libinih will see it, complete and without what it would take for something else. */
static void look_at(struct parser *p, char *line) {
        char escaped[4 * PROFILE_LINE_MAX + 1];
        size_t indent;

        for (char *c = line; *c; c++)
                if (*c == '\t')
                        *c = ' ';
        text_escape(line, escaped, sizeof(escaped));
        indent = strspn(line, " ");
        if (strcmp(escaped, line) != 0)
                refuse(p, "The line has a control character, or is no UTF-8; write it anew.");
        else if (indent > 0 && line[indent] && !strchr("#;", line[indent]))
                refuse(p, "The line begins with a space; begin it with its key.");
        else if (*line == '[')
                begin_section(p, line);
}

/*
 * The value in a line that assigns an event with options, and *ret_key; else
 * NULL. libinih has no room for a long filter, and would take a part of it for
 * a comment: such lines are read here.
 */
static const char *event_with_options(const char *line, const char **ret_key) {
        static const char *const keys[] = { "Event", "DisabledEvent" };

        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                const char *value = line + strlen(keys[i]);

                if (strncmp(line, keys[i], strlen(keys[i])) != 0)
                        continue;
                value += strspn(value, " ");
                if (*value++ != '=')
                        continue;
                value += strspn(value, " ");
                *ret_key = keys[i];
                return selector_text_has_options(value) ? value : NULL;
        }
        return NULL;
}

/* Whether it was such a line. */
static bool take_event(struct parser *p, const char *text, size_t length) {
        _cleanup_free_ char *line = strndup(text, length);
        const char *key, *value;

        if (!line) {
                out_of_memory(p);
                return false;
        }
        value = event_with_options(line, &key);
        if (value)
                (void) on_assignment(p, "", key, value);
        return value;
}

/* As fgets() for libinih, whose buffer has room for PROFILE_LINE_MAX. */
static char *read_line(char *buffer, int size, void *userdata) {
        struct parser *p = userdata;
        size_t n = strcspn(p->next, "\n"), length = n;
        char text[80];

        if (p->result < 0 || *p->next == '\0')
                return NULL;
        p->line++;
        if (n > 0 && p->next[n - 1] == '\r')
                length--;
        if (take_event(p, p->next, length))
                length = 0;
        if (length > PROFILE_LINE_MAX || (int) length + 2 > size) {
                snprintf(text, sizeof(text), "The line is longer than %i characters; shorten it.", PROFILE_LINE_MAX);
                refuse(p, text);
                return NULL;
        }
        memcpy(buffer, p->next, length);
        buffer[length] = '\0';
        p->next += n + (p->next[n] == '\n');
        look_at(p, buffer);
        strcpy(buffer + length, "\n");
        return p->result < 0 ? NULL : buffer;
}

int profile_parse(struct profile *profile, const char *text, const char *source, struct failure *failure) {
        struct parser p = { .profile = profile, .source = source, .next = text, .failure = failure };
        int line;

        if (strlen(text) > PROFILE_SIZE_MAX)
                return fail(failure, FAILURE_INVALID_PROFILE, "%.200s is longer than %i bytes; shorten it.", source,
                            PROFILE_SIZE_MAX);
        if (strncmp(p.next, "\xef\xbb\xbf", 3) == 0)
                p.next += 3;
        line = ini_parse_stream(read_line, &p, on_assignment, &p);
        if (line < 0)
                return fail_memory(failure);
        if (p.result >= 0)
                end_section(&p);
        /* Our own refusal ends the reading, so a line that libinih does not know came before it. */
        if (line > 0 && (p.result >= 0 || (unsigned) line < p.line))
                return fail(failure, FAILURE_INVALID_PROFILE,
                            "%.200s, line %i: This is no section, no assignment and no comment; write KEY=VALUE.",
                            source, line);
        return p.result;
}
