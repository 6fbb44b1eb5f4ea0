/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "service/log.h"
#include "service/model/operation.h"
#include "service/model/session-kernel.h"
#include "service/state/keeper.h"
#include "service/state/restore.h"

/* The newest complete one. Others are older, or were not finished. */
static int find_newest(struct fd_store *store, struct ledger_image **ret, struct fd_identity *ret_identity) {
        struct ledger_image *newest = NULL, *image;
        struct fd_identity identity;
        size_t position = 0;
        int fd, r, result = 0;

        while ((fd = fd_store_next(store, &position, &identity)) >= 0) {
                r = ledger_read(fd, &image);
                if (r == -EPROTONOSUPPORT)
                        result = r;
                if (r < 0)
                        continue;
                if (newest && newest->sequence > image->sequence) {
                        ledger_image_free(image);
                        continue;
                }
                ledger_image_free(newest);
                newest = image;
                *ret_identity = identity;
        }
        *ret = newest;
        return newest ? 0 : result;
}

int restore_begin(struct user_domain *domain, struct fd_store *store, struct ledger_image **ret_image) {
        _cleanup_(ledger_image_freep) struct ledger_image *image = NULL;
        struct fd_identity identity;
        int r;

        *ret_image = NULL;
        if (!store)
                return 0;
        if (find_newest(store, &image, &identity) < 0)
                log_warning("the state that the last tracingd left is of a version that is not understood: its "
                            "sessions end");
        r = ledger_new(store, image ? image->sequence : 0, &domain->ledger);
        if (r < 0)
                return r;
        domain->store = store;
        if (image) {
                for (unsigned i = 0; i < _LEDGER_COUNTERS; i++)
                        ledger_count(domain->ledger, i, image->counters[i]);
                user_domain_note_id(domain, image->counters[LEDGER_RINGS]);
                domain->life = image->counters[LEDGER_LIVES] + 1;
                ledger_count(domain->ledger, LEDGER_LIVES, domain->life);
        }
        *ret_image = TAKE_PTR(image);
        return 0;
}

static int restore_channels(struct session *s, const struct remains_session *remains) {
        struct channel **end = &s->channels;
        struct failure ignored;

        for (size_t i = 0; i < remains->n_channels; i++) {
                const struct record_channel *r = &remains->channels[i].record;
                struct model_channel config = {
                        .id = r->id,
                        .n_subbufs = r->n_subbufs,
                        .subbuf_size = r->subbuf_size,
                        .overwrite = r->overwrite,
                        .kernel = r->kernel,
                        .ordered_clock = r->ordered_clock,
                        .contexts = remains->channels[i].contexts,
                };

                snprintf(config.name, sizeof(config.name), "%s", remains->channels[i].name);
                if (channel_new(s, &config, end, &ignored) < 0)
                        return -ENOMEM;
                (*end)->enabled = r->enabled;
                end = &(*end)->next;
                s->n_channels++;
        }
        return 0;
}

static struct channel *find_channel(struct session *s, uint32_t id) {
        struct channel *c = s->channels;

        while (c && c->config.id != id)
                c = c->next;
        return c;
}

static int restore_rules(struct session *s, const struct remains_session *remains) {
        struct rule **end = &s->rules;
        struct failure ignored;

        for (size_t i = 0; i < remains->n_rules; i++) {
                const struct remains_rule *r = &remains->rules[i];

                if (rule_new(find_channel(s, r->record.channel), r->record.id, r->selector, end, &ignored) < 0)
                        return -ENOMEM;
                (*end)->enabled = r->record.enabled;
                end = &(*end)->next;
                s->n_rules++;
        }
        return 0;
}

#define DAMAGED "a record of it in the state that the last tracingd left is damaged"

static int copy(const char *text, char **ret) {
        if (*text && !(*ret = strdup(text)))
                return -ENOMEM;
        return 0;
}

static int restore_output(struct fd_store *store, const struct remains_session *remains, struct session_output *ret) {
        uint64_t stored = 0;
        int fd = -1, r;

        if (remains->record.output_kind == CONSUMER_OUTPUT_FD)
                fd = fd_store_claim(store, &remains->record.output, &stored);
        if (remains->record.output_kind == CONSUMER_OUTPUT_FD && fd < 0)
                return -ENOENT;
        r = session_output_restore(ret, remains->record.output_kind, fd, stored, remains->path, remains->asked,
                                   remains->folder);
        if (r < 0)
                closep(&fd);
        else {
                ret->has_rings = remains->record.flags & RECORD_SESSION_FILES;
                ret->sync_msec = remains->record.sync_msec;
        }
        return r;
}

static int restore_config(struct session *s, const struct remains_session *remains) {
        const struct record_session *r = &remains->record;
        int k;

        s->key = r->key;
        s->state = r->state;
        s->last_channel = r->last_channel;
        s->last_rule = r->last_rule;
        s->chunks = r->chunks;
        s->space.config = (struct space_config) { r->rotate_size, r->rotate_usec, r->max_size };
        s->space.bytes = r->chunk_bytes;
        s->space.begun = r->chunk_begun;
        s->ending = r->flags & RECORD_SESSION_ENDING;
        s->persistent = r->flags & RECORD_SESSION_PERSISTENT;
        s->reaches_others = r->flags & RECORD_SESSION_REACHES_OTHERS;
        /* What the registry will count begins at 0. */
        s->applications_before = -r->applications;
        k = copy(remains->profile, &s->profile);
        if (k >= 0)
                k = copy(remains->reason, &s->reason);
        if (k >= 0)
                k = restore_channels(s, remains);
        return k < 0 ? k : restore_rules(s, remains);
}

/* It records no more, and stays until its owner has seen why. */
static void restore_refused(struct session *s, struct fd_store *store, const struct remains_session *remains) {
        log_warning("session '%s' of user %u cannot be taken up again: " DAMAGED "; %zu of its rings are given up", s->name,
                    (unsigned) s->owner, remains_count_rings(remains));
        s->state = SESSION_FAILED;
        free(s->reason);
        s->reason = strdup(DAMAGED "; destroy it and make it again");
        if (remains->has_consumer && restore_recording(s, store, remains) < 0)
                log_debug("session '%s' has no counters any more", s->name);
}

static void restore_data(struct session *s, struct fd_store *store, const struct remains_session *remains) {
        int r;

        if (remains->refused) {
                restore_refused(s, store, remains);
                return;
        }
        if (s->state == SESSION_CONFIGURED)
                return;
        r = remains->has_consumer ? restore_recording(s, store, remains) : -ENOENT;
        if (r >= 0 || s->state == SESSION_FAILED)
                return;
        log_warning("session '%s' of user %u has lost its consumer: %s", s->name, (unsigned) s->owner, strerror(-r));
        s->state = SESSION_FAILED;
        free(s->reason);
        s->reason = strdup("what it had in memory did not survive a restart of tracingd");
}

static int restore_session(struct manager *m, struct fd_store *store, const struct remains_session *remains) {
        struct session_config config = {
                .name = remains->name,
                .owner = remains->record.owner,
                .mode = remains->record.mode,
                .created = remains->record.created,
                .client = *remains->client ? remains->client : NULL,
        };
        _cleanup_(session_freep) struct session *s = NULL;
        struct failure ignored;
        int r;

        r = restore_output(store, remains, &config.output);
        if (r < 0)
                return r;
        r = manager_make_session(m, &config, &s, &ignored);
        if (r < 0) {
                session_output_done(&config.output);
                return r;
        }
        r = restore_config(s, remains);
        if (r < 0)
                return r;
        restore_data(s, store, remains);
        manager_add_session(m, TAKE_PTR(s));
        return 0;
}

static void restore_one(struct manager *m, struct fd_store *store, const struct remains_session *remains) {
        int r;

        if (!remains->name) {
                log_warning("a session cannot be taken up again: " DAMAGED ", and nobody knows any more whose it was; "
                            "%zu of its rings are given up", remains_count_rings(remains));
                return;
        }
        r = restore_session(m, store, remains);
        if (r < 0)
                log_warning("session '%s' of user %u cannot be taken up again (%s) and ends", remains->name,
                            (unsigned) remains->record.owner, strerror(-r));
}

static void restore_clock(struct manager *m, const struct remains *remains) {
        const struct trace_clock_info clock = {
                .frequency = remains->clock.frequency,
                .offset_seconds = remains->clock.offset_seconds,
                .offset_ticks = remains->clock.offset_ticks,
                .precision = remains->clock.precision,
        };

        if (!remains->has_clock || !trace_clock_is_known(remains->clock.clock))
                return;
        /* Rings and traces that there are have it, also where the kernel has left it since. */
        m->domain->clock = (enum trace_clock) remains->clock.clock;
        m->domain->timens_offset = m->domain->clock == TRACE_CLOCK_MONOTONIC ? trace_clock_timens_offset() : 0;
        calibration_set(m->calibration, &clock);
        keeper_put_clock(m, &clock);
}

static void restore_all(struct manager *m, struct fd_store *store, const struct ledger_image *image) {
        _cleanup_(remains_done) struct remains remains = { 0 };
        struct failure ignored;
        int r;

        r = remains_read(image, &remains);
        if (r < 0) {
                log_warning("the state that the last tracingd left cannot be used (%s): its sessions end", strerror(-r));
                return;
        }
        restore_clock(m, &remains);
        for (size_t i = 0; i < remains.n_sessions; i++)
                restore_one(m, store, &remains.sessions[i]);
        if (m->sessions)
                log_debug("%u sessions are taken up again", m->n_sessions);
        if (manager_publish(m, 0, &ignored) < 0)
                log_warning("there is not enough memory for the sessions that were taken up again");
}

void restore_sessions(struct manager *m, struct fd_store *store, const struct ledger_image *image) {
        if (image) {
                m->last_session = image->counters[LEDGER_SESSIONS];
                /* Nobody has seen a model yet. */
                m->published->generation += image->counters[LEDGER_GENERATION];
                restore_all(m, store, image);
        }
        if (!m->domain->ledger)
                return;
        if (ledger_complete(m->domain->ledger) < 0)
                log_debug("the state has no place in the service manager's store: sessions end with tracingd");
        /* Also the file of the state until now: from here on there is the new one. */
        fd_store_drop_unclaimed(store);
}

static void finish_session(struct session *s) {
        if (s->consumer) {
                session_expect_requests(s);
                if (consumer_resume(s->consumer) < 0) {
                        session_fail(s, "there is not enough memory for it after a restart of tracingd");
                        return;
                }
        }
        if (s->consumer && s->state != SESSION_FAILED) {
                session_disk_look(s);
                session_space_look(s);
                if (s->state == SESSION_ACTIVE)
                        clock_watch_begin(s->manager);
        }
        if (session_kernel_restore(s) < 0)
                log_warning("session '%s' of user %u does not record the kernel any more: that cannot be traced now",
                            s->name, (unsigned) s->owner);
        if (s->ending || session_is_bound_to_connection(s))
                session_end(s);
        else if (s->state == SESSION_STOPPING && session_continue_stop(s) < 0)
                session_fail(s, "it cannot be stopped after a restart of tracingd");
}

void restore_finish(struct manager *m) {
        struct session *next;

        for (struct session *s = m->sessions; s; s = next) {
                next = s->next;
                finish_session(s);
        }
        if (session_kernel_clean(m) < 0)
                log_warning("there is not enough memory to remove what an earlier tracingd has left in the kernel");
}
