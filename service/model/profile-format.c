/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <inttypes.h>
#include <string.h>

#include "protocol/context.h"
#include "service/model/profile.h"
#include "service/model/text.h"

/* Whether a line of a profile can say this: it is not cut, and no part of it is taken for a comment. */
static bool can_be_written(const char *key, const char *value) {
        char escaped[4 * PROFILE_LINE_MAX + 1];
        size_t n = strlen(value);

        if (strlen(key) + 1 + n > PROFILE_LINE_MAX)
                return false;
        text_escape(value, escaped, sizeof(escaped));
        return strcmp(escaped, value) == 0 && !strstr(value, " ;") && (n == 0 || value[n - 1] != ' ');
}

static int check(const struct profile *p, struct failure *failure) {
        if (p->directory && !can_be_written("Directory", p->directory))
                return fail(failure, FAILURE_OUTPUT, "The directory of session '%s' is too long for a profile, or has "
                            "characters that it cannot have; give the session another one.", profile_session_name(p));
        for (const struct profile_channel *c = p->channels; c; c = c->next)
                for (size_t i = 0; i < c->events.n + c->disabled.n; i++) {
                        const struct selector *event = i < c->events.n ? c->events.items[i]
                                                                       : c->disabled.items[i - c->events.n];

                        /* Lines with options are not cut. */
                        if (!selector_text_has_options(event->text) && !can_be_written("DisabledEvent", event->text))
                                return fail(failure, FAILURE_INVALID_PATTERN,
                                            "The event pattern '%.40s...' of session '%s' is too long for a profile; "
                                            "write a shorter one.", event->text, profile_session_name(p));
                }
        return 0;
}

/*
 * A process is left out, and said to be: its number is another one's later. So is
 * a probe, which is set in a program that whoever wants it opens.
 */
static void write_event(FILE *f, const char *key, const struct selector *s) {
        if (s->target.pid != 0)
                fprintf(f, "# Events of process %i are left out.\n", (int) s->target.pid);
        else if (s->probe.kind != PROBE_NONE)
                fprintf(f, "# The probe %s is left out.\n", s->pattern);
        else
                fprintf(f, "%s=%s\n", key, s->text);
}

static void write_bytes(FILE *f, const char *key, uint64_t bytes) {
        if (bytes > 0)
                fprintf(f, bytes % 1024 == 0 ? "%s=%" PRIu64 "K\n" : "%s=%" PRIu64 "\n", key,
                        bytes % 1024 == 0 ? bytes / 1024 : bytes);
}

static void write_space(FILE *f, const struct space_config *c) {
        write_bytes(f, "RotateSize", c->rotate_size);
        if (c->rotate_usec > 0)
                fprintf(f, "RotateEvery=%" PRIu64 "ms\n", c->rotate_usec / 1000);
        write_bytes(f, "MaxSize", c->max_size);
}

static void write_channel(FILE *f, const struct profile_channel *c) {
        char context[CONTEXT_TEXT_MAX];

        fprintf(f, "\n[Channel %s]\nDomain=%s\n", c->name, channel_domain_to_string(c->kernel));
        if (c->subbuf_size % 1024 == 0)
                fprintf(f, "SubBufferSize=%" PRIu64 "K\n", c->subbuf_size / 1024);
        else
                fprintf(f, "SubBufferSize=%" PRIu64 "\n", c->subbuf_size);
        fprintf(f, "SubBufferCount=%" PRIu32 "\nMode=%s\nEnabled=%s\n", c->n_subbufs, c->mode,
                c->enabled ? "yes" : "no");
        if (c->ordered_clock)
                fprintf(f, "OrderedClock=yes\n");
        for (unsigned i = 0; context_set_next(&c->contexts, &i, context);)
                fprintf(f, "Context=%s\n", context);
        for (size_t i = 0; i < c->events.n; i++)
                write_event(f, "Event", c->events.items[i]);
        for (size_t i = 0; i < c->disabled.n; i++)
                write_event(f, "DisabledEvent", c->disabled.items[i]);
}

int profile_format(const struct profile *p, char **ret, struct failure *failure) {
        char *text = NULL;
        size_t size;
        FILE *f;
        int r;

        r = check(p, failure);
        if (r < 0)
                return r;
        f = open_memstream(&text, &size);
        if (!f)
                return fail_memory(failure);
        fprintf(f, "[Session]\nName=%s\nMode=%s\n", profile_session_name(p), session_mode_to_string(p->mode));
        if (p->directory)
                fprintf(f, "Directory=%s\n", p->directory);
        write_space(f, &p->space);
        if (p->has_rings)
                fprintf(f, "Rings=files\n");
        if (p->sync_msec > 0)
                fprintf(f, "SyncSec=%" PRIu32 "ms\n", p->sync_msec);
        fprintf(f, "Start=%s\n", p->start ? "yes" : "no");
        for (const struct profile_channel *c = p->channels; c; c = c->next)
                write_channel(f, c);
        r = ferror(f);
        if (fclose(f) != 0 || r) {
                free(text);
                return fail_memory(failure);
        }
        *ret = text;
        return 0;
}

/* What a directory is called that can be asked for again. */
static const char *directory_of(const struct session_output *output) {
        if (output->kind == CONSUMER_OUTPUT_FD && *output->path == '/')
                return output->path;
        return session_output_asked(output);
}

static int add_channel(struct profile *p, const struct session *s, const struct channel *channel) {
        struct profile_channel *c;
        int r;

        r = profile_add_channel(p, channel->config.kernel, channel->config.name, &c);
        if (r < 0)
                return r;
        c->subbuf_size = channel->config.subbuf_size;
        c->n_subbufs = channel->config.n_subbufs;
        c->mode = channel_mode_to_string(channel->config.overwrite);
        c->enabled = channel->enabled;
        c->ordered_clock = channel->config.ordered_clock;
        c->contexts = channel->config.contexts;
        for (const struct rule *rule = s->rules; rule && r >= 0; rule = rule->next)
                if (rule->channel == channel)
                        r = selectors_add(rule->enabled ? &c->events : &c->disabled, rule->selector);
        return r;
}

int profile_of_session(const struct session *s, struct profile **ret, struct failure *failure) {
        _cleanup_(profile_freep) struct profile *p = NULL;
        const char *directory = directory_of(&s->output);
        int r;

        r = profile_new(s->profile ? s->profile : "", &p);
        if (r < 0)
                return fail_memory(failure);
        strcpy(p->session, s->name);
        p->mode = s->mode;
        p->space = s->space.config;
        p->has_rings = s->output.has_rings;
        p->sync_msec = s->output.sync_msec;
        p->start = s->state == SESSION_ACTIVE;
        if (directory && !(p->directory = strdup(directory)))
                return fail_memory(failure);
        for (const struct channel *c = s->channels; c && r >= 0; c = c->next)
                r = add_channel(p, s, c);
        if (r < 0)
                return fail_memory(failure);
        *ret = TAKE_PTR(p);
        return 0;
}
