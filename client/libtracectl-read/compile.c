/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/libtracectl-read/compact.h"
#include "client/libtracectl-read/compiler.h"
#include "client/libtracectl-read/layout.h"

int compiler_fail(struct compiler *compiler, const char *format, ...) {
        char text[256];
        va_list ap;

        va_start(ap, format);
        vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        if (compiler->event)
                return problem_set(compiler->problem, -EBADMSG, "%s, event '%s', field '%s': %s",
                                   compiler->metadata_path, compiler->event->name, compiler->path, text);
        return problem_set(compiler->problem, -EBADMSG, "%s, field '%s': %s", compiler->metadata_path,
                           compiler->path, text);
}

int compiler_oom(struct compiler *compiler) {
        return problem_set(compiler->problem, -ENOMEM, "%s needs more memory than there is, or than it may have",
                           compiler->metadata_path);
}

int compiler_work(struct compiler *compiler, uint64_t n) {
        compiler->work += n;
        return compiler->work > COMPILER_WORK_MAX ? compiler_fail(compiler, "the types are too complex") : 0;
}

static int compare_events(const void *a, const void *b) {
        const struct event_class *x = *(struct event_class *const *) a, *y = *(struct event_class *const *) b;

        return (x->id > y->id) - (x->id < y->id);
}

/* Gives the stream its events, in the order of their ids. */
static int collect_events(struct compiler *compiler, struct stream_class *stream) {
        struct metadata *metadata = compiler->metadata;
        size_t n = 0, n_all = 0;
        int r;

        for (struct event_class *event = metadata->events; event; event = event->next, n_all++)
                stream->n_events += event->stream_id == stream->id;
        r = compiler_work(compiler, n_all);
        if (r < 0)
                return r;
        stream->events = arena_alloc(&metadata->arena, stream->n_events * sizeof(struct event_class *));
        if (!stream->events)
                return compiler_oom(compiler);
        for (struct event_class *event = metadata->events; event; event = event->next)
                if (event->stream_id == stream->id)
                        stream->events[n++] = event;
        qsort(stream->events, n, sizeof(struct event_class *), compare_events);
        for (size_t i = 0; i < n; i++) {
                struct event_class *event = stream->events[i];

                if (i > 0 && event->id == stream->events[i - 1]->id)
                        return compiler_fail(compiler, "there are two events with id %llu in stream %llu",
                                             (unsigned long long) event->id, (unsigned long long) stream->id);
                if (event->id < EVENT_CLASS_DIRECT)
                        stream->direct[event->id] = event;
        }
        return 0;
}

static int compile_event(struct compiler *compiler, struct event_class *event) {
        struct symbol *symbols = compiler->symbols;
        int r;

        compiler->event = event;
        r = compile_root(compiler, ROOT_EVENT_CONTEXT, event->context, &event->context_program);
        if (r >= 0)
                r = compile_root(compiler, ROOT_EVENT_FIELDS, event->fields, &event->fields_program);
        if (r < 0)
                return r;
        compiler->event = NULL;
        compiler->symbols = symbols;
        return 0;
}

static int compile_stream(struct compiler *compiler, struct stream_class *stream) {
        struct symbol *symbols = compiler->symbols;
        int r;

        compiler->stream = stream;
        r = compile_root(compiler, ROOT_PACKET_CONTEXT, stream->packet_context, &stream->packet_context_program);
        if (r >= 0)
                r = compile_root(compiler, ROOT_EVENT_HEADER, stream->event_header, &stream->event_header_program);
        if (r >= 0)
                r = compile_root(compiler, ROOT_STREAM_EVENT_CONTEXT, stream->event_context,
                                 &stream->event_context_program);
        if (r >= 0)
                r = collect_events(compiler, stream);
        for (size_t i = 0; r >= 0 && i < stream->n_events; i++)
                r = compile_event(compiler, stream->events[i]);
        if (r < 0)
                return r;

        stream->has_compact_header = compact_header_fits(compiler->metadata, stream);
        if (!stream->clock && compiler->metadata->clocks && !compiler->metadata->clocks->next)
                stream->clock = compiler->metadata->clocks;
        for (size_t i = 0; i < stream->n_events; i++) {
                stream->events[i]->clock = stream->clock;
                r = layout_make(compiler->metadata, stream, stream->events[i]);
                if (r < 0)
                        return compiler_oom(compiler);
        }
        compiler->symbols = symbols;
        compiler->stream = NULL;
        return 0;
}

int programs_compile(struct metadata *metadata, const char *path, struct problem *problem) {
        struct compiler *compiler;
        int r;

        compiler = arena_alloc(&metadata->arena, sizeof(*compiler));
        if (!compiler)
                return problem_set(problem, -ENOMEM, "There is not enough memory to read %s", path);
        compiler->metadata = metadata;
        compiler->problem = problem;
        compiler->metadata_path = path;
        compiler->n_registers = 1;
        r = compile_root(compiler, ROOT_PACKET_HEADER, metadata->packet_header, &metadata->packet_header_program);
        for (struct stream_class *stream = metadata->streams; r >= 0 && stream; stream = stream->next)
                r = compile_stream(compiler, stream);
        if (r < 0)
                return r;
        metadata->n_registers = compiler->n_registers;
        return 0;
}
