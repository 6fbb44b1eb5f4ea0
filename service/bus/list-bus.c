/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "service/bus/bus.h"
#include "service/bus/options.h"
#include "service/registry/catalog.h"

static void message_unrefp(sd_bus_message **m) {
        sd_bus_message_unref(*m);
}

static int append_session(sd_bus_message *reply, const struct session *s) {
        _cleanup_free_ char *path = NULL;
        int r;

        r = session_path(s, &path);
        if (r < 0)
                return r;
        return sd_bus_message_append(reply, "(ussso)", (uint32_t) s->owner, s->name, session_state_to_string(s->state),
                                     session_mode_to_string(s->mode), path);
}

int manager_method_list_sessions(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(message_unrefp) sd_bus_message *reply = NULL;
        struct bus *b = userdata;
        uid_t caller;
        int r;

        r = bus_read_options(m, NULL, 0, error);
        if (r < 0)
                return r;
        r = bus_caller(b, m, &caller, error);
        if (r < 0)
                return r;
        r = bus_authorize(b, m, &(struct question) { ACTION_LIST, caller }, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(ussso)");
        for (const struct session *s = b->manager->sessions; s && r >= 0; s = s->next)
                r = s->owner == caller ? append_session(reply, s) : 0;
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(b->bus, reply, NULL);
}

static int append_application(sd_bus_message *reply, struct application *a) {
        _cleanup_free_ char *path = NULL;
        int r;

        r = application_path(a->id, &path);
        if (r < 0)
                return r;
        pthread_mutex_lock(&a->lock);
        r = sd_bus_message_append(reply, "(uusso)", (uint32_t) a->peer.pid, (uint32_t) a->peer.uid, a->name,
                                  a->unit ? a->unit : "", path);
        pthread_mutex_unlock(&a->lock);
        return r;
}

static int append_applications(struct bus *b, sd_bus_message *reply, uid_t uid, pid_t pid) {
        struct application **applications;
        size_t n;
        int r;

        r = registry_list(b->registry, uid, pid, &applications, &n);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(reply, 'a', "(uusso)");
        for (size_t i = 0; i < n; i++) {
                if (r >= 0)
                        r = append_application(reply, applications[i]);
                application_unref(applications[i]);
        }
        free(applications);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

int manager_method_list_applications(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(message_unrefp) sd_bus_message *reply = NULL;
        struct bus *b = userdata;
        uid_t caller;
        uint32_t pid = 0;
        const struct option options[] = { { "pid", 'u', &pid } };
        int r;

        r = bus_read_options(m, options, ARRAY_SIZE(options), error);
        if (r < 0)
                return r;
        r = bus_caller(b, m, &caller, error);
        if (r < 0)
                return r;
        r = bus_authorize(b, m, &(struct question) { ACTION_LIST, caller }, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        r = sd_bus_message_new_method_return(m, &reply);
        /* Nobody is woken up to register in private mode: what there is has settled. */
        if (r >= 0)
                r = sd_bus_message_append(reply, "b", 1);
        if (r >= 0)
                r = append_applications(b, reply, caller, (pid_t) pid);
        return r < 0 ? r : sd_bus_send(b->bus, reply, NULL);
}

static int append_fields(sd_bus_message *reply, const struct definition *event) {
        int r;

        r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", "fields");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "a(ss)");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(ss)");
        for (unsigned i = 0; i < event->n_fields && r >= 0; i++)
                r = sd_bus_message_append(reply, "(ss)", event->fields[i].name,
                                          catalog_type_name(event->fields[i].type));
        for (int i = 0; i < 4 && r >= 0; i++)
                r = sd_bus_message_close_container(reply);
        return r;
}

static int append_event(const struct definition *event, const char *name, void *userdata) {
        sd_bus_message *reply = userdata;
        int r;

        r = sd_bus_message_open_container(reply, 'r', "sssa{sv}");
        if (r >= 0)
                r = sd_bus_message_append(reply, "sss", "user", name, catalog_level_name(event->loglevel));
        if (r >= 0)
                r = append_fields(reply, event);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

int manager_method_list_events(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(message_unrefp) sd_bus_message *reply = NULL;
        struct bus *b = userdata;
        uid_t caller;
        const char *domain, *glob;
        int r;

        r = sd_bus_message_read(m, "ss", &domain, &glob);
        if (r < 0)
                return r;
        r = bus_read_options(m, NULL, 0, error);
        if (r < 0)
                return r;
        r = bus_check_domain(domain, error);
        if (r < 0)
                return r;
        r = bus_caller(b, m, &caller, error);
        if (r < 0)
                return r;
        r = bus_authorize(b, m, &(struct question) { ACTION_LIST, caller }, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(sssa{sv})");
        if (r >= 0)
                r = catalog_walk(b->registry, caller, *glob ? glob : "*", append_event, reply);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(b->bus, reply, NULL);
}
