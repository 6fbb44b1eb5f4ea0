/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "service/domain/kernel/filter.h"
#include "service/domain/kernel/internal.h"
#include "service/log.h"
#include "service/state/fd-store.h"

#define REMOVE_TRIES 1500 /* half a minute */
#define READER_TRIES 1000 /* 20 seconds */
#define FLUSH_TRIES 250   /* 5 seconds: its owner can stop the consumer that the reader waits for */

/* Makes the kernel do what a plan says. */
struct kernel_apply {
        struct worker_job job;
        struct kernel_recording *recording;
        struct kernel_plan plan;
        struct failure failure;
        bool prepares; /* nothing is recorded yet, and nobody waits */
        bool failed, applied;
        bool in_the_way; /* an instance of the same session that is about to go */
        kernel_done_t done;
        kernel_gone_t gone;
        void *userdata;
        LIST_ENTRY(kernel_apply) entries; /* the domain's; main loop */
};

/* Waits for the reader. */
struct flush {
        struct worker_job job;
        struct kernel_recording *recording;
        kernel_done_t done;
        void *userdata;
};

/* What recordings leave behind. */
struct removal {
        struct worker_job job;
        struct kernel_domain *domain;
        struct instance *instances;
        struct instance_config next; /* of the one that is made ready then; 0 bytes: none */
        char name[INSTANCE_NAME_MAX];
        struct spare_events events;
};

void kernel_plan_done(struct kernel_plan *plan) {
        for (size_t k = 0; k < plan->n_rules; k++)
                selector_unref(plan->rules[k].selector);
        free(plan->rules);
        free(plan->channels);
        *plan = (struct kernel_plan) { 0 };
}

static bool run_removal(struct worker_job *job) {
        struct removal *removal = CONTAINER_OF(job, struct removal, job);

        while (removal->instances) {
                struct instance *i = removal->instances;
                int r = instance_remove(removal->domain->tracefs, i->name);

                if (r == -EBUSY && job->tries < REMOVE_TRIES)
                        return true;
                removal->instances = i->next;
                instance_free(i);
        }
        return false;
}

static void end_removal(struct worker_job *job) {
        struct removal *removal = CONTAINER_OF(job, struct removal, job);

        while (removal->instances) {
                struct instance *i = removal->instances;

                removal->instances = i->next;
                instance_free(i);
        }
        removal->next.name = removal->name;
        if (removal->next.buffer_size > 0)
                spare_instance_order(removal->domain->spare, &removal->next, removal->events);
        free(removal);
}

/* Our own folders must be closed, or the kernel keeps them. */
static void remove_instances(struct kernel_recording *r, struct instance *instances) {
        struct kernel_domain *d = r->domain;
        struct removal *removal = calloc(1, sizeof(*removal));

        if (!removal)
                return;
        for (struct instance *i = instances; i; i = i->next)
                instance_close(i);
        *removal = (struct removal) {
                .job = { .run = run_removal, .done = end_removal },
                .domain = d,
                .instances = instances,
        };
        if (r->config.brief && instances && !instances->next) {
                removal->next = instances->made;
                removal->events = (struct spare_events) { .calls = instances->had_calls, .prints = instances->had_prints };
                kernel_instance_name(d, r->config.owner, d->last_key + 1, instances->channel, removal->name);
        }
        worker_submit(d->worker, &removal->job);
}

void kernel_recording_unref(struct kernel_recording *r) {
        if (--r->refs > 0)
                return;
        for (size_t k = 0; k < r->n_stored && !r->keep; k++)
                fd_store_remove(r->domain->user->store, &r->stored[k]);
        free(r->stored);
        kernel_own_free(r->own);
        kernel_plan_done(&r->prepared);
        if (r->instances && !r->keep)
                remove_instances(r, TAKE_PTR(r->instances));
        while (r->instances) {
                struct instance *i = r->instances;

                r->instances = i->next;
                instance_free(i);
        }
        sender_unref(r->sender);
        free(r);
}

static struct instance *find_instance(struct kernel_recording *r, uint32_t channel) {
        for (struct instance *i = r->instances; i; i = i->next)
                if (i->channel == channel)
                        return i;
        return NULL;
}

static int fail_channel(const struct model_channel *c, int error, struct failure *failure) {
        if (error == -ENOMEM)
                return fail(failure, FAILURE_NO_MEMORY, "The kernel has no memory for the rings of channel '%s'; "
                            "choose a smaller subbuf-size or subbuf-count.", c->name);
        return fail(failure, FAILURE_KERNEL, "The kernel's rings of channel '%s' cannot be made: %s.", c->name,
                    strerror(-error));
}

/* One of an earlier tracingd's has been announced by that. */
static int make_instance(struct kernel_recording *r, const struct model_channel *c, bool off, struct instance **ret) {
        char name[INSTANCE_NAME_MAX];
        const struct instance_config config = {
                .name = name,
                .subbuf_size = c->subbuf_size,
                .buffer_size = c->subbuf_size * c->n_subbufs,
                .overwrite = c->overwrite,
                .off = off,
                .clock = r->domain->user->clock,
        };
        int k = -ENOENT;

        kernel_instance_name(r->domain, r->config.owner, r->config.key, c->id, name);
        if (r->config.restored)
                k = instance_adopt(r->domain->tracefs, name, ret);
        if (k >= 0) {
                (*ret)->channel = c->id;
                return 0;
        }
        if (k != -ENOENT)
                return k;
        k = spare_instance_take(r->domain->spare, &config, ret);
        if (k == -ENOENT)
                k = instance_new(r->domain->tracefs, &config, ret);
        if (k < 0)
                return k;
        (*ret)->channel = c->id;
        k = kernel_announce_channel(r, *ret, c);
        if (k < 0) {
                *ret = instance_free(*ret);
                (void) instance_remove(r->domain->tracefs, name);
        }
        return k;
}

static int get_instance(struct kernel_apply *a, const struct model_channel *c, struct instance **ret) {
        struct kernel_recording *r = a->recording;
        struct instance *i = find_instance(r, c->id);
        int k;

        if (!i) {
                k = make_instance(r, c, a->prepares, &i);
                a->in_the_way = k == -EEXIST;
                if (k < 0)
                        return fail_channel(c, k, &a->failure);
                i->next = r->instances;
                r->instances = i;
        } else if (i->error < 0)
                return fail_channel(c, i->error, &a->failure);
        *ret = i;
        return 0;
}

static const struct kernel_plan_rule *first_rule(const struct kernel_apply *a, const struct kernel_event *e) {
        const struct kernel_plan *plan = &a->plan;

        for (size_t k = 0; k < plan->n_rules; k++)
                if (kernel_event_selected(e, plan->rules[k].selector) ||
                    kernel_probe_selected(e, a->recording->group, plan->rules[k].selector))
                        return &plan->rules[k];
        return NULL;
}

/* There is room. */
static void add_news(struct instance_list *l) {
        for (size_t k = 0; k < kernel_own_news.n; k++) {
                const struct instance_event *e = &kernel_own_news.items[k];
                bool there = false;

                for (size_t n = 0; n < l->n && !there; n++)
                        there = strcmp(l->items[n].event.system, e->event.system) == 0 &&
                                strcmp(l->items[n].event.name, e->event.name) == 0;
                if (!there)
                        l->items[l->n++] = *e;
        }
}

/* The channel's events, each with its rule's filter as the kernel wants it: filters[] of the rules. */
static int choose(const struct kernel_apply *a, const struct kernel_events *all, uint32_t channel,
                  char *const *filters, struct instance_list *ret) {
        ret->items = calloc(all->n + 1 + kernel_own_news.n, sizeof(*ret->items));
        if (!ret->items)
                return -ENOMEM;
        for (size_t k = 0; k < all->n; k++) {
                const struct kernel_plan_rule *rule = first_rule(a, &all->items[k]);

                ret->n_calls += strcmp(all->items[k].system, "syscalls") == 0;
                if (rule && rule->channel == channel && kernel_event_permitted(&all->items[k], rule->selector))
                        ret->items[ret->n++] = (struct instance_event) {
                                .event = all->items[k],
                                .filter = filters[rule - a->plan.rules],
                                .probe = rule->selector->probe.kind != PROBE_NONE ? rule->selector : NULL,
                        };
        }
        if (a->recording->own && ret->n > 0)
                add_news(ret);
        return 0;
}

static int fail_change(const struct model_channel *c, int error, struct failure *failure) {
        return fail(failure, error == -ENOMEM ? FAILURE_NO_MEMORY : FAILURE_KERNEL,
                    "The events of channel '%s' cannot be changed in the kernel: %s.", c->name, strerror(-error));
}

/* The consumer knows an event's form before the kernel writes the first one. */
static int change_channel(struct kernel_apply *a, const struct model_channel *c, const struct kernel_events *all,
                          char *const *filters) {
        struct instance_list wanted = { 0 }, added = { 0 };
        struct instance *i = NULL;
        size_t refused;
        bool began;
        int k;

        if (a->recording->own && a->plan.n_rules == 0 && !find_instance(a->recording, c->id))
                return 0;
        k = get_instance(a, c, &i);
        if (k < 0)
                return k;
        k = choose(a, all, c->id, filters, &wanted);
        if (k >= 0 && kernel_follow(i, &a->plan, &wanted, &a->failure) < 0) {
                free(wanted.items);
                return -ECANCELED;
        }
        if (k >= 0)
                k = instance_configure(i);
        began = i->enabled.n == 0 && wanted.n > 0;
        if (k >= 0)
                k = instance_disable(i, &wanted, &added);
        if (k >= 0 && began)
                k = kernel_announce_state(a->recording, i);
        if (k >= 0)
                k = kernel_announce_events(a->recording, i, &added);
        if (k >= 0)
                k = instance_enable(i, &added, &refused);
        if (k >= 0 && began && a->recording->own)
                k = kernel_own_vouch(a->recording->own, a->recording->instances);
        free(wanted.items);
        free(added.items);
        return k < 0 ? fail_change(c, k, &a->failure) : 0;
}

static int translate_filters(struct kernel_apply *a, char **filters) {
        int r = 0;

        for (size_t k = 0; k < a->plan.n_rules && r >= 0; k++)
                if (a->plan.rules[k].selector->filter)
                        r = kernel_filter_translate(a->plan.rules[k].selector->filter, &filters[k], &a->failure);
        return r;
}

static int apply(struct kernel_apply *a) {
        struct kernel_events all = { 0 };
        char **filters = calloc(a->plan.n_rules + 1, sizeof(*filters));
        int r;

        r = filters ? translate_filters(a, filters) : fail_memory(&a->failure);
        if (r >= 0 && a->plan.n_rules > 0) {
                r = kernel_events_known(a->recording->domain, &a->plan, &all);
                if (r == -ENOENT)
                        r = kernel_events_read(a->recording->domain->tracefs, &all);
                if (r < 0)
                        fail(&a->failure, FAILURE_KERNEL, "The kernel's events cannot be listed: %s.", strerror(-r));
        }
        for (size_t k = 0; k < a->plan.n_channels && r >= 0; k++)
                r = change_channel(a, &a->plan.channels[k], &all, filters);
        kernel_events_done(&all);
        for (size_t k = 0; filters && k < a->plan.n_rules; k++)
                free(filters[k]);
        free(filters);
        return r;
}

/* Nothing leaves unfiltered what must be filtered, whatever was decided before. */
static bool is_consistent(const struct kernel_apply *a) {
        for (size_t k = 0; k < a->plan.n_rules; k++)
                if (a->plan.rules[k].selector->target.own != (a->recording->own != NULL))
                        return false;
        return true;
}

static bool is_same(const struct kernel_plan *a, const struct kernel_plan *b) {
        if (a->n_channels != b->n_channels || a->n_rules != b->n_rules)
                return false;
        for (size_t k = 0; k < a->n_channels; k++)
                if (a->channels[k].id != b->channels[k].id)
                        return false;
        for (size_t k = 0; k < a->n_rules; k++)
                if (a->rules[k].selector != b->rules[k].selector || a->rules[k].channel != b->rules[k].channel)
                        return false;
        return true;
}

/* What was prepared is what is wanted now, or is changed to it. */
static int apply_prepared(struct kernel_apply *a) {
        struct kernel_recording *r = a->recording;
        int k = r->prepared.n_channels > 0 && is_same(&r->prepared, &a->plan) ? 0 : apply(a);

        kernel_plan_done(&r->prepared);
        for (struct instance *i = r->instances; i && k >= 0; i = i->next) {
                k = instance_switch_on(i);
                if (k < 0)
                        fail(&a->failure, FAILURE_KERNEL, "The kernel's rings cannot be switched on: %s.", strerror(-k));
        }
        return k;
}

static bool wants_all_calls(const struct kernel_plan *plan) {
        for (size_t k = 0; k < plan->n_rules; k++)
                if (plan->rules[k].selector->kind == SELECTOR_SYSCALL && strcmp(plan->rules[k].selector->pattern, "*") == 0)
                        return true;
        return false;
}

static bool run_prepare(struct worker_job *job) {
        struct kernel_apply *a = CONTAINER_OF(job, struct kernel_apply, job);

        if (wants_all_calls(&a->plan))
                formats_begin(a->recording->domain->formats, a->recording->domain->tracefs);
        a->failed = apply(a) < 0;
        for (struct instance *i = a->recording->instances; i; i = i->next)
                a->failed |= instance_wait(i) < 0;
        if (!a->failed) {
                a->recording->prepared = a->plan;
                a->plan = (struct kernel_plan) { 0 };
        }
        return false;
}

/* -EAGAIN: it is not there yet. Where nothing is to be recorded it is not needed. */
static int begin_reader(struct kernel_apply *a, unsigned tries) {
        struct kernel_own *o = a->recording->own;
        int r;

        if (!is_consistent(a))
                return fail(&a->failure, FAILURE_KERNEL, "Events of one's own processes and of others are in different "
                            "sessions; make another one.");
        if (!o || a->plan.n_rules == 0)
                return 0;
        r = kernel_own_begin(o, a->recording->domain->user->clock);
        if (r >= 0 || (r == -EAGAIN && tries < READER_TRIES && !a->recording->ended))
                return r;
        return fail(&a->failure, FAILURE_KERNEL, "The kernel's events of your own processes cannot be read: %s.",
                    o->failed ? o->reason : r == -EAGAIN ? "the unit that reads them does not start" : strerror(-r));
}

/* What is off now is with the consumer when it is told to write what there is. */
static bool run_apply(struct worker_job *job) {
        struct kernel_apply *a = CONTAINER_OF(job, struct kernel_apply, job);
        struct kernel_own *o = a->recording->own;

        if (!a->applied) {
                int r = begin_reader(a, job->tries);

                a->in_the_way = false;
                if (r == -EAGAIN)
                        return true;
                a->failed = r < 0 || apply_prepared(a) < 0;
                if (a->failed && a->in_the_way && job->tries < READER_TRIES && !a->recording->ended)
                        return true;
                a->applied = true;
                job->tries = 0;
        }
        return o && a->plan.n_rules == 0 && job->tries < FLUSH_TRIES && kernel_own_flush(o) == -EAGAIN;
}

static void end_apply(struct worker_job *job) {
        struct kernel_apply *a = CONTAINER_OF(job, struct kernel_apply, job);

        LIST_REMOVE(a, entries);
        if (a->recording->ended && a->gone)
                a->gone(a->userdata);
        else if (!a->recording->ended && a->done)
                a->done(a->failed ? &a->failure : NULL, a->userdata);
        else if (a->failed && !a->prepares)
                log_warning("session %" PRIu64 " of user %u: %s", a->recording->config.key,
                            (unsigned) a->recording->config.owner, a->failure.text);
        kernel_recording_unref(a->recording);
        kernel_plan_done(&a->plan);
        free(a);
}

void kernel_recordings_tell_gone(struct kernel_domain *d) {
        struct kernel_apply *a;

        LIST_FOREACH(a, &d->applies, entries) {
                if (a->gone)
                        a->gone(a->userdata);
                a->done = NULL;
                a->gone = NULL;
        }
}

static int submit(const struct kernel_apply *initial, struct kernel_plan *plan) {
        struct kernel_recording *r = initial->recording;
        struct kernel_apply *a = calloc(1, sizeof(*a));

        if (!a) {
                kernel_plan_done(plan);
                return -ENOMEM;
        }
        *a = *initial;
        a->plan = *plan;
        *plan = (struct kernel_plan) { 0 };
        r->refs++;
        LIST_INSERT_HEAD(&r->domain->applies, a, entries);
        worker_submit(r->domain->worker, &a->job);
        return 0;
}

int kernel_recording_apply(struct kernel_recording *r, struct kernel_plan *plan, kernel_done_t done, kernel_gone_t gone,
                           void *userdata) {
        const struct kernel_apply a = {
                .job = { .run = run_apply, .done = end_apply },
                .recording = r,
                .done = done,
                .gone = gone,
                .userdata = userdata,
        };

        return submit(&a, plan);
}

int kernel_recording_prepare(struct kernel_recording *r, struct kernel_plan *plan) {
        const struct kernel_apply a = {
                .job = { .run = run_prepare, .done = end_apply },
                .recording = r,
                .prepares = true,
        };

        return submit(&a, plan);
}

bool kernel_recording_is_own(const struct kernel_recording *r) {
        return r->own;
}

static bool run_flush(struct worker_job *job) {
        struct flush *f = CONTAINER_OF(job, struct flush, job);

        return job->tries < FLUSH_TRIES && kernel_own_flush(f->recording->own) == -EAGAIN;
}

static void end_flush(struct worker_job *job) {
        struct flush *f = CONTAINER_OF(job, struct flush, job);

        if (!f->recording->ended)
                f->done(NULL, f->userdata);
        kernel_recording_unref(f->recording);
        free(f);
}

int kernel_recording_flush(struct kernel_recording *r, kernel_done_t done, void *userdata) {
        struct flush *f;

        f = calloc(1, sizeof(*f));
        if (!f)
                return -ENOMEM;
        *f = (struct flush) {
                .job = { .run = run_flush, .done = end_flush },
                .recording = r,
                .done = done,
                .userdata = userdata,
        };
        r->refs++;
        worker_submit(r->domain->worker, &f->job);
        return 0;
}

/* The same for each of the session's channels, also those that a later tracingd makes. */
static void make_uuid(struct kernel_recording *r) {
        const uint64_t unique[2] = { strtoull(r->domain->id, NULL, 16) ^ r->config.key << 32, r->config.created };

        memcpy(r->uuid, unique, sizeof(r->uuid));
        r->uuid[6] = (uint8_t) ((r->uuid[6] & 0x0f) | 0x80);
        r->uuid[8] = (uint8_t) ((r->uuid[8] & 0x3f) | 0x80);
}

int kernel_recording_new(struct kernel_domain *d, const struct kernel_recording_config *config, struct sender *sender,
                         struct kernel_recording **ret) {
        struct kernel_recording *r = calloc(1, sizeof(*r));
        int k;

        if (!r)
                return -ENOMEM;
        *r = (struct kernel_recording) { .domain = d, .refs = 1, .config = *config, .sender = sender_ref(sender) };
        make_uuid(r);
        kernel_probe_group(d->id, config->owner, config->key, r->group);
        k = config->own ? kernel_own_new(r, &r->own) : 0;
        if (k < 0) {
                sender_unref(r->sender);
                free(r);
                return k;
        }
        if (config->key > d->last_key)
                d->last_key = config->key;
        r->next = d->recordings;
        d->recordings = r;
        *ret = r;
        return 0;
}

int kernel_recording_note_stored(struct kernel_recording *r, uint64_t stored) {
        uint64_t *list;

        if (stored == 0)
                return 0;
        list = realloc(r->stored, (r->n_stored + 1) * sizeof(*list));
        if (!list)
                return -ENOMEM;
        r->stored = list;
        list[r->n_stored++] = stored;
        return 0;
}

struct kernel_recording *kernel_recording_end(struct kernel_recording *r, bool keep) {
        if (!r)
                return NULL;
        for (struct kernel_recording **p = &r->domain->recordings; *p; p = &(*p)->next)
                if (*p == r) {
                        *p = r->next;
                        break;
                }
        r->ended = true;
        r->keep = keep;
        if (r->own)
                kernel_own_leave(r->own);
        kernel_recording_unref(r);
        return NULL;
}
