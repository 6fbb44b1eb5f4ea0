/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "service/bus/binding.h"
#include "service/log.h"

/* A question to the bus, which its slot owns. */
struct binding_question {
        struct bus *bus;
        char name[];
};

static int write_client(const struct bus *b, const char *name, char **ret) {
        return asprintf(ret, SD_ID128_FORMAT_STR "/%s", SD_ID128_FORMAT_VAL(b->id), name) < 0 ? -ENOMEM : 0;
}

int binding_of(struct bus *b, sd_bus_message *m, char **ret) {
        return write_client(b, b->clients ? sd_bus_message_get_sender(m) ?: "" : "", ret);
}

/* The name on this bus; NULL where the session has no client there. */
static const char *name_of(const struct bus *b, const struct session *s) {
        _cleanup_free_ char *bus = NULL;

        if (!s->client || write_client(b, "", &bus) < 0 || strncmp(s->client, bus, strlen(bus)) != 0)
                return NULL;
        return s->client + strlen(bus);
}

void binding_client_gone(struct bus *b, const char *name) {
        struct session *next;

        for (struct session *s = b->manager->sessions; s; s = next) {
                const char *client = name_of(b, s);

                next = s->next;
                if (client && strcmp(client, name) == 0)
                        session_client_gone(s);
        }
}

static int on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        struct binding_question *q = userdata;
        int is_there;

        /* Without an answer the connection is over, and the next one asks again. */
        if (sd_bus_message_read(reply, "b", &is_there) >= 0 && !is_there)
                binding_client_gone(q->bus, q->name);
        return 1;
}

static int ask(struct bus *b, const char *name) {
        _cleanup_(sd_bus_slot_unrefp) sd_bus_slot *slot = NULL;
        struct binding_question *q;
        int r;

        q = malloc(sizeof(*q) + strlen(name) + 1);
        if (!q)
                return -ENOMEM;
        q->bus = b;
        strcpy(q->name, name);
        r = sd_bus_call_method_async(b->bus, &slot, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                     "org.freedesktop.DBus", "NameHasOwner", on_answer, q, "s", name);
        if (r >= 0)
                r = sd_bus_slot_set_destroy_callback(slot, free);
        if (r < 0) {
                free(q);
                return r;
        }
        return sd_bus_slot_set_floating(slot, true);
}

void binding_check(struct bus *b, struct session *s) {
        const char *name = name_of(b, s);
        int r;

        if (!name || !*name)
                return;
        r = ask(b, name);
        if (r < 0)
                log_warning("whether the client of session '%s' is still there cannot be asked: %s", s->name,
                            strerror(-r));
}

void binding_check_all(struct bus *b) {
        struct session *next;

        for (struct session *s = b->manager->sessions; s; s = next) {
                next = s->next;
                if (s->client && !session_is_bound_to_connection(s) && !name_of(b, s))
                        session_client_gone(s); /* with the bus before this one */
                else
                        binding_check(b, s);
        }
}
