/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "common/parse.h"
#include "service/bus/bus.h"

int event_path(const struct rule *rule, char **ret) {
        char uid[16], id[16];

        snprintf(uid, sizeof(uid), "%u", (unsigned) rule->session->owner);
        snprintf(id, sizeof(id), "%u", (unsigned) rule->id);
        return sd_bus_path_encode_many(ret, BUS_ROOT "/session/%/%/event/%", uid, rule->session->name, id);
}

int event_find(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret,
               sd_bus_error *error) {
        _cleanup_free_ char *uid = NULL, *session = NULL, *id = NULL;
        uint64_t uid_number, id_number;
        struct bus *b = userdata;
        struct session *s;
        struct rule *rule;
        int r;

        r = sd_bus_path_decode_many(path, BUS_ROOT "/session/%/%/event/%", &uid, &session, &id);
        if (r <= 0)
                return r;
        if (parse_u64(uid, &uid_number) < 0 || uid_number >= UINT32_MAX || parse_u64(id, &id_number) < 0 ||
            id_number > UINT32_MAX)
                return 0;
        s = manager_find_session(b->manager, (uid_t) uid_number, session);
        rule = s ? session_find_rule(s, (uint32_t) id_number) : NULL;
        if (!rule)
                return 0;
        *ret = rule;
        return 1;
}

static int get_pattern(sd_bus *bus, const char *path, const char *interface, const char *property,
                       sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const struct rule *rule = userdata;

        return sd_bus_message_append(reply, "s", rule->selector->pattern);
}

static int get_filter(sd_bus *bus, const char *path, const char *interface, const char *property,
                      sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const struct rule *rule = userdata;

        return sd_bus_message_append(reply, "s", rule->selector->filter ?: "");
}

/* LogLevel and LogLevelOnly; the one that the rule does not have is empty. */
static int get_loglevel(sd_bus *bus, const char *path, const char *interface, const char *property,
                        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const struct selector *s = ((const struct rule *) userdata)->selector;
        enum selector_levels levels = strcmp(property, "LogLevel") == 0 ? SELECTOR_LEVEL_OR_ABOVE : SELECTOR_LEVEL_ONLY;

        return sd_bus_message_append(reply, "s", s->levels == levels ? loglevel_to_string(s->level) : "");
}

static int get_exclude(sd_bus *bus, const char *path, const char *interface, const char *property,
                       sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const struct rule *rule = userdata;

        return sd_bus_message_append_strv(reply, rule->selector->exclude);
}

static int append_number(sd_bus_message *reply, const char *key, bool is_set, uint32_t value) {
        return is_set ? sd_bus_message_append(reply, "{sv}", key, "u", value) : 0;
}

static int append_text(sd_bus_message *reply, const char *key, const char *value) {
        return value ? sd_bus_message_append(reply, "{sv}", key, "s", value) : 0;
}

/* What EnableEvent was told of it, by the same names without their "target-". */
static int get_target(sd_bus *bus, const char *path, const char *interface, const char *property,
                      sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const struct target *t = &((const struct rule *) userdata)->selector->target;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = append_number(reply, "uid", t->uid != TARGET_ANY_UID, t->uid);
        if (r >= 0)
                r = append_number(reply, "pid", t->pid != 0, (uint32_t) t->pid);
        if (r >= 0 && t->children)
                r = sd_bus_message_append(reply, "{sv}", "children", "b", 1);
        if (r >= 0)
                r = append_text(reply, "executable", t->executable);
        if (r >= 0)
                r = append_text(reply, "unit", t->unit);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int get_channel(sd_bus *bus, const char *path, const char *interface, const char *property,
                       sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const struct rule *rule = userdata;
        _cleanup_free_ char *channel = NULL;
        int r;

        r = channel_path(rule->channel, &channel);
        return r < 0 ? r : sd_bus_message_append(reply, "o", channel);
}

static int get_enabled(sd_bus *bus, const char *path, const char *interface, const char *property,
                       sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const struct rule *rule = userdata;

        return sd_bus_message_append(reply, "b", rule->enabled);
}

const sd_bus_vtable event_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Pattern", "s", get_pattern, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Channel", "o", get_channel, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Filter", "s", get_filter, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("LogLevel", "s", get_loglevel, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("LogLevelOnly", "s", get_loglevel, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Exclude", "as", get_exclude, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Target", "a{sv}", get_target, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Enabled", "b", get_enabled, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_VTABLE_END,
};
