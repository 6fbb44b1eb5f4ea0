/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * tracingd's objects on a bus. In private mode the bus is one connected socket,
 * on which we are the D-Bus server. Every object has a file object-bus.c, whose
 * methods read, validate, find, authorize, act and reply, in that order. Main
 * loop only.
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

struct bus {
        struct manager_listener listener; /* of its manager; leads from there to us */
        sd_bus *bus;
        struct manager *manager;
        struct registry *registry;
        struct authorizer *authorizer;
        struct emitter *emitter;
        struct application *found; /* the last one that a path led to; sd-bus keeps no reference */
        void (*hung_up)(void *userdata);
        void *userdata;
};

/* Serves on fd, which is taken over. hung_up is called when the client is gone. */
int bus_new_private(sd_event *event, int fd, struct manager *manager, struct registry *registry,
                    struct authorizer *authorizer, void (*hung_up)(void *userdata), void *userdata,
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

/* For methods: reads the options at the message's place; -errno with error set. */
struct option;
int bus_read_options(sd_bus_message *m, const struct option *options, size_t n, sd_bus_error *error);

/* Checks a domain argument. */
int bus_check_domain(const char *domain, sd_bus_error *error);

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
