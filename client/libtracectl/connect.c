/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "client/libtracectl/connection.h"
#include "protocol/wait.h"

/* Longer than anything that the service may take for one call: it answers Stop after 10 seconds at the latest. */
#define CALL_TIMEOUT_USEC (UINT64_C(30) * 1000 * 1000)

/* Somebody is looking for a password. */
#define ASK_TIMEOUT_USEC (UINT64_C(120) * 1000 * 1000)

static int connection_new(tracectl_connection **ret) {
        tracectl_connection *connection = calloc(1, sizeof(*connection));

        if (!connection)
                return -ENOMEM;
        connection->n_ref = 1;
        *ret = connection;
        return 0;
}

int tracectl_connection_new_fd(int fd, tracectl_connection **ret) {
        _cleanup_(connection_unrefp) tracectl_connection *connection = NULL;
        _cleanup_close_ int owned = fd;
        int r;

        r = connection_new(&connection);
        if (r < 0)
                return r;
        r = sd_bus_new(&connection->bus);
        if (r < 0)
                return r;
        r = sd_bus_set_fd(connection->bus, owned, owned);
        if (r < 0)
                return r;
        (void) TAKE_FD(owned);

        /* The other end is the service itself: there is nobody to say Hello to. */
        r = sd_bus_set_bus_client(connection->bus, 0);
        if (r < 0)
                return r;
        r = sd_bus_negotiate_fds(connection->bus, 1);
        if (r < 0)
                return r;
        r = sd_bus_set_method_call_timeout(connection->bus, CALL_TIMEOUT_USEC);
        if (r < 0)
                return r;
        r = sd_bus_start(connection->bus);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(connection);
        return 0;
}

static int set_interactive(sd_bus *bus, int allow) {
        int r;

        r = sd_bus_set_method_call_timeout(bus, allow ? ASK_TIMEOUT_USEC : CALL_TIMEOUT_USEC);
        if (r < 0)
                return r;
        return sd_bus_set_allow_interactive_authorization(bus, allow);
}

static int new_on_bus(int (*open_bus)(sd_bus **ret), tracectl_connection **ret) {
        _cleanup_(connection_unrefp) tracectl_connection *connection = NULL;
        int r;

        r = connection_new(&connection);
        if (r < 0)
                return r;
        r = open_bus(&connection->bus);
        if (r < 0)
                return r;
        connection->destination = TRACECTL_NAME;
        r = set_interactive(connection->bus, 1);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(connection);
        return 0;
}

/* The service's own socket, which is there before the bus is, and for the service's own user alone. */
static int new_on_control(const char *runtime, tracectl_connection **ret) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = -1;
        int n;

        n = snprintf(address.sun_path, sizeof(address.sun_path), "%s/" TRACECTL_RUN "/" TRACECTL_CONTROL_NAME, runtime);
        if (n < 0 || (size_t) n >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (connect(fd, (struct sockaddr *) &address, sizeof(address)) < 0)
                return -errno;
        return tracectl_connection_new_fd(TAKE_FD(fd), ret);
}

int tracectl_connection_new_system(tracectl_connection **ret) {
        int r;

        r = new_on_bus(sd_bus_open_system, ret);
        if (r >= 0 || r == -ENOMEM || geteuid() != 0)
                return r;
        return new_on_control("/run", ret) >= 0 ? 0 : r;
}

int tracectl_connection_new_user(tracectl_connection **ret) {
        const char *runtime = secure_getenv("XDG_RUNTIME_DIR");
        int r;

        r = new_on_bus(sd_bus_open_user, ret);
        if (r >= 0 || r == -ENOMEM || !runtime || runtime[0] != '/')
                return r;
        return new_on_control(runtime, ret) >= 0 ? 0 : r;
}

int tracectl_connection_new_remote(const char *host, tracectl_connection **ret) {
        _cleanup_(connection_unrefp) tracectl_connection *connection = NULL;
        int r;

        r = connection_new(&connection);
        if (r < 0)
                return r;
        r = sd_bus_open_system_remote(&connection->bus, host);
        if (r < 0)
                return r;
        connection->destination = TRACECTL_NAME;
        connection->is_remote = true;
        r = set_interactive(connection->bus, 1);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(connection);
        return 0;
}

int tracectl_connection_set_interactive(tracectl_connection *connection, int allow) {
        return set_interactive(connection->bus, allow);
}

int tracectl_connection_set_password(tracectl_connection *connection, void (*prepare)(void *userdata),
                                     void *userdata) {
        int r;

        r = set_interactive(connection->bus, 0);
        if (r < 0)
                return r;
        connection->prepare_password = prepare;
        connection->password_userdata = userdata;
        return 0;
}
