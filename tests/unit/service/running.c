/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "running.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake-consumer.h"
#include "service/service.h"

static int bind_in(const struct running *l, const char *name, int type) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

        g_assert_cmpint(snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", l->directory, name), <,
                        (int) sizeof(address.sun_path));
        g_assert_no_errno(bind(fd, (struct sockaddr *) &address, sizeof(address)));
        return fd;
}

static int on_end(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        eventfd_t n;

        (void) eventfd_read(fd, &n);
        service_end(userdata);
        return 0;
}

static gpointer serve(gpointer userdata) {
        struct running *l = userdata;
        const struct service_config config = {
                .mode = SERVICE_USER,
                .register_fd = fcntl(l->f.register_fd, F_DUPFD_CLOEXEC, 3),
                .control_fd = fcntl(l->control_fd, F_DUPFD_CLOEXEC, 3),
                .run_directory = l->directory,
                .idle_usec = l->idle_usec,
                .bus_address = l->address,
                .starter = { .start = fake_consumer_start, .userdata = &l->f },
        };
        struct service *service = NULL;

        g_assert_cmpint(service_new(&config, &service), ==, 0);
        g_assert_cmpint(sd_event_add_io(service_event(service), NULL, l->end_fd, EPOLLIN, on_end, service), >=, 0);
        l->f.result = service_run(service);
        service_free(service);
        return NULL;
}

/* What the service tells its manager next. */
static char *next_notification(struct running *l) {
        char text[512];
        ssize_t n;

        n = recv(l->notify_fd, text, sizeof(text) - 1, 0);
        g_assert_cmpint(n, >, 0);
        text[n] = '\0';
        return g_strdup(strtok(text, "\n"));
}

static void assert_notification(struct running *l, const char *text) {
        g_autofree char *found = next_notification(l);

        g_assert_cmpstr(found, ==, text);
}

struct running *running_prepare(uint64_t idle_usec) {
        struct running *l = g_new0(struct running, 1);
        const struct timeval timeout = { .tv_sec = WAIT_SECONDS };
        g_autofree char *notify = NULL;

        l->directory = g_dir_make_tmp("tracingd-life-XXXXXX", NULL);
        l->idle_usec = idle_usec;
        l->address = g_strdup_printf("unix:path=%s/bus", l->directory);
        l->f.output = g_strdup(l->directory);
        l->f.consumers = g_async_queue_new();
        l->f.all_consumers = g_ptr_array_new_with_free_func(fake_consumer_free);
        l->f.result = -1;
        l->f.register_fd = bind_in(l, "register", SOCK_SEQPACKET);
        l->control_fd = bind_in(l, "control", SOCK_STREAM);
        g_assert_no_errno(listen(l->f.register_fd, 16));
        g_assert_no_errno(listen(l->control_fd, 128));
        l->notify_fd = bind_in(l, "notify", SOCK_DGRAM);
        g_assert_no_errno(setsockopt(l->notify_fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)));
        notify = g_build_filename(l->directory, "notify", NULL);
        g_setenv("NOTIFY_SOCKET", notify, TRUE);
        l->end_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        return l;
}

void running_begin(struct running *l) {
        l->f.thread = g_thread_new("tracingd", serve, l);
        assert_notification(l, "READY=1");
}

void running_join(struct running *l) {
        g_thread_join(l->f.thread);
        l->f.thread = NULL;
        g_assert_cmpint(l->f.result, ==, 0);
        assert_notification(l, "STOPPING=1");
}

void running_stop_bus(struct running *l) {
        if (l->bus_pid == 0)
                return;
        g_assert_no_errno(kill(l->bus_pid, SIGKILL));
        g_assert_cmpint(waitpid(l->bus_pid, NULL, 0), ==, l->bus_pid);
        l->bus_pid = 0;
}

void running_remove_file(const struct running *l, const char *name) {
        g_autofree char *path = g_build_filename(l->directory, name, NULL);

        (void) g_unlink(path);
}

void running_finish(struct running *l) {
        static const char *const files[] = { "register", "control", "notify", "bus", "wait", "bus.conf" };

        if (l->f.bus)
                sd_bus_close_unref(l->f.bus);
        if (l->f.thread) {
                g_assert_no_errno(eventfd_write(l->end_fd, 1));
                running_join(l);
        }
        running_stop_bus(l);
        g_ptr_array_unref(l->f.all_consumers);
        g_async_queue_unref(l->f.consumers);
        close(l->f.register_fd);
        close(l->control_fd);
        close(l->notify_fd);
        close(l->end_fd);
        for (size_t i = 0; i < G_N_ELEMENTS(files); i++)
                running_remove_file(l, files[i]);
        g_assert_no_errno(g_rmdir(l->directory));
        g_free(l->directory);
        g_free(l->address);
        g_free(l->f.output);
        g_free(l);
}

void running_die_with_parent(gpointer userdata) {
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
}

void running_start_bus(struct running *l) {
        g_autofree char *path = g_build_filename(l->directory, "bus.conf", NULL), *option = NULL, *text = NULL;
        char *argv[] = { (char *) "dbus-daemon", NULL, (char *) "--nofork", (char *) "--print-address=1", NULL };
        g_auto(GStrv) environment = g_environ_unsetenv(g_get_environ(), "NOTIFY_SOCKET"); /* it would notify, too */
        g_autoptr(GError) error = NULL;
        char byte;
        int out;

        text = g_strdup_printf("<busconfig><type>session</type><listen>%s</listen><auth>EXTERNAL</auth>"
                               "<policy context=\"default\"><allow send_destination=\"*\"/><allow eavesdrop=\"true\"/>"
                               "<allow own=\"*\"/>"
                               "</policy></busconfig>", l->address);
        g_assert_true(g_file_set_contents(path, text, -1, &error));
        option = g_strdup_printf("--config-file=%s", path);
        argv[1] = option;
        running_remove_file(l, "bus");
        g_assert_true(g_spawn_async_with_pipes(NULL, argv, environment, G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD,
                                               running_die_with_parent, NULL, &l->bus_pid, NULL, &out, NULL, &error));
        g_assert_no_error(error);
        g_assert_cmpint(read(out, &byte, 1), ==, 1);
        close(out);
}

sd_bus *running_connect_bus(const struct running *l) {
        sd_bus *bus = NULL;

        g_assert_cmpint(sd_bus_new(&bus), >=, 0);
        g_assert_cmpint(sd_bus_set_address(bus, l->address), >=, 0);
        g_assert_cmpint(sd_bus_set_bus_client(bus, 1), >=, 0);
        g_assert_cmpint(sd_bus_start(bus), >=, 0);
        return bus;
}

int running_control_socket(const struct running *l) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        snprintf(address.sun_path, sizeof(address.sun_path), "%s/control", l->directory);
        g_assert_no_errno(connect(fd, (struct sockaddr *) &address, sizeof(address)));
        return fd;
}

sd_bus *running_connect_control(const struct running *l) {
        int fd = running_control_socket(l);
        sd_bus *bus = NULL;

        g_assert_cmpint(sd_bus_new(&bus), >=, 0);
        g_assert_cmpint(sd_bus_set_fd(bus, fd, fd), >=, 0);
        g_assert_cmpint(sd_bus_set_bus_client(bus, 0), >=, 0);
        g_assert_cmpint(sd_bus_start(bus), >=, 0);
        return bus;
}

int running_call_manager(sd_bus *bus, const char *member) {
        sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_call_method(bus, BUS_NAME, MANAGER, member, NULL, &reply, "a{sv}", 0);
        sd_bus_message_unref(reply);
        return r;
}
