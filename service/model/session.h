/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A session: a named container that one user owns, with channels, event rules,
 * an output, and a consumer once it has been started. Owned by the manager;
 * main loop only. What it does over time is in operation.h.
 *
 *   configured ──Start──▶ active ──Stop──▶ stopping ──▶ stopped ──Start──▶ active
 *        any of them with a consumer ──▶ failed, with a reason
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/cleanup.h"
#include "service/domain/recording.h"
#include "service/model/channel.h"
#include "service/model/failure.h"
#include "service/model/output.h"
#include "service/model/rule.h"
#include "service/model/session-disk.h"
#include "service/model/session-space.h"
#include "service/model/session-stall.h"
#include "service/unit/consumer.h"

enum session_state {
        SESSION_CONFIGURED,
        SESSION_ACTIVE,
        SESSION_STOPPING,
        SESSION_STOPPED,
        SESSION_FAILED,
        _SESSION_STATE_MAX,
};

enum session_mode {
        SESSION_RECORD,
        SESSION_FLIGHT_RECORDER, /* channels overwrite unless asked otherwise */
};

struct manager;
struct operation;
struct kernel_recording;

struct session {
        struct session *next;
        struct manager *manager;
        uint64_t key;               /* its number in the state, never given again */
        struct ledger_entry *entry; /* in the state */
        uint64_t kept_applications; /* as the state has them */
        char name[MODEL_NAME_MAX + 1];
        uid_t owner;
        enum session_mode mode;
        enum session_state state;
        char *reason; /* of SESSION_FAILED: a predicate such as "its consumer ended with status 1" */

        struct session_output output;
        uint64_t created; /* microseconds since the epoch */
        char *profile;    /* that it was made from, or NULL: by hand */
        char *client;     /* with whose connection it ends (bus/binding.h), or NULL */
        bool persistent;  /* that profile is enabled: a boot brings it back */
        bool ending;      /* it is being destroyed: a restart of tracingd does not change that */
        struct charge charge;

        struct channel *channels;
        struct rule *rules; /* in the order in which they were made */
        uint32_t n_channels, n_rules, last_channel, last_rule;
        bool reaches_others; /* it has had a rule for applications that are not the owner's */

        struct consumer *consumer;   /* NULL before the first start; after a failure it is kept for its units */
        struct kernel_recording *kernel; /* NULL: it has never recorded the kernel */
        struct recording *recording; /* kept after a failure, for the counters */
        uint64_t applications_before; /* that had registered and gone before the first start; less those before a restart */
        struct operation *operation;  /* that is running, or NULL */
        struct session_stall stall;   /* after a Stop */
        struct session_disk disk;     /* whether it takes what is written */
        struct session_space space;   /* how much of it */
        bool request_running;         /* of the consumer, also when its operation has timed out */
        uint32_t chunks;              /* that Rotate has made */
        struct live_stream *streams;  /* that clients read */
};

/* What Stop and Snapshot report. */
struct session_counts {
        struct consumer_status status;
        uint64_t applications;
};

/* Microseconds since the epoch. */
uint64_t session_now(void);

const char *session_state_to_string(enum session_state state);
const char *session_mode_to_string(enum session_mode mode);
int session_mode_from_string(const char *s, enum session_mode *ret);

/* What a session is made from. */
struct session_config {
        const char *name;
        uid_t owner;
        enum session_mode mode;
        uint64_t created;             /* microseconds since the epoch */
        const char *client;           /* NULL: it outlives its client */
        struct space_config space;    /* space_check() has seen it */
        struct session_output output; /* taken over on success */
};

/* What calls its consumer makes. */
struct consumer_handlers session_consumer_handlers(struct session *s);
struct consumer_spec session_consumer_spec(const struct session *s);

/* The config has been checked. */
int session_new(struct manager *manager, const struct session_config *config, struct session **ret);
struct session *session_free(struct session *s);
DEFINE_CLEANUP(struct session *, session_free)

/* Whether it was ever started: then its rings, output and mode stay what they are. */
static inline bool session_has_recorded(const struct session *s) {
        return s->recording;
}

/* Whose applications its rules may reach: the owner's, or everybody's, REGISTRY_ANY_UID. */
uid_t session_scope(const struct session *s);

/* Makes that everybody's. */
void session_widen_scope(struct session *s);

/* Each domain has names of its own. */
struct channel *session_find_channel(struct session *s, bool kernel, const char *name);
struct rule *session_find_rule(struct session *s, uint32_t id);

/* The rule of this selector in a channel, or NULL. */
struct rule *session_find_selector(struct session *s, const struct channel *channel, const struct selector *selector);

/* Makes a channel, or, without options, enables one that is disabled. */
int session_enable_channel(struct session *s, const char *name, const struct channel_options *options,
                           struct channel **ret, struct failure *failure);
int session_disable_channel(struct session *s, bool kernel, const char *name, struct failure *failure);

/* To all channels, or to the default channel, which is made, where the channel's name is empty. */
int session_add_context(struct session *s, const char *channel, const char *type, struct failure *failure);

/* Publishes a change of a session that is active; that of another one concerns nobody yet. */
int session_publish(struct session *s, struct failure *failure);

/*
 * Adds a rule, or enables it again, and publishes it. An empty channel name is
 * the default channel, made where it does not exist. Refused where the same
 * pattern, or an event that is known to be selected, is in another channel.
 */
int session_enable_event(struct session *s, const char *channel, struct selector *selector, struct rule **ret,
                         struct failure *failure);
int session_disable_event(struct session *s, struct rule *rule, struct failure *failure);
int session_remove_event(struct session *s, struct rule *rule, struct failure *failure);

/* Takes it out of the list; it is the caller's then. */
void session_unlink_rule(struct session *s, struct rule *rule);

/* A client that spoke to us peer to peer: no tracingd but this one can know of its end. */
bool session_is_bound_to_connection(const struct session *s);

/* Its client has gone: the session ends, whatever it is doing. */
void session_client_gone(struct session *s);

struct session_counts session_counts(const struct session *s);

/* Its consumer is lost: applications stop recording, and people see why. */
void session_fail(struct session *s, const char *reason);
