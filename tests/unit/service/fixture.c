/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fake-consumer.h"
#include "service/service.h"

static int listen_somewhere(void) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

        /* The kernel chooses an abstract address that nobody else has. */
        g_assert_cmpint(fd, >=, 0);
        g_assert_no_errno(bind(fd, (struct sockaddr *) &address, sizeof(sa_family_t)));
        g_assert_no_errno(listen(fd, 128));
        return fd;
}

struct start {
        struct fixture *fixture;
        int bus_fd;
        uint64_t consumer_usec, look_usec;
        clock_bound_measure_t measure_bound;
};

static gpointer serve(gpointer userdata) {
        struct start *start = userdata;
        struct fixture *f = start->fixture;
        const struct service_config config = {
                .bus_fd = start->bus_fd,
                .register_fd = fcntl(f->register_fd, F_DUPFD_CLOEXEC, 3),
                .starter = { .start = fake_consumer_start, .userdata = f },
                .consumer_usec = start->consumer_usec,
                .clock_look_usec = start->look_usec,
                .measure_bound = start->measure_bound,
        };
        struct service *service = NULL;

        g_free(start);
        g_assert_cmpint(service_new(&config, &service), ==, 0);
        f->result = service_run(service);
        service_free(service);
        return NULL;
}

static struct fixture *begin(const struct start *how) {
        struct fixture *f = g_new0(struct fixture, 1);
        struct start *start = g_memdup2(how, sizeof(*how));
        int pair[2];

        f->output = g_dir_make_tmp("tracingd-test-XXXXXX", NULL);
        g_assert_nonnull(f->output);
        f->consumers = g_async_queue_new();
        f->all_consumers = g_ptr_array_new_with_free_func(fake_consumer_free);
        f->register_fd = listen_somewhere();
        f->result = -1;
        g_assert_no_errno(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
        start->fixture = f;
        start->bus_fd = pair[0];
        f->thread = g_thread_new("tracingd", serve, start);
        g_assert_cmpint(sd_bus_new(&f->bus), >=, 0);
        g_assert_cmpint(sd_bus_set_fd(f->bus, pair[1], pair[1]), >=, 0);
        g_assert_cmpint(sd_bus_set_bus_client(f->bus, 0), >=, 0);
        g_assert_cmpint(sd_bus_negotiate_fds(f->bus, 1), >=, 0);
        g_assert_cmpint(sd_bus_start(f->bus), >=, 0);
        return f;
}

struct fixture *fixture_new(void) {
        return fixture_new_usec(0);
}

struct fixture *fixture_new_usec(uint64_t consumer_usec) {
        return begin(&(struct start) { .consumer_usec = consumer_usec });
}

struct fixture *fixture_new_clock(uint64_t look_usec, clock_bound_measure_t measure_bound) {
        return begin(&(struct start) { .look_usec = look_usec, .measure_bound = measure_bound });
}

void fixture_free(struct fixture *f) {
        f->bus = sd_bus_close_unref(f->bus);
        g_thread_join(f->thread);
        g_assert_cmpint(f->result, ==, 0);
        g_ptr_array_unref(f->all_consumers);
        g_async_queue_unref(f->consumers);
        close(f->register_fd);
        g_rmdir(f->output);
        g_free(f->output);
        g_free(f);
}

static sd_bus_message *call(struct fixture *f, const char *path, const char *interface, const char *member,
                            sd_bus_error *error, const char *types, va_list ap) {
        sd_bus_message *m = NULL, *reply = NULL;

        g_assert_cmpint(sd_bus_message_new_method_call(f->bus, &m, NULL, path, interface, member), >=, 0);
        if (*types)
                g_assert_cmpint(sd_bus_message_appendv(m, types, ap), >=, 0);
        sd_bus_call(f->bus, m, WAIT_SECONDS * G_USEC_PER_SEC, error, &reply);
        sd_bus_message_unref(m);
        return reply;
}

sd_bus_message *fixture_call(struct fixture *f, const char *path, const char *interface, const char *member,
                             char **ret_error, const char *types, ...) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply;
        va_list ap;

        va_start(ap, types);
        reply = call(f, path, interface, member, &error, types, ap);
        va_end(ap);
        if (!reply && ret_error)
                *ret_error = g_strdup_printf("%s: %s", error.name, error.message);
        else if (!reply)
                g_error("%s of %s: %s: %s", member, path, error.name, error.message);
        sd_bus_error_free(&error);
        return reply;
}

void fixture_ok(struct fixture *f, const char *path, const char *interface, const char *member, const char *types,
                ...) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply;
        va_list ap;

        va_start(ap, types);
        reply = call(f, path, interface, member, &error, types, ap);
        va_end(ap);
        if (!reply)
                g_error("%s of %s: %s: %s", member, path, error.name, error.message);
        sd_bus_message_unref(reply);
}

void fixture_fails(struct fixture *f, const char *error_name, const char *text, const char *path,
                   const char *interface, const char *member, const char *types, ...) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply;
        va_list ap;

        va_start(ap, types);
        reply = call(f, path, interface, member, &error, types, ap);
        va_end(ap);
        g_assert_null(reply);
        g_assert_cmpstr(error.name, ==, error_name);
        if (!strstr(error.message, text))
                g_error("\"%s\" does not say \"%s\"", error.message, text);
        sd_bus_error_free(&error);
}

char *fixture_session(struct fixture *f, const char *name) {
        sd_bus_message *reply;
        const char *path;
        char *copy;

        reply = fixture_call(f, "/org/tracectl/Tracing1", "org.tracectl.Tracing1.Manager", "CreateSession", NULL,
                             "sa{sv}", name, 1, "directory", "s", f->output);
        g_assert_cmpint(sd_bus_message_read(reply, "o", &path), >, 0);
        copy = g_strdup(path);
        sd_bus_message_unref(reply);
        return copy;
}

char *fixture_get_string(struct fixture *f, const char *path, const char *interface, const char *property) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        char *value = NULL, *copy;

        if (sd_bus_get_property_string(f->bus, NULL, path, interface, property, &error, &value) < 0)
                g_error("%s of %s: %s", property, path, error.message);
        copy = g_strdup(value);
        free(value);
        return copy;
}

uint64_t fixture_get_u64(struct fixture *f, const char *path, const char *interface, const char *property) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        uint64_t value = 0;

        if (sd_bus_get_property_trivial(f->bus, NULL, path, interface, property, &error, 't', &value) < 0)
                g_error("%s of %s: %s", property, path, error.message);
        return value;
}

void fixture_wait_string(struct fixture *f, const char *path, const char *interface, const char *property,
                         const char *value) {
        gint64 end = g_get_monotonic_time() + WAIT_SECONDS * G_USEC_PER_SEC;

        for (;;) {
                g_autofree char *now = fixture_get_string(f, path, interface, property);

                if (strcmp(now, value) == 0)
                        return;
                if (g_get_monotonic_time() >= end)
                        g_error("%s of %s is '%s', not '%s'", property, path, now, value);
                /* Every change is announced by a signal. */
                while (sd_bus_process(f->bus, NULL) > 0)
                        ;
                sd_bus_wait(f->bus, G_USEC_PER_SEC);
        }
}
