/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The kernel domain, as its files know it. */

#include "service/domain/kernel/instance.h"
#include "service/domain/kernel/kernel.h"
#include "service/domain/kernel/own.h"
#include "service/domain/kernel/probe-lines.h"
#include "service/domain/kernel/spare-instance.h"
#include "service/domain/kernel/worker.h"
#include "service/unit/sender.h"

/* Instances are numbered by sessions and channels; a session's channels are numbered from 1 on, and fewer. */
#define KERNEL_CHANNELS_OF_SESSION 32
#define KERNEL_SET UINT64_MAX /* in the consumer protocol: no ring set has this number */

struct kernel_domain {
        const struct user_domain *user;
        int tracefs; /* -1: unavailable, for this reason */
        char reason[256];
        char id[17];
        int sign; /* -1: none could be had */
        struct worker *worker; /* NULL: unavailable */
        struct formats *formats; /* the worker's */
        struct spare_instance *spare;
        uint64_t last_key; /* the newest session's of which there was a recording */
        LIST_HEAD(, kernel_apply) applies; /* recording.c: those whose ends are still to be told */
        struct kernel_recording *recordings; /* that have not ended */
};

struct kernel_recording {
        struct kernel_recording *next;
        struct kernel_domain *domain;
        unsigned refs; /* its session's, and one of each job: main loop */
        bool ended, keep;
        struct kernel_recording_config config;
        struct sender *sender;
        struct kernel_own *own; /* NULL: its consumer has the kernel's pipes */
        uint8_t uuid[16];
        char group[PROBE_WORD_MAX]; /* of its session's probes */
        uint64_t *stored; /* descriptors in the store; the thread's, as the next */
        size_t n_stored;
        struct instance *instances; /* the thread's, until the last job is done */
        struct kernel_plan prepared; /* the thread's: what they are to do once they are on; no channels: nothing was prepared */
};

void kernel_recording_unref(struct kernel_recording *r);

/* Tells those who wait for a plan to be applied that it is gone; they are called no more. */
void kernel_recordings_tell_gone(struct kernel_domain *d);

/* own-reader.c, main loop: nobody hears of the reader any more, which ends when it has passed on what it has. */
void kernel_own_leave(struct kernel_own *o);

/* What a channel's instance is called. */
void kernel_instance_name(const struct kernel_domain *d, uid_t owner, uint64_t session, uint32_t channel,
                          char ret[static INSTANCE_NAME_MAX]);

/*
 * follow.c: before events are added to a channel, the kernel is told whose they are to be. Where that changes, events
 * that there are go first. A worker's.
 */
int kernel_follow(struct instance *i, const struct kernel_plan *plan, const struct instance_list *wanted,
                  struct failure *failure);

/*
 * inquiry.c: whether the kernel has an event that a rule is for, and takes its filter; a worker's. group: that of the
 * rule's session, or NULL where it is for no probe.
 */
int kernel_check_rule(struct kernel_domain *d, const struct selector *s, const char *group, struct failure *failure);

/* Whether a rule may have an event that it selects: not all are of the session's owner's own processes. */
bool kernel_event_permitted(const struct kernel_event *e, const struct selector *s);

/* known-events.c: what a rule selects is known, and there, without the kernel's list of events; a worker's. */
bool kernel_rule_is_known(const struct kernel_domain *d, const struct selector *s);

/* The events of such rules, each once, and all system calls where one is for all. -ENOENT: a rule is another one. */
int kernel_events_known(const struct kernel_domain *d, const struct kernel_plan *plan, struct kernel_events *ret);

/* announce.c: tells the consumer of a channel, and of events; a worker's. */
int kernel_announce_channel(struct kernel_recording *r, const struct instance *i, const struct model_channel *channel);
int kernel_announce_events(struct kernel_recording *r, const struct instance *i, const struct instance_list *events);
int kernel_send_state(struct kernel_recording *r, const struct instance *i, int fd);

/* state.c: before a channel's first events, which threads there are; a worker's. */
int kernel_announce_state(struct kernel_recording *r, struct instance *i);
