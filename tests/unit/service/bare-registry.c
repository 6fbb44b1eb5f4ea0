/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "bare-registry.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static bool admit_all(uid_t uid, void *userdata) {
        return true;
}

void bare_registry_init(struct bare_registry *w, const struct registry_config *config) {
        struct registry_config c = config ? *config : (struct registry_config) { 0 };
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        *w = (struct bare_registry) { 0 };
        rcu_register_thread();
        w->f.register_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        g_assert_no_errno(bind(w->f.register_fd, (struct sockaddr *) &address, sizeof(sa_family_t)));
        g_assert_no_errno(listen(w->f.register_fd, 1024));
        g_assert_cmpint(user_domain_new(&w->domain), ==, 0);
        w->model = model_view_new(1, 0);
        c.listen_fd = w->f.register_fd;
        c.domain = w->domain;
        c.model = &w->model;
        c.admits = admit_all;
        g_assert_cmpint(registry_new(&c, &w->registry), ==, 0);
}

void bare_registry_done(struct bare_registry *w) {
        registry_free(w->registry);
        model_view_unref(w->model);
        user_domain_free(w->domain);
        close(w->f.register_fd);
        rcu_unregister_thread();
}

static void on_added(struct application *a, void *userdata) {
        ((struct bare_registry *) userdata)->added++;
}

static void on_removed(struct application *a, void *userdata) {
        ((struct bare_registry *) userdata)->removed++;
}

void bare_registry_next(struct bare_registry *w) {
        struct pollfd p = { .fd = registry_event_fd(w->registry), .events = POLLIN };

        g_assert_cmpint(poll(&p, 1, WAIT_SECONDS * 1000), ==, 1);
        registry_take_news(w->registry, 1, on_added, on_removed, w);
}

void bare_registry_wait(struct bare_registry *w, const unsigned *counter, unsigned wanted) {
        while (*counter < wanted)
                bare_registry_next(w);
}
