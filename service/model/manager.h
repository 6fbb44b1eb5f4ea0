/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The manager: all sessions, and the published form of them that workers read.
 * The main loop alone changes anything here. Publishing is always the same
 * three steps: change the objects, replace the RCU pointer, walk the
 * applications of the uid that it concerns (see registry/registry.h for why in
 * that order). Where the second step fails the first is undone.
 */

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "common/cleanup.h"
#include "service/model/calibration.h"
#include "service/model/clock-watch.h"
#include "service/model/profile.h"
#include "service/model/session.h"
#include "service/model/view.h"
#include "service/unit/start.h"

enum manager_news {
        MANAGER_SESSION_ADDED,
        MANAGER_SESSION_CHANGED,
        MANAGER_SESSION_REMOVED,
        MANAGER_CHANNEL_ADDED,
        MANAGER_RULE_ADDED,
        MANAGER_RULE_CHANGED,
        MANAGER_RULE_REMOVED,
        MANAGER_CHANNEL_CHANGED,
        MANAGER_SESSION_STOPPED_LATE, /* after Stop had to reply; the counters are final */
};

/* Those who tell the world, one for each bus. *_REMOVED comes while the object can still be found. */
struct manager_listener {
        struct manager_listener *next;
        void (*news)(enum manager_news news, struct session *session, struct channel *channel, struct rule *rule,
                     void *userdata);
        void *userdata;
};

struct registry;
struct waiter;
struct kernel_domain;
struct journal;

struct manager {
        sd_event *event;
        struct user_domain *domain;
        struct kernel_domain *kernel; /* whoever makes the manager sets it; NULL: there is none */
        struct registry *registry;
        struct consumer_starter starter;
        struct calibration *calibration;
        struct clock_watch clock_watch;
        struct manager_listener *listeners;
        struct journal *journal; /* whoever makes the manager sets it; NULL: what it has to say goes to standard error */
        struct profile_places profile_places;
        bool has_state_directories; /* consumers are units, which have one each */
        uint64_t state_second;      /* of the last one, or of our start: who was there before may have made some then */
        uint64_t consumer_usec; /* that a consumer has to answer, to write, to end */

        struct model_view *published; /* RCU */
        struct session *sessions;
        uint32_t n_sessions;
        uint64_t last_session; /* number in the state */
        struct ledger_entry *clock_entry;

        uint32_t (*expected)(void *userdata); /* of manager_expected(); may be NULL */
        void *userdata;
        struct waiter *waiters;
        sd_event_source *waiters_source;

        bool shutting_down, leaving;
        void (*shutdown_done)(void *userdata);
        void *shutdown_userdata;
};

/* registry is set by the caller before any method is called. */
int manager_new(sd_event *event, struct user_domain *domain, const struct consumer_starter *starter,
                struct manager **ret);
struct manager *manager_free(struct manager *m);
DEFINE_CLEANUP(struct manager *, manager_free)

struct session *manager_find_session(struct manager *m, uid_t owner, const char *name);

/* What can be said against it before it is made. replaces: that will be gone by then, or NULL. */
int manager_check_session(struct manager *m, const struct session_config *config, const struct session *replaces,
                          struct failure *failure);

/* Checked here, too; config->output is taken over on success. */
int manager_create_session(struct manager *m, const struct session_config *config, struct session **ret,
                           struct failure *failure);

/* The two halves of that: one that nobody knows of yet, and that becomes known. */
int manager_make_session(struct manager *m, const struct session_config *config, struct session **ret,
                         struct failure *failure);
void manager_add_session(struct manager *m, struct session *s);

/* A directory of a session's own, in folder or (NULL) its unit's state directory: one that no other of ours has had. */
int manager_dated_output(struct manager *m, const char *folder, const char *session, uint64_t created,
                         struct session_output *ret, struct failure *failure);

/* Announces it and frees it. */
void manager_remove_session(struct manager *m, struct session *s);

/* Publishes the model as it is now and has every application of uid, which may be REGISTRY_ANY_UID, look at it. */
int manager_publish(struct manager *m, uid_t uid, struct failure *failure);

/* Applications that are on their way: they were woken, or have been here before a restart of tracingd. */
uint32_t manager_expected(const struct manager *m);

uint64_t manager_generation(const struct manager *m);
uint32_t manager_active_channels(const struct manager *m, uid_t owner);

/* The listener stays the caller's, until it is removed. */
void manager_add_listener(struct manager *m, struct manager_listener *listener);
void manager_remove_listener(struct manager *m, struct manager_listener *listener);

void manager_announce(struct manager *m, enum manager_news news, struct session *s, struct channel *channel,
                      struct rule *rule);

/* tracingd goes and its sessions stay; who waits for one is told so. Everything is in the state already. */
void manager_leave(struct manager *m);

/* Ends every session, giving consumers a bounded time to write; done is called from the main loop. */
void manager_shutdown(struct manager *m, void (*done)(void *userdata), void *userdata);
