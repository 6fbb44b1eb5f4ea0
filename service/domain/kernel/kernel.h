/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The kernel domain: whether this tracingd can trace the kernel, and the thread
 * that does what is to be done in tracefs. All functions are the main loop's; what
 * takes time calls back from it.
 *
 * Instances are called tracectl-ID-UID-NUMBER. ID is this tracingd's and its
 * successors' until the next boot: tracefs is one for all containers of the
 * machine, and names with another id are somebody else's. NUMBER is made of the
 * session's and the channel's.
 */

#include <systemd/sd-event.h>

#include "common/cleanup.h"
#include "service/domain/user.h"
#include "service/model/failure.h"
#include "service/model/selector.h"
#include "service/model/view.h"

struct kernel_config {
        const char *tracefs;       /* NULL: where it always is; else what is there need not be one */
        const char *run_directory; /* keeps the id; NULL: this tracingd has no kernel domain */
};

struct kernel_domain;
struct kernel_recording;
struct sender;
struct unit_starter;

/* Always succeeds, but for memory: where there is no kernel domain, it says why. */
int kernel_domain_new(sd_event *event, const struct user_domain *user, const struct kernel_config *config,
                      struct kernel_domain **ret);

/*
 * Before those go that wait for an answer: waits until they have it, or tells them
 * that what they wait for is gone. Afterwards nobody is called.
 */
void kernel_domain_drain(struct kernel_domain *d);

/* Waits for what is going on. */
struct kernel_domain *kernel_domain_free(struct kernel_domain *d);

/* NULL: the kernel can be traced. Else why not, a clause. */
const char *kernel_domain_unavailable(const struct kernel_domain *d);

/* FAILURE_KERNEL where it cannot. */
int kernel_domain_require(const struct kernel_domain *d, struct failure *failure);

/* failure NULL: it has worked. */
typedef void (*kernel_done_t)(const struct failure *failure, void *userdata);

/*
 * Whether the kernel has an event that a rule is for, and takes its filter. done is called once,
 * from a later turn of the main loop.
 */
int kernel_domain_check(struct kernel_domain *d, struct selector *selector, kernel_done_t done, void *userdata);

/* Whose a probe is. */
struct kernel_probe_owner {
        uid_t uid;
        uint64_t session; /* its key */
};

/*
 * Sets the probe of a rule, and tries its filter; done as kernel_domain_check(). Of a probe in a program, file is that,
 * as its user has opened it; -1: the service opens it, on behalf of root alone. It stays until
 * kernel_domain_remove_probes(), also if the rule is never made.
 */
int kernel_domain_probe(struct kernel_domain *d, const struct kernel_probe_owner *owner, struct selector *selector,
                        int file, kernel_done_t done, void *userdata);

/* After a session has gone: its probes go when its instances have. */
void kernel_domain_remove_probes(struct kernel_domain *d, const struct kernel_probe_owner *owner);

/* Removes probes that an earlier tracingd has left, but those of the sessions with these keys. */
int kernel_domain_sweep_probes(struct kernel_domain *d, const uint64_t *sessions, size_t n);

/* An event and the text of its format file. */
struct kernel_listed {
        char *name; /* system:name */
        char *format;
};

typedef void (*kernel_listed_t)(const struct kernel_listed *events, size_t n, int error, void *userdata);

/* The events whose `system:name` or `name` the glob matches. */
int kernel_domain_list(struct kernel_domain *d, const char *glob, kernel_listed_t done, void *userdata);

/* Removes instances that an earlier tracingd has left, but those of recordings that there are. */
int kernel_domain_clean(struct kernel_domain *d);

/* What a session records of the kernel. */
struct kernel_plan_rule {
        struct selector *selector; /* a reference */
        uint32_t channel;
};

struct kernel_plan {
        struct model_channel *channels;
        size_t n_channels;
        struct kernel_plan_rule *rules; /* the first that selects an event decides about its channel */
        size_t n_rules;
};

void kernel_plan_done(struct kernel_plan *plan);

struct kernel_recording_config {
        uid_t owner;
        uint64_t key;     /* the session's */
        uint64_t created; /* microseconds since the epoch */
        bool restored;    /* its consumer has been told of its channels by an earlier tracingd */

        bool brief; /* ends with its client: another one like it may follow, and something is made ready for that */
        bool own; /* the owner may see his own processes alone: a reader is started, and these are needed */
        sd_event *event;
        struct unit_starter *units; /* NULL: there are none */
        void (*failed)(const char *reason, void *userdata); /* the reader is gone, and with it what it had; a clause */
        void *userdata;
};

/* One for each session that records the kernel; sender is that of its consumer. */
int kernel_recording_new(struct kernel_domain *d, const struct kernel_recording_config *config, struct sender *sender,
                         struct kernel_recording **ret);

/* In place of a kernel_done_t: the recording has ended before. */
typedef void (*kernel_gone_t)(void *userdata);

/*
 * Makes the kernel record what the plan says, and tells the consumer first. The plan
 * is taken over. One of done and gone is called, once, from a later turn of the main
 * loop; NULL: nobody is to be told of that.
 */
int kernel_recording_apply(struct kernel_recording *r, struct kernel_plan *plan, kernel_done_t done, kernel_gone_t gone,
                           void *userdata);

/*
 * Has everything ready for such a plan, which the thread does beside the start of the consumer: the kernel_recording_apply()
 * that follows has little to do then. Nothing is recorded before. What goes wrong is for that to tell.
 */
int kernel_recording_prepare(struct kernel_recording *r, struct kernel_plan *plan);

bool kernel_recording_is_own(const struct kernel_recording *r);

/*
 * Of one with a reader: calls done when that has passed on everything that the kernel has recorded up to now, or is
 * late. -errno: it will not be called.
 */
int kernel_recording_flush(struct kernel_recording *r, kernel_done_t done, void *userdata);

/* A descriptor in the store that is the recording's: it goes with it. 0: none. */
int kernel_recording_note_stored(struct kernel_recording *r, uint64_t stored);

/*
 * It is over: nobody is called any more, but those that are to hear of that. Its instances go as soon as nobody has
 * files of them open; keep: they stay, for the next tracingd.
 */
struct kernel_recording *kernel_recording_end(struct kernel_recording *r, bool keep);
