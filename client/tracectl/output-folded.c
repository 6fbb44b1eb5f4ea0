/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Where the time went, for tools that draw flame graphs: a line for each
 * "process;thread;span;span" with the microseconds that were spent in the last
 * one and in none that is nested in it. Spans that have not ended count as far
 * as the trace goes; what took some time, but less than half of a microsecond,
 * counts as one. Events that are no spans take no time.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/tracectl/output-event.h"
#include "client/tracectl/pairs.h"
#include "client/tracectl/view-output.h"

/* What would be nested beyond these counts for the span that it is in. */
#define NODES_MAX (UINT32_C(1) << 18)
#define NO_NODE UINT32_MAX

/* One way to get to a span. Without holes: its bytes are a key. */
struct key {
        uint32_t track, parent, span;
};

struct node {
        struct key key;
        uint64_t ns;
};

/* Where a track is. */
struct place {
        uint32_t node;      /* the innermost open span, or NO_NODE */
        uint32_t n_nameless; /* open ones in it for which there was no node left */
        int64_t since;      /* up to when its time is counted */
};

struct output_folded {
        struct pairs pairs;
        struct names processes, keys;
        struct node *nodes; /* by the numbers of the keys */
        uint32_t n_nodes_allocated;
        struct place *places; /* by the numbers of the tracks */
        uint32_t n_places;
        int64_t last;
};

static int begin(const struct view_output_options *options, struct text *text, void **ret) {
        *ret = calloc(1, sizeof(struct output_folded));
        return *ret ? 0 : -ENOMEM;
}

/* Of a track's first event: also who it is. */
static int add_place(struct output_folded *output, const struct pair_event *pair, tracectl_reader_event *event) {
        struct track *track = &output->pairs.tracks.items[pair->track];
        const char *process;
        size_t size;

        if ((output->n_places & (output->n_places - 1)) == 0) {
                uint32_t n = output->n_places ? output->n_places * 2 : 1;
                struct place *places = reallocarray(output->places, n, sizeof(*places));

                if (!places)
                        return -ENOMEM;
                output->places = places;
        }
        if (output_find_process(event, &process, &size)) {
                int64_t number = names_add(&output->processes, process, size);

                if (number < 0)
                        return (int) number;
                track->process = (int32_t) number;
        }
        output->places[output->n_places++] = (struct place) { .node = NO_NODE, .since = pair->time };
        return 0;
}

/* NO_NODE where there are too many; -ENOMEM. */
static int find_node(struct output_folded *output, const struct key *key, uint32_t *ret) {
        uint32_t n = output->keys.n;
        int64_t number;

        if (n == NODES_MAX) {
                *ret = NO_NODE;
                return 0;
        }
        if (n == output->n_nodes_allocated) {
                uint32_t n_allocated = n ? n * 2 : 64;
                struct node *nodes = reallocarray(output->nodes, n_allocated, sizeof(*nodes));

                if (!nodes)
                        return -ENOMEM;
                output->nodes = nodes;
                output->n_nodes_allocated = n_allocated;
        }
        number = names_add(&output->keys, (const char *) key, sizeof(*key));
        if (number < 0)
                return (int) number;
        if (number == n)
                output->nodes[n] = (struct node) { .key = *key };
        *ret = (uint32_t) number;
        return 0;
}

/* The time up to now belongs to the innermost span; but_for of it was another's. */
static void count(struct output_folded *output, struct place *place, int64_t now, int64_t but_for) {
        int64_t ns;

        if (__builtin_sub_overflow(now, place->since, &ns) || ns < 0)
                ns = 0;
        if (place->node != NO_NODE && ns > but_for)
                output->nodes[place->node].ns += (uint64_t) (ns - but_for);
        place->since = now;
}

static int go_in(struct output_folded *output, struct place *place, const struct pair_event *pair) {
        struct key key = { .track = pair->track, .parent = place->node, .span = pair->span };
        uint32_t node = NO_NODE;
        int r;

        count(output, place, pair->time, 0);
        if (place->n_nameless == 0) {
                r = find_node(output, &key, &node);
                if (r < 0)
                        return r;
        }
        if (node == NO_NODE)
                place->n_nameless++;
        else
                place->node = node;
        return 0;
}

static void go_out(struct output_folded *output, struct place *place, int64_t now) {
        count(output, place, now, 0);
        if (place->n_nameless > 0)
                place->n_nameless--;
        else if (place->node != NO_NODE)
                place->node = output->nodes[place->node].key.parent;
}

/* A span that is over already; it was in the innermost one, as far as that is known. */
static int pass(struct output_folded *output, struct place *place, const struct pair_event *pair) {
        struct key key = { .track = pair->track, .parent = place->node, .span = pair->span };
        uint32_t node;
        int r;

        r = find_node(output, &key, &node);
        if (r < 0)
                return r;
        count(output, place, pair->time, node == NO_NODE ? 0 : pair->duration);
        if (node != NO_NODE)
                output->nodes[node].ns += (uint64_t) pair->duration;
        return 0;
}

static int add_event(void *state, struct text *text, tracectl_reader_event *event) {
        struct output_folded *output = state;
        struct pair_event pair;
        struct place *place;
        int r;

        r = pairs_add(&output->pairs, event, &pair);
        if (r >= 0 && pair.track == output->n_places)
                r = add_place(output, &pair, event);
        if (r < 0)
                return r;
        output->last = pair.time;
        place = &output->places[pair.track];
        switch (pair.kind) {
        case PAIR_NONE:
                return 0;
        case PAIR_BEGIN:
                return go_in(output, place, &pair);
        case PAIR_END:
                for (size_t i = 0; i <= pair.n_abandoned; i++)
                        go_out(output, place, pair.time);
                return 0;
        case PAIR_WHOLE:
                return pass(output, place, &pair);
        }
        return 0;
}

/* A frame: semicolons are between them. */
static void add_frame(struct text *text, const struct name *name) {
        const char *p = name->data, *end = p + name->size;

        while (p < end) {
                const char *semicolon = memchr(p, ';', (size_t) (end - p));

                text_add_escaped(text, p, (size_t) ((semicolon ? semicolon : end) - p), 0);
                if (semicolon)
                        text_add_char(text, ',');
                p = semicolon ? semicolon + 1 : end;
        }
}

static void add_track(const struct output_folded *output, struct text *text, const struct track *track) {
        if (!track->is_thread) {
                text_add_literal(text, "CPU ");
                text_add_i64(text, track->cpu);
                return;
        }
        if (track->process >= 0)
                add_frame(text, &output->processes.items[track->process]);
        else
                text_add_literal(text, "process");
        text_add_char(text, ' ');
        text_add_i64(text, track->pid);
        text_add_literal(text, ";thread ");
        text_add_i64(text, track->tid);
}

static void add_line(const struct output_folded *output, struct text *text, const struct node *node) {
        uint32_t spans[PAIRS_DEPTH_MAX + 1];
        size_t n = 0;

        add_track(output, text, &output->pairs.tracks.items[node->key.track]);
        for (const struct node *up = node;; up = &output->nodes[up->key.parent]) {
                spans[n++] = up->key.span;
                if (up->key.parent == NO_NODE || n == PAIRS_DEPTH_MAX + 1)
                        break;
        }
        while (n > 0) {
                text_add_char(text, ';');
                add_frame(text, &output->pairs.names.items[spans[--n]]);
        }
        text_add_char(text, ' ');
        text_add_u64(text, node->ns < 1000 ? 1 : node->ns / 1000 + (node->ns % 1000 >= 500));
        text_add_char(text, '\n');
}

static int end(void *state, struct text *text) {
        struct output_folded *output = state;

        for (uint32_t i = 0; i < output->n_places; i++)
                count(output, &output->places[i], output->last, 0);
        for (uint32_t i = 0; i < output->keys.n; i++)
                if (output->nodes[i].ns > 0)
                        add_line(output, text, &output->nodes[i]);
        return 0;
}

static void output_free(void *state) {
        struct output_folded *output = state;

        if (!output)
                return;
        pairs_done(&output->pairs);
        names_done(&output->processes);
        names_done(&output->keys);
        free(output->nodes);
        free(output->places);
        free(output);
}

const struct view_output view_output_folded = {
        .name = "folded",
        .begin = begin,
        .event = add_event,
        .end = end,
        .free = output_free,
};
