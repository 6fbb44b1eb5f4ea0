/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/tracectl/nearest.h"
#include "client/tracectl/progress.h"
#include "client/tracectl/say.h"
#include "client/tracectl/verbs.h"
#include "client/tracectl/view-output.h"
#include "client/tracectl/view-select.h"
#include "client/tracectl/view-threads.h"
#include "common/cleanup.h"

static const struct view_output *const outputs[] = {
        &view_output_text, &view_output_json, &view_output_csv, &view_output_chrome, &view_output_folded,
        &view_output_html, &view_output_perfetto,
};

const struct view_output *view_output_find(const char *name) {
        for (size_t i = 0; i < ARRAY_SIZE(outputs); i++)
                if (strcmp(outputs[i]->name, name) == 0)
                        return outputs[i];
        return NULL;
}

int view_output_refuse(const char *name) {
        struct nearest nearest = NEAREST_INIT(name);

        for (size_t i = 0; i < ARRAY_SIZE(outputs); i++)
                nearest_offer(&nearest, outputs[i]->name);
        if (nearest.best)
                say("There is no output '%s'. Did you mean '%s'? See: tracectl view --help", name, nearest.best);
        else
                say("There is no output '%s'. See: tracectl view --help", name);
        return EXIT_USAGE;
}

bool view_output_refuse_terminal(const struct view_output *output, int fd) {
        if (!output->is_bytes || !isatty(fd))
                return false;
        say("%s is nothing for a terminal. Write it to a file: -O FILE", output->name);
        return true;
}

static int add_events(const struct view_output *output, const struct view_output_options *options, void *state,
                      struct text *text, tracectl_reader *reader) {
        _cleanup_(view_chooser_done) struct view_chooser chooser;
        _cleanup_(progress_done) struct progress progress;
        tracectl_reader_event *event;
        int r;

        progress_init(&progress, text->fd);
        r = view_chooser_init(&chooser, options->select);
        while (r >= 0 && text->error == 0 && (r = tracectl_reader_next(reader, &event)) > 0) {
                r = view_chooser_begin(&chooser, text, event);
                if (r > 0) {
                        r = output->event(state, text, event);
                        view_chooser_end(&chooser, text);
                }
                if (r >= 0)
                        r = progress_step(&progress);
        }
        return r < 0 ? r : 0;
}

int view_output_run(const struct view_output *output, const struct view_output_options *options,
                    tracectl_reader *reader, int fd) {
        return output->is_each_alone && !options->with_durations && !options->with_uncertain ?
                view_threads_run(output, options, reader, fd) :
                view_output_run_alone(output, options, reader, fd);
}

int view_run_begin(struct view_run *run, const struct view_output *output, const struct view_output_options *options,
                   int fd) {
        *run = (struct view_run) { .output = output, .options = *options, .text = malloc(sizeof(*run->text)) };
        if (!run->text)
                return -ENOMEM;
        text_init(run->text, fd);
        return output->go_on ? output->begin(&run->options, run->text, &run->state) : 0;
}

static int flush(struct text *text, int r) {
        text_flush(text);
        return text->error != 0 ? -text->error : r;
}

/* With a state that ends with the reader. */
static int add_alone(const struct view_output *output, const struct view_output_options *options, struct text *text,
                     tracectl_reader *reader) {
        struct view_output_options full = *options;
        void *state = NULL;
        int r;

        full.reader = reader;
        r = output->begin ? output->begin(&full, text, &state) : 0;
        if (r >= 0)
                r = add_events(output, options, state, text, reader);
        if (r >= 0 && text->error == 0 && output->end)
                r = output->end(state, text);
        if (output->free)
                output->free(state);
        return r;
}

int view_run_add(struct view_run *run, tracectl_reader *reader, bool has_lost) {
        int r;

        if (!run->output->go_on)
                return flush(run->text, add_alone(run->output, &run->options, run->text, reader));
        r = run->output->go_on(run->state, run->text, has_lost);
        if (r >= 0)
                r = add_events(run->output, &run->options, run->state, run->text, reader);
        return flush(run->text, r);
}

int view_run_end(struct view_run *run) {
        return run->output->go_on ? flush(run->text, run->output->end(run->state, run->text)) : 0;
}

void view_run_done(struct view_run *run) {
        if (run->output && run->output->go_on)
                run->output->free(run->state);
        free(run->text);
        *run = (struct view_run) VIEW_RUN_NULL;
}

bool view_output_can_follow(const struct view_output *output) {
        return output->is_each_alone || output->go_on;
}

int view_output_run_alone(const struct view_output *output, const struct view_output_options *options,
                          tracectl_reader *reader, int fd) {
        _cleanup_free_ struct text *text = malloc(sizeof(*text));

        if (!text)
                return -ENOMEM;
        text_init(text, fd);
        return flush(text, add_alone(output, options, text, reader));
}
