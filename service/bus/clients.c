/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "service/bus/binding.h"
#include "service/bus/bus.h"
#include "service/bus/clients.h"

/* A desktop has a few that stay; commands come and go. Each costs a copy of every signal. */
#define CLIENTS_PER_UID_MAX 32
#define CLIENTS_MAX 512

struct client {
        struct client *next;
        uid_t uid;
        bool applications; /* it has asked for applications: one that only starts a session is not told of thousands */
        char name[];
};

struct clients {
        struct bus *bus;
        sd_bus_slot *slot;
        struct client *first;
        size_t n;
};

static bool may_know(const struct client *client, uid_t owner, bool application) {
        if (application && !client->applications)
                return false;
        return client->uid == owner || client->uid == 0;
}

static int on_name_gone(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct clients *c = userdata;
        const char *name;

        if (sd_bus_message_read(m, "s", &name) < 0)
                return 0;
        binding_client_gone(c->bus, name);
        for (struct client **p = &c->first; *p; p = &(*p)->next) {
                struct client *gone = *p;

                if (strcmp(gone->name, name) != 0)
                        continue;
                *p = gone->next;
                c->n--;
                free(gone);
                if (c->bus->shared->used)
                        c->bus->shared->used(c->bus->shared->userdata);
                return 0;
        }
        return 0;
}

/* Where the bus refuses, the connection is of no use, and is made anew. One that is closing says so by itself. */
static int on_installed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct clients *c = userdata;

        if (sd_bus_message_is_method_error(m, NULL) && sd_bus_is_open(c->bus->bus) > 0)
                c->bus->hung_up(c->bus->userdata);
        else if (sd_bus_get_bus_id(c->bus->bus, &c->bus->id) >= 0)
                binding_check_all(c->bus);
        return 1;
}

int clients_new(struct bus *b, struct clients **ret) {
        struct clients *c;
        int r;

        c = calloc(1, sizeof(*c));
        if (!c)
                return -ENOMEM;
        c->bus = b;
        r = sd_bus_add_match_async(b->bus, &c->slot,
                                   "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
                                   "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg2=''",
                                   on_name_gone, on_installed, c);
        if (r < 0) {
                free(c);
                return r;
        }
        *ret = c;
        return 0;
}

struct clients *clients_free(struct clients *c) {
        if (!c)
                return NULL;
        sd_bus_slot_unref(c->slot);
        while (c->first) {
                struct client *client = c->first;

                c->first = client->next;
                free(client);
        }
        free(c);
        return NULL;
}

static bool has_room(const struct clients *c, uid_t uid) {
        size_t n = 0;

        for (const struct client *client = c->first; client; client = client->next)
                n += client->uid == uid;
        return n < CLIENTS_PER_UID_MAX && c->n < CLIENTS_MAX;
}

/* In a list, as all objects or one by one. */
static bool asks_for_applications(sd_bus_message *m) {
        static const char prefix[] = BUS_ROOT "/application";
        const char *path = sd_bus_message_get_path(m);

        return sd_bus_message_is_method_call(m, NULL, "ListApplications") ||
               (sd_bus_message_is_method_call(m, NULL, "GetManagedObjects") && path && strcmp(path, BUS_ROOT) == 0) ||
               (path && strncmp(path, prefix, sizeof(prefix) - 1) == 0);
}

/* NULL: its calls are served, and it is told of nothing. */
static struct client *add_client(struct clients *c, sd_bus_message *m, const char *name) {
        struct failure failure;
        struct client *client;
        uid_t uid;

        if (c->bus->authorizer->caller(c->bus->authorizer, m, &uid, &failure) < 0 || !has_room(c, uid))
                return NULL;
        client = malloc(sizeof(*client) + strlen(name) + 1);
        if (!client)
                return NULL;
        *client = (struct client) { .next = c->first, .uid = uid };
        strcpy(client->name, name);
        c->first = client;
        c->n++;
        return client;
}

void clients_note(struct clients *c, sd_bus_message *m) {
        const char *name = sd_bus_message_get_sender(m);
        struct client *client;

        if (!name)
                return;
        for (client = c->first; client; client = client->next)
                if (strcmp(client->name, name) == 0)
                        break;
        if (!client)
                client = add_client(c, m, name);
        if (client && !client->applications)
                client->applications = asks_for_applications(m);
}

size_t clients_count(const struct clients *c) {
        return c->n;
}

bool clients_any(const struct clients *c, uid_t owner, bool application) {
        for (const struct client *client = c->first; client; client = client->next)
                if (may_know(client, owner, application))
                        return true;
        return false;
}

static int send_copy(struct clients *c, const struct client *client, sd_bus_message *signal) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *copy = NULL;
        int r;

        r = sd_bus_message_new_signal(c->bus->bus, &copy, sd_bus_message_get_path(signal),
                                      sd_bus_message_get_interface(signal), sd_bus_message_get_member(signal));
        if (r >= 0)
                r = sd_bus_message_set_destination(copy, client->name);
        if (r >= 0)
                r = sd_bus_message_rewind(signal, true);
        if (r >= 0)
                r = sd_bus_message_copy(copy, signal, true);
        return r < 0 ? r : sd_bus_send(c->bus->bus, copy, NULL);
}

void clients_send(struct clients *c, uid_t owner, bool application, sd_bus_message *signal) {
        for (const struct client *client = c->first; client; client = client->next)
                if (may_know(client, owner, application))
                        (void) send_copy(c, client, signal);
}
