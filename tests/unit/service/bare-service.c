/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "bare-service.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <urcu.h>

static int start_nothing(int socket, void *userdata, int *ret_pidfd) {
        return -ENOSYS;
}

static bool admits(uid_t uid, void *userdata) {
        return true;
}

static void on_hung_up(void *userdata) {
}

void bare_service_init(struct bare_service *s, sd_event *event, sd_bus *bus, struct authorizer *authorizer) {
        const struct consumer_starter starter = { .start = start_nothing };
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        struct registry_config registry;

        *s = (struct bare_service) { 0 };
        rcu_register_thread();
        s->register_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        g_assert_no_errno(bind(s->register_fd, (struct sockaddr *) &address, sizeof(sa_family_t)));
        g_assert_no_errno(listen(s->register_fd, 16));
        g_assert_cmpint(user_domain_new(&s->domain), ==, 0);
        g_assert_cmpint(manager_new(event, s->domain, &starter, &s->manager), ==, 0);
        registry = (struct registry_config) {
                .listen_fd = s->register_fd,
                .domain = s->domain,
                .model = &s->manager->published,
                .admits = admits,
        };
        g_assert_cmpint(registry_new(&registry, &s->registry), ==, 0);
        s->manager->registry = s->registry;
        s->shared = (struct bus_shared) { .event = event, .manager = s->manager, .registry = s->registry };
        g_assert_cmpint(wake_new(event, NULL, false, NULL, NULL, &s->shared.wake), ==, 0);
        g_assert_cmpint(bus_new(&s->shared, bus, authorizer, on_hung_up, NULL, &s->bus), ==, 0);
}

void bare_service_done(struct bare_service *s) {
        registry_stop(s->registry);
        bus_free(s->bus);
        manager_free(s->manager);
        wake_free(s->shared.wake);
        registry_free(s->registry);
        user_domain_free(s->domain);
        close(s->register_fd);
        rcu_unregister_thread();
}

struct session *bare_service_session(struct bare_service *s, uid_t owner, const char *name) {
        struct session_config config = { .name = name, .owner = owner };
        struct session *session;
        struct failure failure;

        g_assert_cmpint(session_output_directory(&config.output, "/nonexistent", &failure), ==, 0);
        g_assert_cmpint(manager_create_session(s->manager, &config, &session, &failure), >=, 0);
        return session;
}
