/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "common/parse.h"
#include "protocol/context.h"
#include "service/bus/bus.h"

int channel_path(const struct channel *c, char **ret) {
        char uid[16];

        snprintf(uid, sizeof(uid), "%u", (unsigned) c->session->owner);
        return sd_bus_path_encode_many(ret, BUS_ROOT "/session/%/%/channel/%/%", uid, c->session->name,
                                       channel_domain_to_string(c->config.kernel), c->config.name);
}

int channel_find(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret,
                 sd_bus_error *error) {
        _cleanup_free_ char *uid = NULL, *session = NULL, *domain = NULL, *name = NULL;
        struct bus *b = userdata;
        struct channel *c;
        struct session *s;
        uint64_t number;
        bool kernel;
        int r;

        r = sd_bus_path_decode_many(path, BUS_ROOT "/session/%/%/channel/%/%", &uid, &session, &domain, &name);
        if (r <= 0)
                return r;
        kernel = strcmp(domain, channel_domain_to_string(true)) == 0;
        if (parse_u64(uid, &number) < 0 || number >= UINT32_MAX ||
            strcmp(domain, channel_domain_to_string(kernel)) != 0)
                return 0;
        s = manager_find_session(b->manager, (uid_t) number, session);
        c = s ? session_find_channel(s, kernel, name) : NULL;
        if (!c)
                return 0;
        *ret = c;
        return 1;
}

static int get_string(sd_bus *bus, const char *path, const char *interface, const char *property,
                      sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const struct channel *c = userdata;
        const char *value = channel_domain_to_string(c->config.kernel);

        if (strcmp(property, "Name") == 0)
                value = c->config.name;
        else if (strcmp(property, "Mode") == 0)
                value = channel_mode_to_string(c->config.overwrite);
        return sd_bus_message_append(reply, "s", value);
}

static int get_size(sd_bus *bus, const char *path, const char *interface, const char *property,
                    sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const struct channel *c = userdata;

        return sd_bus_message_append(reply, "t", c->config.subbuf_size);
}

static int get_count(sd_bus *bus, const char *path, const char *interface, const char *property,
                     sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const struct channel *c = userdata;

        return sd_bus_message_append(reply, "u", c->config.n_subbufs);
}

static int get_enabled(sd_bus *bus, const char *path, const char *interface, const char *property,
                       sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const struct channel *c = userdata;

        return sd_bus_message_append(reply, "b", c->enabled);
}

static int get_ordered_clock(sd_bus *bus, const char *path, const char *interface, const char *property,
                             sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        return sd_bus_message_append(reply, "b", channel_has_ordered_clock(userdata));
}

static int get_contexts(sd_bus *bus, const char *path, const char *interface, const char *property,
                        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const struct channel *c = userdata;
        char name[CONTEXT_TEXT_MAX];
        int r;

        r = sd_bus_message_open_container(reply, 'a', "s");
        for (unsigned i = 0; r >= 0 && context_set_next(&c->config.contexts, &i, name);)
                r = sd_bus_message_append(reply, "s", name);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

const sd_bus_vtable channel_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Name", "s", get_string, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Domain", "s", get_string, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Mode", "s", get_string, 0, 0),
        SD_BUS_PROPERTY("SubBufferSize", "t", get_size, 0, 0),
        SD_BUS_PROPERTY("SubBufferCount", "u", get_count, 0, 0),
        SD_BUS_PROPERTY("OrderedClock", "b", get_ordered_clock, 0, 0),
        SD_BUS_PROPERTY("Enabled", "b", get_enabled, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Contexts", "as", get_contexts, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_VTABLE_END,
};
