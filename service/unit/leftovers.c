/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "service/log.h"
#include "service/unit/leftovers.h"

#define PREFIX "tracectl-consumer-"
#define LOOK_USEC (500 * 1000)
#define LOOKS_MAX 120 /* then a consumer that still runs is stopped */

/* Stopping one is a chain as for a pair: the socket, then the service. */
struct leftovers {
        struct unit_starter *starter;
        sd_bus_slot *slot;
        sd_event_source *timer;
        struct systemd_job *job;
        unsigned looks;
        char stem[80]; /* that is being stopped */
};

static int stop(struct leftovers *l, const char *suffix, systemd_done_t done) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        char name[96];
        int r;

        snprintf(name, sizeof(name), "%s.%s", l->stem, suffix);
        r = systemd_manager_call(l->starter->systemd, "StopUnit", &m);
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "ss", name, "replace");
        if (r < 0)
                return r;
        return systemd_job_new(l->starter->systemd, m, name, done, l, &l->job);
}

static int look(struct leftovers *l);

/* One that cannot be stopped shall not keep us busy for ever. */
static void note(struct leftovers *l, const char *suffix, const char *error, const char *text) {
        if (!error || strcmp(error, "org.freedesktop.systemd1.NoSuchUnit") == 0)
                return;
        log_debug("%s.%s: %s", l->stem, suffix, text);
        l->looks += 10;
}

static void on_service_stopped(const char *error, const char *text, void *userdata) {
        struct leftovers *l = userdata;

        l->job = NULL;
        note(l, "service", error, text);
        (void) look(l);
}

static void on_socket_stopped(const char *error, const char *text, void *userdata) {
        struct leftovers *l = userdata;

        l->job = NULL;
        note(l, "socket", error, text);
        (void) stop(l, "service", on_service_stopped);
}

struct unit {
        const char *name, *active;
        size_t stem; /* characters of the name */
};

struct units {
        struct unit *units;
        size_t n;
};

static void units_done(struct units *u) {
        free(u->units);
}

/* Strings are the message's. */
static int read_units(sd_bus_message *m, struct units *ret) {
        struct unit u, *larger;
        const char *s[7];
        uint32_t job;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "(ssssssouso)");
        while (r >= 0 && (r = sd_bus_message_read(m, "(ssssssouso)", &u.name, &s[0], &s[1], &u.active, &s[2], &s[3],
                                                  &s[4], &job, &s[5], &s[6])) > 0) {
                const char *dot = strrchr(u.name, '.');

                if (strncmp(u.name, PREFIX, strlen(PREFIX)) != 0 || !dot)
                        continue;
                u.stem = (size_t) (dot - u.name);
                larger = reallocarray(ret->units, ret->n + 1, sizeof(*larger));
                if (!larger)
                        return -ENOMEM;
                ret->units = larger;
                ret->units[ret->n++] = u;
        }
        return r;
}

static bool runs(const struct units *all, const struct unit *of) {
        for (const struct unit *u = all->units; u < all->units + all->n; u++)
                if (u->stem == of->stem && memcmp(u->name, of->name, u->stem) == 0 &&
                    strcmp(u->name + u->stem, ".service") == 0)
                        return strcmp(u->active, "inactive") != 0 && strcmp(u->active, "failed") != 0;
        return false;
}

/* Whether there is one whose consumer has ended or takes too long; its name is l->stem then. */
static bool choose(struct leftovers *l, const struct units *all, bool *ret_more) {
        *ret_more = false;
        for (const struct unit *u = all->units; u < all->units + all->n; u++) {
                if (u->stem >= sizeof(l->stem) || pairs_find(l->starter, u->name, u->stem))
                        continue;
                *ret_more = true;
                if (l->looks < LOOKS_MAX && runs(all, u))
                        continue;
                snprintf(l->stem, sizeof(l->stem), "%.*s", (int) u->stem, u->name);
                return true;
        }
        return false;
}

static int on_look(sd_event_source *source, uint64_t usec, void *userdata) {
        struct leftovers *l = userdata;

        l->timer = sd_event_source_disable_unref(l->timer);
        l->looks++;
        (void) look(l);
        return 0;
}

static int on_units(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(units_done) struct units all = { 0 };
        struct leftovers *l = userdata;
        bool more;
        int r;

        l->slot = sd_bus_slot_unref(l->slot);
        r = sd_bus_message_is_method_error(m, NULL) ? -EIO : read_units(m, &all);
        if (r < 0) {
                log_debug("units of an earlier tracingd cannot be listed");
                return 0;
        }
        if (choose(l, &all, &more))
                (void) stop(l, "socket", on_socket_stopped);
        else if (more)
                (void) sd_event_add_time_relative(l->starter->event, &l->timer, CLOCK_MONOTONIC, LOOK_USEC, 0, on_look,
                                                  l);
        return 0;
}

static int look(struct leftovers *l) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        if (l->looks > 2 * LOOKS_MAX)
                return 0;
        r = systemd_manager_call(l->starter->systemd, "ListUnitsByPatterns", &m);
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "asas", 0, 2, PREFIX "*.socket", PREFIX "*.service");
        if (r < 0)
                return r;
        return systemd_call(l->starter->systemd, m, on_units, l, &l->slot);
}

int leftovers_new(struct unit_starter *u, struct leftovers **ret) {
        struct leftovers *l;
        int r;

        l = malloc(sizeof(*l));
        if (!l)
                return -ENOMEM;
        *l = (struct leftovers) { .starter = u };
        r = look(l);
        if (r < 0) {
                leftovers_free(l);
                return r;
        }
        *ret = l;
        return 0;
}

struct leftovers *leftovers_free(struct leftovers *l) {
        if (!l)
                return NULL;
        systemd_job_free(l->job);
        sd_bus_slot_unref(l->slot);
        sd_event_source_disable_unref(l->timer);
        free(l);
        return NULL;
}
