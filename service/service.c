/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <urcu.h>

#include "service/bus/authorizer.h"
#include "service/bus/bus.h"
#include "service/model/manager.h"
#include "service/model/waiter.h"
#include "service/registry/registry.h"
#include "service/service.h"

struct service {
        sd_event *event;
        int register_fd;
        struct authorizer *authorizer;
        struct user_domain *domain;
        struct manager *manager;
        struct registry *registry;
        struct bus *bus;
        sd_event_source *news_source;
};

static void on_added(uint64_t id, void *userdata) {
        struct service *s = userdata;
        _cleanup_free_ char *path = NULL;

        if (application_path(id, &path) >= 0)
                emit_added(s->bus->emitter, path);
}

static void on_removed(uint64_t id, void *userdata) {
        struct service *s = userdata;
        _cleanup_free_ char *path = NULL;

        if (application_path(id, &path) >= 0)
                emit_removed(s->bus->emitter, path, BUS_INTERFACE("Application"));
}

static int on_registry_news(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        struct service *s = userdata;

        registry_take_news(s->registry, on_added, on_removed, s);
        waiters_check(s->manager);
        return 0;
}

static void on_shut_down(void *userdata) {
        struct service *s = userdata;

        (void) sd_event_exit(s->event, 0);
}

void service_end(struct service *s) {
        manager_shutdown(s->manager, on_shut_down, s);
}

static void on_hung_up(void *userdata) {
        service_end(userdata);
}

static bool admits(uid_t uid, void *userdata) {
        return uid == getuid();
}

static int build(struct service *s, const struct service_config *config, int *bus_fd) {
        struct registry_config registry;
        int r;

        r = authorizer_new_peer(*bus_fd, &s->authorizer);
        if (r < 0)
                return r;
        r = sd_event_new(&s->event);
        if (r < 0)
                return r;
        r = user_domain_new(&s->domain);
        if (r < 0)
                return r;
        r = manager_new(s->event, s->domain, &config->starter, &s->manager);
        if (r < 0)
                return r;
        if (config->consumer_usec)
                s->manager->consumer_usec = config->consumer_usec;
        registry = (struct registry_config) {
                .listen_fd = s->register_fd,
                .domain = s->domain,
                .model = &s->manager->published,
                .admits = admits,
                .userdata = s,
        };
        r = registry_new(&registry, &s->registry);
        if (r < 0)
                return r;
        s->manager->registry = s->registry;
        r = bus_new_private(s->event, TAKE_FD(*bus_fd), s->manager, s->registry, s->authorizer, on_hung_up, s,
                            &s->bus);
        if (r < 0)
                return r;
        return sd_event_add_io(s->event, &s->news_source, registry_event_fd(s->registry), EPOLLIN, on_registry_news, s);
}

int service_new(const struct service_config *config, struct service **ret) {
        _cleanup_(service_freep) struct service *s = NULL;
        _cleanup_close_ int bus_fd = config->bus_fd;
        int r;

        rcu_register_thread();
        s = calloc(1, sizeof(*s));
        if (!s) {
                rcu_unregister_thread();
                close(config->register_fd);
                return -ENOMEM;
        }
        s->register_fd = config->register_fd;
        r = build(s, config, &bus_fd);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

/*
 * Threads first, since they read the model; then the sessions, whose recordings
 * the registry's compartments outlive.
 */
struct service *service_free(struct service *s) {
        if (!s)
                return NULL;
        s->news_source = sd_event_source_disable_unref(s->news_source);
        if (s->registry)
                registry_stop(s->registry);
        bus_free(s->bus);
        authorizer_free(s->authorizer);
        manager_free(s->manager);
        registry_free(s->registry);
        user_domain_free(s->domain);
        sd_event_unref(s->event);
        closep(&s->register_fd);
        free(s);
        rcu_unregister_thread();
        return NULL;
}

int service_run(struct service *s) {
        return sd_event_loop(s->event);
}

sd_event *service_event(struct service *s) {
        return s->event;
}
