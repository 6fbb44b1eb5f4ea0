/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/client/libtracectl/fake-answer.h"

struct fake_service {
        struct fake_script script;
        GThread *thread;
        GString *calls; /* the thread's until it is joined */
        sd_bus *bus;
        gboolean announced, ended;
        int fd;        /* the bus's */
        int listen_fd; /* -1: the client was there before */
};

/* Values as text; a descriptor is the inode of what it is open on. */
static void write_values(GString *s, sd_bus_message *m) {
        const char *contents, *text, *between = "";
        char type;

        while (sd_bus_message_peek_type(m, &type, &contents) > 0) {
                guint64 number = 0;
                struct stat st;
                int fd;

                g_string_append(s, between);
                between = " ";
                switch (type) {
                case 's':
                case 'o':
                        g_assert_cmpint(sd_bus_message_read_basic(m, type, &text), >, 0);
                        g_string_append_printf(s, "'%s'", text);
                        break;
                case 'h':
                        g_assert_cmpint(sd_bus_message_read_basic(m, type, &fd), >, 0);
                        g_assert_cmpint(fstat(fd, &st), ==, 0);
                        g_string_append_printf(s, "inode %" G_GUINT64_FORMAT, (guint64) st.st_ino);
                        break;
                case 'b':
                case 'u':
                case 't':
                        g_assert_cmpint(sd_bus_message_read_basic(m, type, &number), >, 0);
                        g_string_append_printf(s, "%c%" G_GUINT64_FORMAT, type, number);
                        break;
                default:
                        g_assert_cmpint(sd_bus_message_enter_container(m, type, contents), >, 0);
                        g_string_append(s, type == 'a' ? "[" : "");
                        write_values(s, m);
                        g_string_append(s, type == 'a' ? "]" : "");
                        g_assert_cmpint(sd_bus_message_exit_container(m), >=, 0);
                }
        }
}

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct fake_service *service = userdata;
        sd_bus_message *reply = NULL;
        const char *member = sd_bus_message_get_member(m), *about = "";
        int r;

        if (!sd_bus_message_is_method_call(m, NULL, NULL))
                return 0;
        /* The service is its own bus here: this is what makes a client of it. */
        if (sd_bus_message_is_method_call(m, "org.freedesktop.DBus", "Hello"))
                return sd_bus_reply_method_return(m, "s", ":1.1");
        g_string_append_printf(service->calls, "%s %s.%s ", sd_bus_message_get_path(m),
                               sd_bus_message_get_interface(m), member);
        write_values(service->calls, m);
        g_string_append(service->calls, "\n");

        if (g_strcmp0(service->script.hang_up, member) == 0) {
                service->ended = TRUE;
                return 1;
        }
        if (g_strcmp0(service->script.fail, member) == 0)
                return sd_bus_reply_method_errorf(m, service->script.error, "%s", service->script.message);
        if (service->script.announce && !service->announced) {
                service->announced = TRUE;
                g_assert_cmpint(sd_bus_emit_signal(service->bus, "/org/tracectl/Tracing1",
                                                   "org.tracectl.Tracing1.Manager", "SessionNew", "so", "shop",
                                                   FAKE_SESSION), >=, 0);
        }
        g_assert_cmpint(sd_bus_message_new_method_return(m, &reply), >=, 0);
        if (sd_bus_message_has_signature(m, "s") || sd_bus_message_has_signature(m, "oa{sv}")) {
                g_assert_cmpint(sd_bus_message_rewind(m, 1), >=, 0);
                g_assert_cmpint(sd_bus_message_read_basic(m, *sd_bus_message_get_signature(m, 1), &about), >, 0);
        }
        g_assert_cmpint(fake_answer(&service->script, member, about, reply), >=, 0);
        r = sd_bus_send(service->bus, reply, NULL);
        /* A client may have gone away without having waited. */
        g_assert_true(r >= 0 || r == -ECONNRESET || r == -EPIPE || r == -ENOTCONN);
        sd_bus_message_unref(reply);
        return 1;
}

static void start_bus(struct fake_service *service, int fd) {
        sd_id128_t id;

        g_assert_cmpint(sd_id128_randomize(&id), >=, 0);
        g_assert_cmpint(sd_bus_new(&service->bus), >=, 0);
        g_assert_cmpint(sd_bus_set_fd(service->bus, fd, fd), >=, 0);
        g_assert_cmpint(sd_bus_set_server(service->bus, 1, id), >=, 0);
        g_assert_cmpint(sd_bus_negotiate_fds(service->bus, 1), >=, 0);
        g_assert_cmpint(sd_bus_add_filter(service->bus, NULL, on_message, service), >=, 0);
        g_assert_cmpint(sd_bus_start(service->bus), >=, 0);
        service->fd = fd;
}

static gpointer serve(gpointer userdata) {
        struct fake_service *service = userdata;

        if (service->listen_fd >= 0) {
                int fd = accept4(service->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

                /* Nobody has come, and nobody will. */
                if (fd < 0)
                        return NULL;
                start_bus(service, fd);
        }
        while (!service->ended) {
                int r = sd_bus_process(service->bus, NULL);

                if (r < 0)
                        break;
                if (r == 0 && sd_bus_wait(service->bus, UINT64_MAX) < 0)
                        break;
        }
        sd_bus_close_unref(service->bus);
        return NULL;
}

static struct fake_service *service_new(const struct fake_script *script) {
        struct fake_service *service = g_new0(struct fake_service, 1);

        service->script = *script;
        service->calls = g_string_new(NULL);
        service->listen_fd = -1;
        return service;
}

struct fake_service *fake_service_start(const struct fake_script *script, int *ret_fd) {
        struct fake_service *service = service_new(script);
        int fds[2];

        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), ==, 0);
        start_bus(service, fds[1]);
        service->thread = g_thread_new("service", serve, service);
        *ret_fd = fds[0];
        return service;
}

struct fake_service *fake_service_listen(const struct fake_script *script, const char *path) {
        struct fake_service *service = service_new(script);
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        g_assert_cmpuint(strlen(path), <, sizeof(address.sun_path));
        strcpy(address.sun_path, path);
        service->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        g_assert_cmpint(service->listen_fd, >=, 0);
        g_assert_cmpint(bind(service->listen_fd, (struct sockaddr *) &address, sizeof(address)), ==, 0);
        g_assert_cmpint(listen(service->listen_fd, 1), ==, 0);
        service->thread = g_thread_new("service", serve, service);
        return service;
}

void fake_service_hang_up(struct fake_service *service) {
        g_assert_cmpint(shutdown(service->fd, SHUT_RDWR), ==, 0);
}

char *fake_service_end(struct fake_service *service) {
        char *calls;

        if (service->listen_fd >= 0)
                (void) shutdown(service->listen_fd, SHUT_RDWR); /* ends accept4() */
        g_thread_join(service->thread);
        if (service->listen_fd >= 0)
                g_assert_cmpint(close(service->listen_fd), ==, 0);
        calls = g_string_free(service->calls, FALSE);
        g_free(service);
        return calls;
}
