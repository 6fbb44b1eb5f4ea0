/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The service's signals about its objects, behind what was there when they
 * began. The service tells those who have called it, so a follower begins with a
 * call; until its answer is there, signals say nothing that it does not say.
 * On a bus only what comes from where the answer came from is believed.
 */

#include <errno.h>
#include <string.h>

#include "client/libtracectl/notice.h"
#include "client/libtracectl/operation.h"

#define OBJECT_MANAGER "org.freedesktop.DBus.ObjectManager"
#define PROPERTIES "org.freedesktop.DBus.Properties"

struct tracectl_follower {
        tracectl_connection *connection; /* referenced */
        bool with_applications, is_following, is_freed;
        unsigned n_calling; /* of the callback, one within another */
        char *owner;        /* whose signals are believed; NULL: not yet, or peer to peer */
        sd_bus_slot *added, *removed, *changed, *stopped, *owner_changed, *disconnected;
        sd_bus_slot *objects, *applications; /* calls that are waited for */
        tracectl_follow_callback callback;
        void *userdata;
};

DEFINE_CLEANUP(tracectl_follower *, tracectl_follower_free)

static void follower_end(tracectl_follower *f) {
        sd_bus_slot_unref(f->added);
        sd_bus_slot_unref(f->removed);
        sd_bus_slot_unref(f->changed);
        sd_bus_slot_unref(f->stopped);
        sd_bus_slot_unref(f->owner_changed);
        sd_bus_slot_unref(f->disconnected);
        sd_bus_slot_unref(f->objects);
        sd_bus_slot_unref(f->applications);
        connection_unref(f->connection);
        free(f->owner);
        free(f);
}

void tracectl_follower_free(tracectl_follower *follower) {
        if (!follower)
                return;
        follower->is_freed = true;
        if (follower->n_calling == 0)
                follower_end(follower);
}

/* 0, or 1 when the follower was freed by whoever was told. */
static int tell(tracectl_follower *f, tracectl_notice *notice) {
        f->n_calling++;
        if (!f->is_freed)
                f->callback(f->connection, notice, f->userdata);
        notice_done(notice);
        f->n_calling--;
        if (!f->is_freed)
                return 0;
        if (f->n_calling == 0)
                follower_end(f);
        return 1;
}

static int tell_of_none(tracectl_follower *f, enum tracectl_change change) {
        return tell(f, &(tracectl_notice) { .change = change, .kind = "service", .path = TRACECTL_ROOT });
}

static int lose(tracectl_follower *f) {
        f->is_following = false;
        f->objects = sd_bus_slot_unref(f->objects);
        f->applications = sd_bus_slot_unref(f->applications);
        free(TAKE_PTR(f->owner));
        return tell_of_none(f, TRACECTL_CHANGE_LOST);
}

static bool is_believed(const tracectl_follower *f, sd_bus_message *m) {
        const char *sender = sd_bus_message_get_sender(m);

        if (!f->is_following)
                return false;
        return !f->connection->destination || (f->owner && sender && strcmp(f->owner, sender) == 0);
}

/* Each of the interfaces of an object that are ours. */
static int tell_added(tracectl_follower *f, const char *path, tracectl_value *interfaces) {
        for (size_t i = 0; i < interfaces->n; i++) {
                tracectl_notice notice = { .change = TRACECTL_CHANGE_ADDED, .path = path,
                                           .values = interfaces->items[i] };
                int r;

                notice.kind = notice_kind_of(interfaces->keys[i]);
                if (!notice.kind || (!f->with_applications && strcmp(notice.kind, "application") == 0))
                        continue;
                r = value_rename_keys(interfaces->items[i]);
                if (r < 0)
                        return r;
                if (tell(f, &notice) > 0)
                        return 1;
        }
        return 0;
}

/* The rest of a message that begins with an object: it, and its interfaces with their properties. */
static int on_added(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(tracectl_value_freep) tracectl_value *interfaces = NULL;
        const char *path;

        if (!is_believed(userdata, m) || sd_bus_message_has_signature(m, "oa{sa{sv}}") <= 0 ||
            sd_bus_message_read(m, "o", &path) < 0 || value_read(m, &interfaces) < 0)
                return 0;
        (void) tell_added(userdata, path, interfaces);
        return 0;
}

static int on_removed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        tracectl_notice notice = { .change = TRACECTL_CHANGE_REMOVED };
        tracectl_follower *f = userdata;
        const char *interface;
        int r;

        if (!is_believed(f, m) || sd_bus_message_read(m, "o", &notice.path) < 0 ||
            sd_bus_message_enter_container(m, 'a', "s") < 0)
                return 0;
        while ((r = sd_bus_message_read(m, "s", &interface)) > 0) {
                notice.kind = notice_kind_of(interface);
                if (!notice.kind || (!f->with_applications && strcmp(notice.kind, "application") == 0))
                        continue;
                if (tell(f, &notice) > 0)
                        break;
        }
        return 0;
}

/* Of properties: one that has failed is told as that. */
static enum tracectl_change change_of(const tracectl_notice *notice) {
        const char *state = tracectl_value_get_string(tracectl_value_lookup(notice->values, "state"));

        return strcmp(notice->kind, "session") == 0 && strcmp(state, "failed") == 0 ? TRACECTL_CHANGE_FAILED
                                                                                      : TRACECTL_CHANGE_CHANGED;
}

static int on_changed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(tracectl_value_freep) tracectl_value *values = NULL;
        tracectl_notice notice = { .path = sd_bus_message_get_path(m) };
        const char *interface;

        if (!is_believed(userdata, m) || sd_bus_message_has_signature(m, "sa{sv}as") <= 0 ||
            sd_bus_message_read(m, "s", &interface) < 0 || value_read(m, &values) < 0 || value_rename_keys(values) < 0)
                return 0;
        notice.kind = notice_kind_of(interface);
        notice.values = values;
        if (!notice.kind)
                return 0;
        notice.change = change_of(&notice);
        (void) tell(userdata, &notice);
        return 0;
}

static int on_stopped(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(tracectl_value_freep) tracectl_value *values = NULL;
        tracectl_notice notice = { .change = TRACECTL_CHANGE_STOPPED, .kind = "session",
                                   .path = sd_bus_message_get_path(m) };

        if (!is_believed(userdata, m) || value_read_signature(m, "a{sv}", &values) < 0 ||
            value_rename_keys(values) < 0)
                return 0;
        notice.values = values;
        (void) tell(userdata, &notice);
        return 0;
}

/* Its answer matters to nobody: having asked makes the service tell of applications. */
static int on_applications(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        return 0;
}

/* The service is there; what there is in the order of the objects' paths, a session before what it has. */
static int on_objects(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        _cleanup_(tracectl_value_freep) tracectl_value *objects = NULL;
        tracectl_follower *f = userdata;
        const char *sender = sd_bus_message_get_sender(reply);
        int r;

        f->objects = sd_bus_slot_unref(f->objects);
        r = connection_check_reply(f->connection, reply);
        if (r >= 0)
                r = connection_check_read(f->connection, value_read_signature(reply, "a{oa{sa{sv}}}", &objects));
        if (r >= 0)
                r = value_sort_by_key(objects);
        if (r >= 0 && f->connection->destination) {
                free(f->owner);
                f->owner = sender ? strdup(sender) : NULL;
        }
        if (r < 0) {
                (void) lose(f);
                return 0;
        }
        f->is_following = true;
        for (size_t i = 0; i < objects->n; i++)
                if (tell_added(f, objects->keys[i], objects->items[i]) > 0)
                        return 0;
        (void) tell_of_none(f, TRACECTL_CHANGE_FOLLOWING);
        return 0;
}

/* Applications first: who comes between the two calls is in the answer of the second. */
static int begin(tracectl_follower *f) {
        sd_bus *bus = f->connection->bus;
        const char *destination = f->connection->destination;
        int r = 0;

        f->objects = sd_bus_slot_unref(f->objects);
        f->applications = sd_bus_slot_unref(f->applications);
        if (f->with_applications)
                r = sd_bus_call_method_async(bus, &f->applications, destination, TRACECTL_ROOT,
                                             TRACECTL_INTERFACE "Manager", "ListApplications", on_applications, f,
                                             "a{sv}", 0);
        if (r >= 0)
                r = sd_bus_call_method_async(bus, &f->objects, destination, TRACECTL_ROOT, OBJECT_MANAGER,
                                             "GetManagedObjects", on_objects, f, NULL);
        return r < 0 ? connection_set_error(f->connection, r) : 0;
}

static int on_owner_changed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        tracectl_follower *f = userdata;
        const char *old, *new;

        if (sd_bus_message_read(m, "sss", NULL, &old, &new) < 0)
                return 0;
        /* That it has come to answer the first call is no news. */
        if (*old && f->is_following && lose(f) > 0)
                return 0;
        if (*new && !f->objects)
                (void) begin(f);
        return 0;
}

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        tracectl_follower *f = userdata;

        (void) connection_set_error(f->connection, -ECONNRESET);
        (void) lose(f);
        return 0;
}

static int match(tracectl_follower *f, sd_bus_slot **ret, const char *interface, const char *member,
                 sd_bus_message_handler_t handler) {
        return sd_bus_match_signal_async(f->connection->bus, ret, f->connection->destination, NULL, interface, member,
                                         handler, NULL, f);
}

static int listen_to(tracectl_follower *f) {
        int r;

        r = match(f, &f->added, OBJECT_MANAGER, "InterfacesAdded", on_added);
        if (r >= 0)
                r = match(f, &f->removed, OBJECT_MANAGER, "InterfacesRemoved", on_removed);
        if (r >= 0)
                r = match(f, &f->changed, PROPERTIES, "PropertiesChanged", on_changed);
        if (r >= 0)
                r = match(f, &f->stopped, TRACECTL_INTERFACE "Session", "Stopped", on_stopped);
        if (r >= 0 && f->connection->destination)
                r = sd_bus_add_match_async(f->connection->bus, &f->owner_changed,
                                           "type='signal',sender='org.freedesktop.DBus',"
                                           "path='/org/freedesktop/DBus',interface='org.freedesktop.DBus',"
                                           "member='NameOwnerChanged',arg0='" TRACECTL_NAME "'",
                                           on_owner_changed, NULL, f);
        if (r >= 0)
                r = sd_bus_match_signal_async(f->connection->bus, &f->disconnected, "org.freedesktop.DBus.Local",
                                              NULL, "org.freedesktop.DBus.Local", "Disconnected", on_disconnected,
                                              NULL, f);
        return r < 0 ? connection_set_error(f->connection, r) : 0;
}

int tracectl_follow(tracectl_connection *connection, const struct tracectl_follow_options *options,
                    tracectl_follow_callback callback, void *userdata, tracectl_follower **ret) {
        _cleanup_(tracectl_follower_freep) tracectl_follower *f = calloc(1, sizeof(*f));
        int r;

        if (!f)
                return -ENOMEM;
        f->connection = connection_ref(connection);
        f->callback = callback;
        f->userdata = userdata;
        f->with_applications = options && OPTIONS_HAVE(options, applications) && options->applications;
        r = listen_to(f);
        if (r >= 0)
                r = begin(f);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(f);
        return 0;
}
