/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "service/domain/view-build.h"
#include "service/domain/view-filters.h"
#include "service/model/selector.h"

#define OFF UINT32_MAX

/* What one event does in one session. */
struct choice {
        uint32_t channel; /* index into the session's channels, or OFF */
        uint32_t ring;    /* index into the view's rings */
        uint32_t id;
        uint32_t filter; /* number among the view's, or 0 */
};

struct builder {
        const struct session_view_request *request;
        struct session_view *view;
        struct model_reach reach;
        uint32_t n_events;
        struct choice *choices; /* n_events for each session of the model */
        uint32_t *events, *ids; /* n_events each, for one channel at a time */
        struct view_ring rings[VIEW_RINGS_MAX];
        struct view_filters filters;
};

static struct choice *choices_of(struct builder *b, uint32_t session) {
        return b->choices + (size_t) session * b->n_events;
}

static unsigned context_type(const char *name, const void *userdata) {
        const struct event_definitions *d = userdata;

        return app_context_type(name, d->data, d->size);
}

/*
 * An event that several rules select is recorded once, where any of them lets it
 * pass: one without a filter always. Where they are more than one program has
 * room for, too much is recorded rather than too little.
 */
static int choose_filter(struct builder *b, const struct model_session *session, uint32_t event,
                         const struct model_rule *rule, uint32_t position, struct choice *ret) {
        const struct event_entry *entry = &b->request->definitions->events[event];
        const struct filter_application application = { context_type, b->request->definitions };
        struct filter_program *programs[FILTER_BIND_MAX];
        struct definition definition;
        size_t n = 0;
        int r;

        for (; rule; rule = model_session_match(session, &b->reach, entry->name, entry->loglevel, &position)) {
                if (rule->channel != ret->channel)
                        continue;
                if (!rule->selector->filter_program || n == FILTER_BIND_MAX)
                        return 0;
                programs[n++] = rule->selector->filter_program;
        }
        r = event_definitions_read(b->request->definitions, event, &definition);
        if (r >= 0)
                r = view_filters_add(&b->filters, programs, n, &definition, &application, &ret->filter);
        if (r == 0)
                ret->channel = OFF;
        return r < 0 ? r : 0;
}

static int choose_event(struct builder *b, const struct model_session *session, uint32_t event, struct choice *ret) {
        const struct event_entry *entry = &b->request->definitions->events[event];
        const struct model_rule *rule;
        uint32_t position = 0;

        *ret = (struct choice) { .channel = OFF };
        rule = model_session_match(session, &b->reach, entry->name, entry->loglevel, &position);
        if (!rule)
                return 0;
        ret->channel = rule->channel;
        return choose_filter(b, session, event, rule, position, ret);
}

static int choose(struct builder *b) {
        const struct model_view *model = b->request->model;
        int r = 0;

        for (uint32_t s = 0; s < model->n_sessions; s++) {
                struct choice *choices = choices_of(b, s);
                const struct model_session *session = &model->sessions[s];
                bool reached = model_session_reaches(session, &b->reach);

                for (uint32_t e = 0; e < b->n_events && r >= 0; e++)
                        if (reached)
                                r = choose_event(b, session, e, &choices[e]);
                        else
                                choices[e].channel = OFF;
        }
        return r;
}

/* Makes one channel's rings. -EPIPE: the channel is left out. */
static int prepare(struct builder *b, struct recording *recording, struct recording_request *q) {
        struct session_view_ring *ring = &b->view->rings[b->view->n_rings];
        uint64_t serial;
        int r;

        *ring = (struct session_view_ring) { 0 };
        r = recording_prepare(recording, q, b->ids, &ring->shared, &ring->serial);
        if (r < 0)
                return r;
        if (b->request->application) {
                q->application = b->request->application;
                q->pid = b->request->pid;
                r = recording_prepare(recording, q, b->ids, &ring->locked, &serial);
                if (r < 0) {
                        ring->shared = stream_unref(ring->shared);
                        return r;
                }
                /* One consumer's serials: the later message is the one to wait for. */
                ring->serial = serial > ring->serial ? serial : ring->serial;
        }
        ring->recording = recording_ref(recording);
        return 0;
}

static void add_ring(struct builder *b, const struct model_channel *channel) {
        struct session_view *v = b->view;
        const struct session_view_ring *ring = &v->rings[v->n_rings];

        b->rings[v->n_rings] = (struct view_ring) {
                .shared_id = ring->shared->ring_id,
                .locked_id = ring->locked ? ring->locked->ring_id : 0,
                .flags = VIEW_RING_SHARED | (ring->locked ? VIEW_RING_LOCKED : 0) |
                         (ring->shared->in_files ? VIEW_RING_FILES : 0) |
                         (channel->ordered_clock ? VIEW_RING_ORDERED : 0),
                .contexts = channel->contexts.bits,
        };
        memcpy(b->rings[v->n_rings].app_contexts, channel->contexts.app, sizeof(channel->contexts.app));
        v->n_fds += ring->locked ? 4 : 2;
        v->n_rings++;
}

static int build_channel(struct builder *b, uint32_t s, uint32_t c) {
        const struct model_session *session = &b->request->model->sessions[s];
        struct choice *choices = choices_of(b, s);
        struct recording_request q = {
                .channel = &session->channels[c],
                .compartment = b->request->compartment,
                .definitions = b->request->definitions,
                .events = b->events,
        };
        int r;

        for (uint32_t e = 0; e < b->n_events; e++)
                if (choices[e].channel == c)
                        b->events[q.n_events++] = e;
        if (q.n_events == 0)
                return 0;
        r = b->view->n_rings < VIEW_RINGS_MAX ? prepare(b, session->recording, &q) : -E2BIG;
        for (size_t i = 0; i < q.n_events; i++) {
                struct choice *choice = &choices[b->events[i]];

                if (r < 0)
                        choice->channel = OFF;
                choice->ring = b->view->n_rings;
                choice->id = b->ids[i];
        }
        if (r >= 0)
                add_ring(b, q.channel);
        return r == -ENOMEM ? r : 0;
}

/* Those of sessions of the application's own user, who has room for all of them, or those of others. */
static int build_channels(struct builder *b, bool own) {
        const struct model_view *model = b->request->model;
        int r = 0;

        for (uint32_t s = 0; s < model->n_sessions; s++)
                if ((model->sessions[s].owner == b->reach.uid) == own)
                        for (uint32_t c = 0; c < model->sessions[s].n_channels && r >= 0; c++)
                                r = build_channel(b, s, c);
        return r;
}

static int write_file(struct builder *b, uint32_t n_actions) {
        struct session_view *v = b->view;
        struct view_header header = {
                .magic = VIEW_MAGIC,
                .major = VIEW_MAJOR,
                .minor = VIEW_MINOR,
                .header_size = sizeof(header),
                .ring_size = sizeof(struct view_ring),
                .action_size = sizeof(struct view_action),
                .n_rings = v->n_rings,
                .n_actions = n_actions,
                .n_events = b->n_events,
                .n_filters = b->filters.n,
                .filter_size = sizeof(struct view_filter),
                .definitions = b->request->definitions->hash,
                .generation = v->generation,
        };
        _cleanup_free_ char *data = NULL;
        struct view_action *action;
        size_t filters = sizeof(header) + v->n_rings * sizeof(struct view_ring) + n_actions * sizeof(*action);

        header.total_size = filters + view_filters_size(&b->filters);
        if (header.total_size > VIEW_SIZE_MAX)
                return -E2BIG;
        data = malloc(header.total_size);
        if (!data)
                return -ENOMEM;
        memcpy(data, &header, sizeof(header));
        memcpy(data + sizeof(header), b->rings, v->n_rings * sizeof(struct view_ring));
        action = (struct view_action *) (data + sizeof(header) + v->n_rings * sizeof(struct view_ring));
        for (uint32_t e = 0; e < b->n_events; e++)
                for (uint32_t s = 0; s < b->request->model->n_sessions; s++) {
                        const struct choice *choice = &choices_of(b, s)[e];

                        if (choice->channel != OFF)
                                *action++ = (struct view_action) {
                                        .event = e,
                                        .ring = choice->ring,
                                        .id = choice->id,
                                        .filter = choice->filter,
                                };
                }
        view_filters_write(&b->filters, data, filters);
        v->hash = view_hash((const struct view_header *) data);
        /* One of an application's own is of use to no other. */
        return view_file_get(b->request->application ? NULL : &v->compartment->key, data, header.total_size, &v->file);
}

static uint32_t count_actions(const struct builder *b) {
        size_t n_choices = (size_t) b->n_events * b->request->model->n_sessions;
        uint32_t n = 0;

        for (size_t i = 0; i < n_choices; i++)
                n += b->choices[i].channel != OFF;
        return n;
}

int view_build(const struct session_view_request *request, struct session_view *view) {
        _cleanup_free_ struct choice *choices = NULL;
        _cleanup_free_ uint32_t *events = NULL, *ids = NULL;
        uint32_t n_events = request->definitions->n_events;
        struct builder b = {
                .request = request,
                .view = view,
                .reach = { request->compartment->key.uid, view->targets },
                .n_events = n_events,
        };
        int r;

        b.choices = choices = calloc((size_t) n_events * request->model->n_sessions + 1, sizeof(*choices));
        b.events = events = calloc((size_t) n_events + 1, sizeof(*events));
        b.ids = ids = calloc((size_t) n_events + 1, sizeof(*ids));
        if (!choices || !events || !ids)
                return -ENOMEM;
        view->n_fds = 1;
        r = choose(&b);
        if (r >= 0)
                r = build_channels(&b, true);
        if (r >= 0)
                r = build_channels(&b, false);
        if (r >= 0)
                r = write_file(&b, count_actions(&b));
        view_filters_done(&b.filters);
        return r;
}
