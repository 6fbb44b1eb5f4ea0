/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "common/parse.h"
#include "service/bus/bus.h"

int application_path(uint64_t id, char **ret) {
        char text[24];

        snprintf(text, sizeof(text), "%llu", (unsigned long long) id);
        return sd_bus_path_encode(BUS_ROOT "/application", text, ret) < 0 ? -ENOMEM : 0;
}

int application_find(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret,
                     sd_bus_error *error) {
        _cleanup_(application_unrefp) struct application *a = NULL;
        _cleanup_free_ char *id = NULL;
        struct bus *b = userdata;
        uint64_t number;
        int r;

        r = sd_bus_path_decode(path, BUS_ROOT "/application", &id);
        if (r <= 0)
                return r;
        if (parse_u64(id, &number) < 0)
                return 0;
        a = registry_find(b->registry, number);
        if (!a || !bus_shows(b, a->peer.uid))
                return 0;
        application_unref(b->found);
        *ret = b->found = TAKE_PTR(a);
        return 1;
}

static int get_text(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                    void *userdata, sd_bus_error *error) {
        struct application *a = userdata;
        char abi[24];
        int r;

        pthread_mutex_lock(&a->lock);
        snprintf(abi, sizeof(abi), "%u.%u", a->abi_major, a->abi_minor);
        if (strcmp(property, "Name") == 0)
                r = sd_bus_message_append(reply, "s", a->name);
        else if (strcmp(property, "Unit") == 0)
                r = sd_bus_message_append(reply, "s", application_unit(a));
        else
                r = sd_bus_message_append(reply, "s", abi);
        pthread_mutex_unlock(&a->lock);
        return r;
}

static int get_number(sd_bus *bus, const char *path, const char *interface, const char *property,
                      sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        struct application *a = userdata;
        uint32_t value;

        pthread_mutex_lock(&a->lock);
        if (strcmp(property, "Pid") == 0)
                value = (uint32_t) a->peer.pid;
        else if (strcmp(property, "Uid") == 0)
                value = (uint32_t) a->peer.uid;
        else if (strcmp(property, "WordSize") == 0)
                value = a->word_size;
        else
                value = a->definitions ? a->definitions->n_events : 0;
        pthread_mutex_unlock(&a->lock);
        return sd_bus_message_append(reply, "u", value);
}

/* Another user's session, who was allowed that, as UID/NAME. */
static int append_session(sd_bus_message *reply, const struct application *a, const struct recording *recording) {
        char name[MODEL_NAME_MAX + 16];

        if (recording_owner(recording) == a->peer.uid)
                return sd_bus_message_append(reply, "s", recording_session(recording));
        snprintf(name, sizeof(name), "%u/%s", (unsigned) recording_owner(recording), recording_session(recording));
        return sd_bus_message_append(reply, "s", name);
}

/* A session has a ring for each of its channels; its name is told once. */
static int append_sessions(sd_bus_message *reply, const struct application *a) {
        const struct session_view *view = a->view;
        int r = 0;

        for (uint32_t i = 0; i < view->n_rings && r >= 0; i++)
                if (i == 0 || view->rings[i].recording != view->rings[i - 1].recording)
                        r = append_session(reply, a, view->rings[i].recording);
        return r;
}

static int get_sessions(sd_bus *bus, const char *path, const char *interface, const char *property,
                        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        struct application *a = userdata;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "s");
        if (r < 0)
                return r;
        pthread_mutex_lock(&a->lock);
        r = a->view ? append_sessions(reply, a) : 0;
        pthread_mutex_unlock(&a->lock);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

const sd_bus_vtable application_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Pid", "u", get_number, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Uid", "u", get_number, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Name", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Unit", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("WordSize", "u", get_number, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Abi", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("EventCount", "u", get_number, 0, 0),
        SD_BUS_PROPERTY("Sessions", "as", get_sessions, 0, 0),
        SD_BUS_VTABLE_END,
};
