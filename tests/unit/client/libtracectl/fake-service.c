/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "tests/unit/client/libtracectl/fake-service.h"

#define SESSION_PATH "/org/tracectl/Tracing1/session/1000/shop"

struct fake_service {
        struct fake_script script;
        GThread *thread;
        GString *calls; /* the thread's until it is joined */
        sd_bus *bus;
        gboolean announced, ended;
        int fd; /* the bus's */
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

static int append_scripted_counts(struct fake_service *service, sd_bus_message *reply) {
        g_assert_cmpint(sd_bus_message_open_container(reply, 'a', "{sv}"), >=, 0);
        for (const struct fake_count *c = service->script.counts; c->name; c++)
                g_assert_cmpint(sd_bus_message_append(reply, "{sv}", c->name, "t", c->value), >=, 0);
        g_assert_cmpint(sd_bus_message_append(reply, "{sv}", "output-error", "s", service->script.output_error ?: ""),
                        >=, 0);
        return sd_bus_message_close_container(reply);
}

static int append_counts(struct fake_service *service, sd_bus_message *reply) {
        if (service->script.counts)
                return append_scripted_counts(service, reply);
        if (service->script.odd_counts)
                return sd_bus_message_append(reply, "a{sv}", 1, "events", "s", "many");
        return sd_bus_message_append(reply, "a{sv}", 5, "events", "t", UINT64_C(123), "lost-ring", "t", UINT64_C(4),
                                     "a-later-one", "as", 1, "skipped", "applications", "t", UINT64_C(2),
                                     "output-error", "s", service->script.output_error ?: "");
}

static int append_answer(struct fake_service *service, const char *member, sd_bus_message *reply) {
        if (g_strcmp0(service->script.bad_reply, member) == 0)
                return sd_bus_message_append(reply, "b", 1);
        if (strcmp(member, "CreateSession") == 0)
                return sd_bus_message_append(reply, "o", SESSION_PATH);
        if (strcmp(member, "EnableChannel") == 0)
                return sd_bus_message_append(reply, "o", SESSION_PATH "/channel/user/channel0");
        if (strcmp(member, "EnableEvent") == 0)
                return sd_bus_message_append(reply, "otu", SESSION_PATH "/event/1", UINT64_C(7), 3);
        if (strcmp(member, "Snapshot") == 0 && sd_bus_message_append(reply, "s", "/tmp/x") < 0)
                return -1;
        if (strcmp(member, "Snapshot") == 0 || strcmp(member, "Stop") == 0)
                return append_counts(service, reply);
        return 0;
}

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct fake_service *service = userdata;
        sd_bus_message *reply = NULL;
        const char *member = sd_bus_message_get_member(m);

        if (!sd_bus_message_is_method_call(m, NULL, NULL))
                return 0;
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
                                                   SESSION_PATH), >=, 0);
        }
        g_assert_cmpint(sd_bus_message_new_method_return(m, &reply), >=, 0);
        g_assert_cmpint(append_answer(service, member, reply), >=, 0);
        g_assert_cmpint(sd_bus_send(service->bus, reply, NULL), >=, 0);
        sd_bus_message_unref(reply);
        return 1;
}

static gpointer serve(gpointer userdata) {
        struct fake_service *service = userdata;

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

struct fake_service *fake_service_start(const struct fake_script *script, int *ret_fd) {
        struct fake_service *service = g_new0(struct fake_service, 1);
        sd_id128_t id;
        int fds[2];

        service->script = *script;
        service->calls = g_string_new(NULL);
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), ==, 0);
        g_assert_cmpint(sd_id128_randomize(&id), >=, 0);
        g_assert_cmpint(sd_bus_new(&service->bus), >=, 0);
        g_assert_cmpint(sd_bus_set_fd(service->bus, fds[1], fds[1]), >=, 0);
        g_assert_cmpint(sd_bus_set_server(service->bus, 1, id), >=, 0);
        g_assert_cmpint(sd_bus_negotiate_fds(service->bus, 1), >=, 0);
        g_assert_cmpint(sd_bus_add_filter(service->bus, NULL, on_message, service), >=, 0);
        g_assert_cmpint(sd_bus_start(service->bus), >=, 0);
        service->thread = g_thread_new("service", serve, service);
        service->fd = fds[1];
        *ret_fd = fds[0];
        return service;
}

void fake_service_hang_up(struct fake_service *service) {
        g_assert_cmpint(shutdown(service->fd, SHUT_RDWR), ==, 0);
}

char *fake_service_end(struct fake_service *service) {
        char *calls;

        g_thread_join(service->thread);
        calls = g_string_free(service->calls, FALSE);
        g_free(service);
        return calls;
}
