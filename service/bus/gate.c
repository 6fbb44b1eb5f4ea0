/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>
#include <string.h>

#include "common/parse.h"
#include "service/bus/clients.h"
#include "service/bus/gate.h"

/*
 * What calling a member of somebody else's session means; it may be one that does
 * not exist. All that is not here changes something, or may do so one day.
 */
static const struct {
        const char *member;
        enum action action;
} members[] = {
        { "Get", ACTION_LIST },
        { "GetAll", ACTION_LIST },
        { "Introspect", ACTION_LIST },
        { "GetManagedObjects", ACTION_LIST },
        { "Dump", ACTION_LIST },
        { "Snapshot", ACTION_READ },
        { "OpenStream", ACTION_READ },
};

enum action gate_action(const char *member) {
        for (size_t i = 0; i < ARRAY_SIZE(members); i++)
                if (strcmp(members[i].member, member) == 0)
                        return members[i].action;
        return ACTION_CONTROL;
}

/* The part of path after prefix and a slash, as it was before it was encoded. NULL: there is none. */
static const char *next_part(const char *path, const char *prefix, char **ret) {
        _cleanup_free_ char *part = NULL;
        size_t n = strlen(prefix);
        const char *end;

        if (strncmp(path, prefix, n) != 0 || path[n] != '/')
                return NULL;
        end = path + n + 1 + strcspn(path + n + 1, "/");
        part = strndup(path, (size_t) (end - path));
        if (!part || sd_bus_path_decode(part, prefix, ret) <= 0)
                return NULL;
        return end;
}

/* As much of the arguments as administrators' rules see, the same that the method will ask with. */
static void read_arguments(sd_bus_message *m, struct question *question) {
        const char *domain, *channel, *pattern;

        if (sd_bus_message_has_signature(m, "sssa{sv}") > 0 &&
            strcmp(sd_bus_message_get_member(m), "EnableEvent") == 0 &&
            sd_bus_message_read(m, "sss", &domain, &channel, &pattern) > 0) {
                question->domain = domain;
                question->pattern = pattern;
        } else if ((sd_bus_message_has_signature(m, "ssa{sv}") > 0 ||
                    sd_bus_message_has_signature(m, "sssa{sv}") > 0) &&
                   sd_bus_message_read(m, "s", &domain) > 0)
                question->domain = domain;
}

static int pass_session(struct bus *b, sd_bus_message *m, uid_t owner, const char *name, sd_bus_error *error) {
        struct question question = {
                .action = gate_action(sd_bus_message_get_member(m)),
                .owner = owner,
                .session = name,
        };

        if (question.action == ACTION_CONTROL)
                read_arguments(m, &question);
        return bus_authorize(b, m, &question, error);
}

/* 1: pass. What is not there and what is somebody else's are asked about in the same way. */
static int pass_application(struct bus *b, sd_bus_message *m, uint64_t id, uid_t caller) {
        _cleanup_(application_unrefp) struct application *a = NULL;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        a = registry_find(b->registry, id);
        if (a && a->peer.uid == caller)
                return 1;
        r = bus_authorize(b, m, &(struct question) { ACTION_LIST, OWNER_ANY, .quiet = true }, &error);
        sd_bus_error_free(&error);
        /* Refused: to this sender there is no such object, as its lookup will say. */
        return r < 0 ? 1 : r;
}

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_free_ char *first = NULL, *name = NULL;
        const char *path, *interface, *rest;
        struct bus *b = userdata;
        bool session = false;
        uint64_t number;
        uid_t caller;
        char prefix[64];
        int r;

        if (sd_bus_message_is_method_call(m, NULL, NULL) <= 0)
                return 0;
        interface = sd_bus_message_get_interface(m);
        if (interface && strcmp(interface, "org.freedesktop.DBus.Peer") == 0)
                return 0;
        path = sd_bus_message_get_path(m);
        rest = next_part(path, BUS_ROOT "/session", &first);
        session = rest;
        if (!session && !next_part(path, BUS_ROOT "/application", &first))
                return 0;
        /* Nothing has such a path, whoever asks. */
        if (parse_u64(first, &number) < 0 || (session && number >= UINT32_MAX))
                return 0;
        r = bus_caller(b, m, &caller, error);
        if (r < 0)
                return r;
        if (caller == 0 || (session && caller == (uid_t) number))
                return 0;
        if (session) {
                snprintf(prefix, sizeof(prefix), "%.*s", (int) (rest - path), path);
                (void) next_part(path, prefix, &name);
                r = pass_session(b, m, (uid_t) number, name, error);
        } else
                r = pass_application(b, m, number, caller);
        if (r < 0)
                return r;
        if (r == 0) {
                /* The message comes again, and nobody has seen it yet who would stay for its sender. */
                if (b->clients)
                        clients_note(b->clients, m);
                return 1;
        }
        (void) sd_bus_message_rewind(m, 1);
        return 0;
}

int gate_install(struct bus *b) {
        return sd_bus_add_filter(b->bus, NULL, on_message, b);
}
