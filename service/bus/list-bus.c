/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "service/bus/application-list.h"
#include "service/bus/bus.h"
#include "service/bus/kernel-bus.h"
#include "service/bus/listing.h"
#include "service/bus/options.h"
#include "service/model/loglevel.h"
#include "service/registry/catalog.h"

/* Whose things are listed: the caller's, or with the options uid and all those of another or of everybody. */
struct whose {
        int all;
        uint32_t uid;
};

#define WHOSE_NULL ((struct whose) { .uid = UINT32_MAX })
#define WHOSE_OPTIONS(w) { "all", 'b', &(w).all }, { "uid", 'u', &(w).uid }

/* As bus_authorize(). */
static int authorize(struct bus *b, sd_bus_message *m, const struct whose *whose, uid_t *ret, uid_t *ret_caller,
                     sd_bus_error *error) {
        int r;

        r = bus_caller(b, m, ret, error);
        if (r < 0)
                return r;
        *ret_caller = *ret;
        if (whose->uid != UINT32_MAX)
                *ret = whose->uid;
        if (whose->all)
                *ret = OWNER_ANY;
        return bus_authorize(b, m, &(struct question) { ACTION_LIST, *ret }, error);
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
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        struct bus *b = userdata;
        struct whose whose = WHOSE_NULL;
        const struct option options[] = { WHOSE_OPTIONS(whose) };
        uid_t owner, caller;
        int r;

        r = bus_read_options(m, options, ARRAY_SIZE(options), error);
        if (r < 0)
                return r;
        r = authorize(b, m, &whose, &owner, &caller, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(ussso)");
        for (const struct session *s = b->manager->sessions; s && r >= 0; s = s->next)
                r = s->owner == owner || owner == OWNER_ANY ? append_session(reply, s) : 0;
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(b->bus, reply, NULL);
}

static int begin_applications(struct listing *l) {
        uid_t *uids;
        size_t n;
        int r;

        r = listing_uids(l->bus, l, &uids, &n);
        if (r >= 0)
                r = application_list_new(l->bus->registry, uids, n, (pid_t) l->pid, &l->applications);
        if (r >= 0)
                r = sd_bus_message_append(l->reply, "b", l->settled);
        return r < 0 ? r : sd_bus_message_open_container(l->reply, 'a', "(uusso)");
}

static int append_applications(struct listing *l) {
        int r = l->applications ? 0 : begin_applications(l);

        if (r >= 0)
                r = application_list_append(l->applications, l->reply);
        if (r <= 0)
                return r;
        r = sd_bus_message_close_container(l->reply);
        return r < 0 ? r : 1;
}

int manager_method_list_applications(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct bus *b = userdata;
        struct whose whose = WHOSE_NULL;
        struct listing listing = { .append = append_applications };
        const struct option options[] = { { "pid", 'u', &listing.pid }, WHOSE_OPTIONS(whose) };
        int r;

        r = bus_read_options(m, options, ARRAY_SIZE(options), error);
        if (r < 0)
                return r;
        r = authorize(b, m, &whose, &listing.owner, &listing.caller, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        return listing_reply(b, m, &listing);
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
                r = sd_bus_message_append(reply, "sss", "user", name, loglevel_to_string(event->loglevel));
        if (r >= 0)
                r = append_fields(reply, event);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* What is defined is defined once for all applications that do. */
static int append_events(struct listing *l) {
        struct bus *b = l->bus;

        _cleanup_free_ uid_t *uids = NULL;
        const char *domain, *glob;
        size_t n;
        int r;

        r = sd_bus_message_rewind(l->message, true);
        if (r >= 0)
                r = sd_bus_message_read(l->message, "ss", &domain, &glob);
        if (r >= 0)
                r = listing_uids(b, l, &uids, &n);
        if (r >= 0)
                r = sd_bus_message_open_container(l->reply, 'a', "(sssa{sv})");
        if (r >= 0)
                r = catalog_walk(b->registry, uids, n, *glob ? glob : "*", append_event, l->reply);
        if (r >= 0)
                r = sd_bus_message_close_container(l->reply);
        return r < 0 ? r : 1;
}

int manager_method_list_events(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct bus *b = userdata;
        struct whose whose = WHOSE_NULL;
        struct listing listing = { .append = append_events };
        const struct option options[] = { WHOSE_OPTIONS(whose) };
        const char *domain, *glob;
        bool kernel;
        int r;

        r = sd_bus_message_read(m, "ss", &domain, &glob);
        if (r < 0)
                return r;
        r = bus_read_options(m, options, ARRAY_SIZE(options), error);
        if (r < 0)
                return r;
        r = bus_read_domain(domain, &kernel, error);
        if (r < 0)
                return r;
        r = authorize(b, m, &whose, &listing.owner, &listing.caller, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        return kernel ? kernel_events_list(b, m, glob, error) : listing_reply(b, m, &listing);
}
