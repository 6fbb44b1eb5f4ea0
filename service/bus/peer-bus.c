/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One client at the other end of a connected socket, on which we are the D-Bus server. */

#include <errno.h>

#include "service/bus/bus.h"

static int serve(sd_bus *bus, sd_id128_t id) {
        int r;

        r = sd_bus_set_server(bus, 1, id);
        return r < 0 ? r : sd_bus_negotiate_fds(bus, 1);
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
        r = bus_start(b);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(b);
        return 0;
}
