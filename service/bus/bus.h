/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One connection on which tracingd's objects are: the message bus
 * (message-bus.h), or a client at the other end of a socket, where we are the
 * D-Bus server (peer-bus.c). Every object has a file object-bus.c, whose methods
 * read, validate, find, authorize, act and reply, in that order. Main loop only.
 */

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "common/cleanup.h"
#include "service/bus/authorizer.h"
#include "service/bus/emit.h"
#include "service/model/manager.h"
#include "service/registry/registry.h"

#define BUS_ROOT "/org/tracectl/Tracing1"
#define BUS_INTERFACE(name) "org.tracectl.Tracing1." name

struct wake;
struct audit;
struct clients;
struct listing;
struct share;

/* What all connections have in common; outlives them. */
struct bus_shared {
        sd_event *event;
        struct manager *manager;
        struct registry *registry;
        struct wake *wake;
        struct audit *audit;          /* NULL: nothing is written */
        void (*used)(void *userdata); /* a client has called, or has left; may be NULL */
        void *userdata;
};

struct bus {
        struct manager_listener listener; /* of its manager; leads from there to us */
        const struct bus_shared *shared;
        sd_bus *bus;
        struct manager *manager;
        struct registry *registry;
        struct authorizer *authorizer;
        struct clients *clients; /* of the message bus; NULL peer to peer */
        struct share *share;     /* of the system's bus; NULL elsewhere */
        sd_id128_t id;           /* of the message bus once it was joined; peer to peer of this connection */
        sd_event_source *left_over; /* peer to peer: what came together with the last of the authentication */
        struct emitter *emitter;
        struct listing *listings;  /* replies that wait for applications, or are being made */
        sd_event_source *lister;   /* the next turn of one of them; NULL: none ever took two */
        uid_t listed;              /* whose the last turn was */
        struct application *found; /* the last one that a path led to; sd-bus keeps no reference */
        bool deaf;                 /* too many messages wait for it to read: it gets no signals until it has */
        bool telling;              /* signals are being written, for whoever may know: lookups show everything */
        void (*hung_up)(void *userdata);
        void *userdata;
};

/*
 * Puts our objects on a connection that has not been started. bus and
 * authorizer are taken over, also on failure. hung_up is called when the
 * connection has ended or is of no use; it must not free the bus.
 */
int bus_new(const struct bus_shared *shared, sd_bus *bus, struct authorizer *authorizer,
            void (*hung_up)(void *userdata), void *userdata, struct bus **ret);

/* Starts it, as part of the main loop. */
int bus_start(struct bus *b);

/* With the client at the other end of fd, which is taken over. -EACCES where its uid is not ours. */
int bus_new_peer(const struct bus_shared *shared, int fd, void (*hung_up)(void *userdata), void *userdata,
                 struct bus **ret);
struct bus *bus_free(struct bus *b);
DEFINE_CLEANUP(struct bus *, bus_free)

/* The one that a message came by. NULL where that has gone since. */
struct bus *bus_of(struct manager *m, sd_bus_message *message);

/*
 * For methods: 1 allowed, 0 the method will be called again, -errno with error
 * set. Nothing is changed or shown before it has returned 1.
 */
int bus_authorize(struct bus *b, sd_bus_message *m, const struct question *question, sd_bus_error *error);

/* For methods: on whose behalf the message was sent. -errno with error set. */
int bus_caller(struct bus *b, sd_bus_message *m, uid_t *ret, sd_bus_error *error);

/*
 * For lookups, enumerations and properties: whether the sender of the message
 * that is being handled may know what belongs to owner.
 */
bool bus_shows(struct bus *b, uid_t owner);

/* The uids of which the sender may know applications. The caller frees *ret. */
int bus_shown_uids(struct bus *b, uid_t **ret, size_t *ret_n);

/*
 * Whether anybody would get a signal about what belongs to owner; sends it to them all, sealing it. Those about
 * applications, which may be thousands, go to who has asked for applications.
 */
bool bus_has_audience(struct bus *b, uid_t owner, bool application);
void bus_send_signal(struct bus *b, uid_t owner, bool application, sd_bus_message *signal);

/* For the manager's listener, and the same for applications, which the registry's news are about: on all connections. */
void bus_on_news(enum manager_news news, struct session *s, struct channel *c, struct rule *rule, void *userdata);
void bus_tell_application(struct manager *m, uint64_t id, uid_t uid, bool added);

/* For methods: reads the options at the message's place; -errno with error set. */
struct option;
int bus_read_options(sd_bus_message *m, const struct option *options, size_t n, sd_bus_error *error);

/* Reads a domain argument. */
int bus_read_domain(const char *domain, bool *ret_kernel, sd_bus_error *error);

/* -errno with error set where the kernel cannot be traced. */
int bus_require_kernel(struct bus *b, sd_bus_error *error);

/*
 * For methods: calls act, and where one of owner's limits is in the way and the sender may exceed it, calls it again
 * without. act changes nothing where it fails. As bus_authorize().
 */
int bus_act(struct bus *b, sd_bus_message *m, uid_t owner, const char *session,
            int (*act)(void *userdata, struct failure *failure), void *userdata, sd_bus_error *error);

/*
 * A reply that comes later. The message is the callback's own reference.
 * Property changes and signals that are still waiting go out first.
 */
void bus_reply_failure(struct bus *b, sd_bus_message *m, const struct failure *failure);
void bus_reply(struct bus *b, sd_bus_message *m, sd_bus_message *reply);

/* object-bus.c */
extern const sd_bus_vtable manager_vtable[];
extern const sd_bus_vtable session_vtable[];
extern const sd_bus_vtable channel_vtable[];
extern const sd_bus_vtable event_vtable[];
extern const sd_bus_vtable application_vtable[];

int session_find(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret, sd_bus_error *error);
int channel_find(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret, sd_bus_error *error);
int event_find(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret, sd_bus_error *error);
int application_find(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret,
                     sd_bus_error *error);

/* The caller frees *ret. */
int session_path(const struct session *s, char **ret);
int channel_path(const struct channel *c, char **ret);
int event_path(const struct rule *rule, char **ret);
int application_path(uint64_t id, char **ret);

/* session-counts.c: appends a{sv} */
int session_append_counts(sd_bus_message *reply, const struct session *s, uint32_t pending);
/* session-channels-bus.c */
int session_method_enable_channel(sd_bus_message *m, void *userdata, sd_bus_error *error);
int session_method_disable_channel(sd_bus_message *m, void *userdata, sd_bus_error *error);
int session_method_add_context(sd_bus_message *m, void *userdata, sd_bus_error *error);
/* profile-bus.c */
int manager_method_apply_profile(sd_bus_message *m, void *userdata, sd_bus_error *error);
int session_method_dump(sd_bus_message *m, void *userdata, sd_bus_error *error);
int session_method_open_stream(sd_bus_message *m, void *userdata, sd_bus_error *error);
int manager_get_limits(sd_bus *bus, const char *path, const char *interface, const char *property,
                       sd_bus_message *reply, void *userdata, sd_bus_error *error);
/* session-events-bus.c */
int session_method_enable_event(sd_bus_message *m, void *userdata, sd_bus_error *error);
int session_method_disable_event(sd_bus_message *m, void *userdata, sd_bus_error *error);
int session_method_remove_event(sd_bus_message *m, void *userdata, sd_bus_error *error);
/* list-bus.c */
int manager_method_list_sessions(sd_bus_message *m, void *userdata, sd_bus_error *error);
int manager_method_list_applications(sd_bus_message *m, void *userdata, sd_bus_error *error);
int manager_method_list_events(sd_bus_message *m, void *userdata, sd_bus_error *error);
