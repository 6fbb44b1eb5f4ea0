/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One client at the other end of a connected socket, on which we are the D-Bus server.
 *
 * A client may send its first call right behind BEGIN, and both may come with
 * one read (GDBus, when we are late). sd-bus then has the call, but waits for
 * the socket before it looks at what it has; so it is made to look until
 * nothing is left.
 */

#include <errno.h>

#include "service/bus/bus.h"

static int serve(sd_bus *bus, sd_id128_t id) {
        int r;

        r = sd_bus_set_server(bus, 1, id);
        if (r >= 0)
                r = sd_bus_set_connected_signal(bus, 1);
        return r < 0 ? r : sd_bus_negotiate_fds(bus, 1);
}

/* One message a turn: others are served in between. An error ends the connection, of which its own source hears. */
static int on_left_over(sd_event_source *s, void *userdata) {
        struct bus *b = userdata;

        if (sd_bus_process(b->bus, NULL) > 0)
                (void) sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
        return 0;
}

static int on_authenticated(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        struct bus *b = userdata;

        (void) sd_event_source_set_enabled(b->left_over, SD_EVENT_ONESHOT);
        return 0;
}

static int look_behind_authentication(struct bus *b) {
        int r;

        r = sd_event_add_defer(b->shared->event, &b->left_over, on_left_over, b);
        if (r >= 0)
                r = sd_event_source_set_enabled(b->left_over, SD_EVENT_OFF);
        return r < 0 ? r : sd_bus_match_signal(b->bus, NULL, NULL, "/org/freedesktop/DBus/Local",
                                               "org.freedesktop.DBus.Local", "Connected", on_authenticated, b);
}

int bus_new_peer(const struct bus_shared *shared, int fd, void (*hung_up)(void *userdata), void *userdata,
                 struct bus **ret) {
        _cleanup_(authorizer_freep) struct authorizer *authorizer = NULL;
        _cleanup_(sd_bus_unrefp) sd_bus *bus = NULL;
        _cleanup_(bus_freep) struct bus *b = NULL;
        _cleanup_close_ int socket = fd;
        sd_id128_t id;
        int r;

        r = authorizer_new_peer(socket, shared->audit, &authorizer);
        if (r < 0)
                return r;
        r = sd_bus_new(&bus);
        if (r < 0)
                return r;
        r = sd_id128_randomize(&id);
        if (r >= 0)
                r = serve(bus, id);
        if (r < 0)
                return r;
        r = bus_new(shared, TAKE_PTR(bus), TAKE_PTR(authorizer), hung_up, userdata, &b);
        if (r < 0)
                return r;
        b->id = id;
        r = sd_bus_set_fd(b->bus, socket, socket);
        if (r < 0)
                return r;
        (void) TAKE_FD(socket);
        r = look_behind_authentication(b);
        if (r < 0)
                return r;
        r = bus_start(b);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(b);
        return 0;
}
