/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "service/bus/clients.h"
#include "service/bus/gate.h"
#include "service/bus/message-bus.h"
#include "service/bus/share.h"
#include "service/log.h"

/* Between attempts to join, doubled after each that failed. */
#define RETRY_MIN_USEC (100 * 1000)
#define RETRY_MAX_USEC (5 * 1000 * 1000)

/* Answers come first: somebody has waited for them already. */
#define PRIORITY_ASIDE (SD_EVENT_PRIORITY_NORMAL - 20)

struct message_bus {
        struct message_bus_config config;
        char *address;
        struct bus *bus;     /* NULL while waiting for the next attempt */
        sd_bus *aside;       /* to the system's bus, for questions alone: what callers send is not before the answers */
        struct share *share; /* of the system's bus */
        sd_event_source *retry;
        uint64_t retry_usec;
        sd_bus_slot *slot; /* of RequestName or ReleaseName */
        bool is_owner, is_joining;
        void (*left)(void *userdata); /* the name has been given back, or is about to be */
};

static int on_retry(sd_event_source *s, uint64_t usec, void *userdata);

static void end_bus(struct message_bus *m) {
        m->slot = sd_bus_slot_unref(m->slot);
        m->share = share_free(m->share);
        m->bus = bus_free(m->bus);
        /* Questions were taken back just now, of which polkit may be told yet. */
        if (m->aside && sd_bus_is_ready(m->aside) > 0)
                (void) sd_bus_flush(m->aside);
        m->aside = sd_bus_close_unref(m->aside);
        m->is_owner = m->is_joining = false;
}

/* Also right after a restart of the bus: whoever waits for it to come back sees it come. */
static void try_later(struct message_bus *m) {
        int pending = 0;

        (void) sd_event_source_get_enabled(m->retry, &pending);
        if (m->left || pending)
                return;
        (void) sd_event_source_set_time_relative(m->retry, m->retry_usec);
        (void) sd_event_source_set_enabled(m->retry, SD_EVENT_ONESHOT);
        m->retry_usec = m->retry_usec * 2 > RETRY_MAX_USEC ? RETRY_MAX_USEC : m->retry_usec * 2;
}

static void joined(struct message_bus *m) {
        m->is_joining = false;
        if (m->config.joined)
                m->config.joined(m->config.userdata);
}

static void left(struct message_bus *m) {
        void (*done)(void *userdata) = m->left;

        m->slot = sd_bus_slot_unref(m->slot);
        m->is_owner = false;
        done(m->config.userdata);
}

/* We are called by the connection, which the next attempt frees. */
static void on_hung_up(void *userdata) {
        struct message_bus *m = userdata;
        bool was_owner = m->is_owner, was_joining = m->is_joining;

        log_debug("the message bus is gone");
        m->is_owner = false;
        try_later(m);
        if (m->left && was_owner)
                left(m);
        else if (was_joining)
                joined(m);
}

static int on_requested(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        struct message_bus *m = userdata;
        const sd_bus_error *e = sd_bus_message_get_error(reply);
        uint32_t result = 0;

        /* The end of the connection answers all that it owes, too. */
        if (sd_bus_is_open(m->bus->bus) <= 0)
                return 1;
        m->slot = sd_bus_slot_unref(m->slot);
        m->retry_usec = RETRY_MIN_USEC;
        if (e)
                log_warning("the name %s cannot be had: %s; look at the policy of the message bus", BUS_NAME,
                            e->message);
        else if (sd_bus_message_read(reply, "u", &result) >= 0 && result != 1)
                log_warning("the name %s is another process's; end that one", BUS_NAME);
        m->is_owner = result == 1;
        joined(m);
        return 1;
}

static int on_released(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        left(userdata);
        return 1;
}

static int authorize(struct message_bus *m, sd_bus *bus, struct authorizer **ret) {
        const struct authorizer_config config = { .audit = m->config.shared->audit, .aside = m->aside };

        if (m->config.user)
                return authorizer_new_user(bus, &config, ret);
        return authorizer_new_system(m->config.shared->event, bus, &config, ret);
}

static int configure(struct message_bus *m, sd_bus *bus) {
        int r;

        r = sd_bus_set_address(bus, m->address);
        if (r >= 0)
                r = sd_bus_set_bus_client(bus, true);
        if (r >= 0)
                r = sd_bus_negotiate_fds(bus, true);
        if (r >= 0)
                r = sd_bus_set_watch_bind(bus, true);
        return r < 0 ? r : sd_bus_set_exit_on_disconnect(bus, false);
}

/* One connection without the other is of no use: both are made anew. */
static int on_aside_ended(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        if (sd_bus_message_is_signal(message, "org.freedesktop.DBus.Local", "Disconnected") > 0)
                on_hung_up(userdata);
        return 0;
}

static int make_aside(struct message_bus *m) {
        int r;

        r = sd_bus_new(&m->aside);
        if (r >= 0)
                r = configure(m, m->aside);
        if (r >= 0)
                r = sd_bus_add_filter(m->aside, NULL, on_aside_ended, m);
        if (r >= 0)
                r = sd_bus_start(m->aside);
        return r < 0 ? r : sd_bus_attach_event(m->aside, m->config.shared->event, PRIORITY_ASIDE);
}

/* The order is that of the bus's answers: what we listen to, then the name. */
static int make_bus(struct message_bus *m) {
        _cleanup_(sd_bus_unrefp) sd_bus *bus = NULL;
        struct authorizer *authorizer;
        int r;

        r = m->config.user ? 0 : make_aside(m);
        if (r >= 0)
                r = sd_bus_new(&bus);
        if (r >= 0)
                r = configure(m, bus);
        if (r >= 0)
                r = authorize(m, bus, &authorizer);
        if (r < 0)
                return r;
        r = bus_new(m->config.shared, TAKE_PTR(bus), authorizer, on_hung_up, m, &m->bus);
        if (r >= 0)
                r = gate_install(m->bus);
        if (r >= 0 && !m->config.user)
                r = share_new(m->bus, &m->share);
        if (r >= 0)
                r = bus_start(m->bus);
        if (r >= 0)
                r = clients_new(m->bus, &m->bus->clients);
        return r < 0 ? r : sd_bus_request_name_async(m->bus->bus, &m->slot, BUS_NAME, 0, on_requested, m);
}

/* While sd-bus waits for the socket to appear it has a descriptor of another kind. */
static bool is_connecting(const struct message_bus *m) {
        struct stat st;

        return fstat(sd_bus_get_fd(m->bus->bus), &st) == 0 && S_ISSOCK(st.st_mode);
}

static void join(struct message_bus *m) {
        int r;

        end_bus(m);
        r = make_bus(m);
        if (r < 0) {
                log_debug("cannot join the message bus at %s: %s", m->address, strerror(-r));
                end_bus(m);
                try_later(m);
                return;
        }
        m->is_joining = is_connecting(m);
}

static int on_retry(sd_event_source *s, uint64_t usec, void *userdata) {
        join(userdata);
        return 0;
}

/* The program has no more rights than its environment's author, but for the system's bus in an odd installation. */
static int find_address(const struct message_bus_config *config, char **ret) {
        const char *address = config->address, *run;
        int n;

        if (!address)
                address = secure_getenv(config->user ? "DBUS_SESSION_BUS_ADDRESS" : "DBUS_SYSTEM_BUS_ADDRESS");
        if (!address && !config->user)
                address = "unix:path=/run/dbus/system_bus_socket";
        if (address) {
                *ret = strdup(address);
                return *ret ? 0 : -ENOMEM;
        }
        run = secure_getenv("XDG_RUNTIME_DIR");
        if (!run)
                return -ENOENT;
        n = asprintf(ret, "unix:path=%s/bus", run);
        return n < 0 ? -ENOMEM : 0;
}

int message_bus_new(const struct message_bus_config *config, struct message_bus **ret) {
        _cleanup_(message_bus_freep) struct message_bus *m = NULL;
        int r;

        m = malloc(sizeof(*m));
        if (!m)
                return -ENOMEM;
        *m = (struct message_bus) { .config = *config, .retry_usec = RETRY_MIN_USEC };
        r = find_address(config, &m->address);
        if (r < 0)
                return r;
        r = sd_event_add_time_relative(config->shared->event, &m->retry, CLOCK_MONOTONIC, 0, 0, on_retry, m);
        if (r >= 0)
                r = sd_event_source_set_enabled(m->retry, SD_EVENT_OFF);
        if (r < 0)
                return r;
        join(m);
        *ret = TAKE_PTR(m);
        return 0;
}

struct message_bus *message_bus_free(struct message_bus *m) {
        if (!m)
                return NULL;
        sd_event_source_disable_unref(m->retry);
        end_bus(m);
        free(m->address);
        free(m);
        return NULL;
}

bool message_bus_is_joining(const struct message_bus *m) {
        return m->is_joining;
}

size_t message_bus_clients(const struct message_bus *m) {
        size_t held = m->share ? share_count(m->share) : 0;

        return held + (m->bus ? clients_count(m->bus->clients) : 0);
}

/* ReleaseName is answered after all that was sent to the name before, since the bus keeps the order. */
int message_bus_leave(struct message_bus *m, void (*done)(void *userdata)) {
        int r;

        m->left = done;
        (void) sd_event_source_set_enabled(m->retry, SD_EVENT_OFF);
        if (!m->is_owner)
                return 0;
        r = sd_bus_release_name_async(m->bus->bus, &m->slot, BUS_NAME, on_released, m);
        return r < 0 ? 0 : 1;
}
