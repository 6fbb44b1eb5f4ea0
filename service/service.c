/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <urcu.h>

#include "service/internal.h"
#include "service/bus/audit.h"
#include "service/domain/kernel/kernel.h"
#include "service/log.h"
#include "service/model/waiter.h"
#include "service/registry/registry.h"
#include "service/state/fd-store.h"
#include "service/state/keeper.h"
#include "service/state/restore.h"

/* To tell of one takes some ten microseconds; calls shall not wait for long. */
#define NEWS_PER_TURN 64

/* What came and went meanwhile was never there. */
static void on_added(struct application *a, void *userdata) {
        struct service *s = userdata;

        a->announced = atomic_load(&a->registered);
        if (a->announced)
                bus_tell_application(s->manager, a->id, a->peer.uid, true);
        wake_registered(s->wake);
}

static void on_removed(struct application *a, void *userdata) {
        struct service *s = userdata;

        if (a->announced)
                bus_tell_application(s->manager, a->id, a->peer.uid, false);
}

/* The next of those that are woken wait for what these do. */
static void follow_wake(struct service *s) {
        uint64_t served = registry_count_served(s->registry);

        wake_await(s->wake, roll_missing(s->roll) > 0);
        wake_served(s->wake, served - s->served);
        s->served = served;
        registry_await(s->registry, REGISTRY_AWAITED_BY_WAKE, wake_is_waking(s->wake));
}

static int on_registry_news(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        struct service *s = userdata;

        registry_take_news(s->registry, NEWS_PER_TURN, on_added, on_removed, s);
        follow_wake(s);
        keeper_count_applications(s->manager);
        waiters_check(s->manager);
        return 0;
}

/* Applications shall register as soon as there is a session for them. */
static void on_session_news(enum manager_news news, struct session *session, struct channel *channel, struct rule *rule,
                            void *userdata) {
        struct service *s = userdata;

        if (news == MANAGER_SESSION_ADDED) {
                wake_want(s->wake);
                follow_wake(s);
        }
        if (news == MANAGER_SESSION_REMOVED)
                life_used(s);
}

/* Those that an earlier tracingd has left are asleep at the page, too, but for those that are about to. */
static uint32_t on_expected(void *userdata) {
        struct service *s = userdata;
        uint32_t asleep = wake_expected(s->wake), missing = roll_missing(s->roll);

        return asleep > missing ? asleep : missing;
}

static void on_settled(void *userdata) {
        struct service *s = userdata;

        waiters_check(s->manager);
}

static void on_used(void *userdata) {
        life_used(userdata);
}

static void on_joined(void *userdata) {
        life_ready(userdata);
}

static void on_hung_up(void *userdata) {
        service_end(userdata);
}

/* A worker asks, so that nothing else of the service is looked at. How many is a matter of limits. */
static bool admits(uid_t uid, void *userdata) {
        const enum service_mode *mode = userdata;

        return *mode == SERVICE_SYSTEM || uid == getuid();
}

static int make_starter(struct service *s, const struct service_config *config, struct consumer_starter *ret) {
        const struct unit_config units = {
                .user = config->mode == SERVICE_USER,
                .run = config->run_directory,
        };
        int r;

        *ret = config->starter;
        ret->ledger = s->domain->ledger;
        ret->store = s->domain->store;
        ret->life = s->domain->life;
        if (config->mode == SERVICE_PRIVATE || config->starter.start)
                return 0;
        r = unit_starter_new(s->event, &units, &s->units);
        if (r < 0)
                log_warning("consumers cannot be started (%s); install tracingd again, with tracectl-consumer",
                            strerror(-r));
        ret->units = s->units;
        return r;
}

/* Consumers that the test plays do not outlive it. */
static int begin_state(struct service *s, const struct service_config *config, struct ledger_image **ret) {
        int r;

        *ret = NULL;
        if (s->mode == SERVICE_PRIVATE || config->starter.start)
                return 0;
        r = restore_begin(s->domain, s->store, ret);
        return r < 0 ? r : roll_new(s->store, &s->roll);
}

static int make_model(struct service *s, const struct service_config *config) {
        _cleanup_(ledger_image_freep) struct ledger_image *image = NULL;
        const struct kernel_config kernel = {
                .tracefs = config->tracefs,
                .run_directory = config->mode == SERVICE_SYSTEM ? config->run_directory : NULL,
        };
        struct consumer_starter starter;
        int r;

        r = sd_event_new(&s->event);
        if (r < 0)
                return r;
        r = user_domain_new(&s->domain);
        if (r < 0)
                return r;
        s->domain->first_sample = config->first_sample;
        s->domain->foresees = config->mode == SERVICE_PRIVATE;
        life_configure(s);
        r = kernel_domain_new(s->event, s->domain, &kernel, &s->kernel);
        if (r < 0)
                return r;
        r = begin_state(s, config, &image);
        if (r < 0)
                return r;
        r = make_starter(s, config, &starter);
        if (r < 0)
                return r;
        r = manager_new(s->event, s->domain, &starter, &s->manager);
        if (r < 0)
                return r;
        s->manager->kernel = s->kernel;
        if (config->consumer_usec)
                s->manager->consumer_usec = config->consumer_usec;
        s->manager->clock_watch.look_usec = config->clock_look_usec;
        s->manager->clock_watch.measure_bound = config->measure_bound;
        s->keeper = (struct manager_listener) { .news = keeper_on_news };
        manager_add_listener(s->manager, &s->keeper);
        quota_restore_begin(&s->domain->quota);
        restore_sessions(s->manager, s->store, image);
        quota_restore_end(&s->domain->quota);
        r = wake_new(s->event, config->run_directory, s->manager->sessions, on_settled, s, &s->wake);
        if (r < 0)
                return r;
        s->manager->has_state_directories = s->units;
        s->manager->expected = on_expected;
        s->manager->userdata = s;
        s->listener = (struct manager_listener) { .news = on_session_news, .userdata = s };
        manager_add_listener(s->manager, &s->listener);
        return 0;
}

static int make_registry(struct service *s) {
        const struct registry_config config = {
                .listen_fd = s->register_fd,
                .domain = s->domain,
                .roll = s->roll,
                .model = &s->manager->published,
                .admits = admits,
                .userdata = &s->mode,
        };
        int r;

        r = registry_new(&config, &s->registry);
        if (r < 0)
                return r;
        s->manager->registry = s->registry;
        follow_wake(s);
        return sd_event_add_io(s->event, &s->news_source, registry_event_fd(s->registry), EPOLLIN, on_registry_news, s);
}

static int make_connections(struct service *s, const struct service_config *config, int *bus_fd) {
        const struct message_bus_config message_bus = {
                .shared = &s->shared,
                .user = config->mode == SERVICE_USER,
                .address = config->bus_address,
                .joined = on_joined,
                .userdata = s,
        };
        int r;

        if (s->mode == SERVICE_SYSTEM) {
                r = audit_new(s->event, &(struct audit_config) { 0 }, &s->audit);
                if (r < 0)
                        return r;
        }
        if (s->mode != SERVICE_PRIVATE) {
                r = journal_open(&s->journal, NULL);
                if (r < 0)
                        return r;
                s->has_journal = true;
                s->manager->journal = &s->journal;
        }
        s->shared = (struct bus_shared) {
                .event = s->event,
                .manager = s->manager,
                .registry = s->registry,
                .wake = s->wake,
                .audit = s->audit,
                .used = on_used,
                .userdata = s,
        };
        if (s->mode == SERVICE_PRIVATE)
                return bus_new_peer(&s->shared, TAKE_FD(*bus_fd), on_hung_up, s, &s->private_bus);
        r = control_new(&s->shared, s->control_fd, &s->control);
        if (r < 0)
                return r;
        r = message_bus_new(&message_bus, &s->message_bus);
        if (r < 0)
                log_warning("there is no message bus to join (%s); clients can use the control socket alone",
                            strerror(-r));
        return 0;
}

static int build(struct service *s, const struct service_config *config, int *bus_fd) {
        int r;

        r = make_model(s, config);
        if (r >= 0)
                r = make_registry(s);
        if (r >= 0)
                r = make_connections(s, config, bus_fd);
        if (r < 0)
                return r;
        restore_finish(s->manager);
        r = resume_begin(s);
        if (r < 0)
                return r;
        return life_begin(s, config);
}

int service_new(const struct service_config *config, struct service **ret) {
        bool is_private = config->mode == SERVICE_PRIVATE;
        _cleanup_close_ int bus_fd = is_private ? config->bus_fd : -1;
        _cleanup_close_ int control_fd = is_private ? -1 : config->control_fd;
        _cleanup_(service_freep) struct service *s = NULL;
        int r;

        rcu_register_thread();
        s = calloc(1, sizeof(*s));
        if (!s) {
                rcu_unregister_thread();
                fd_store_free(config->store);
                close(config->register_fd);
                return -ENOMEM;
        }
        s->mode = config->mode;
        s->register_fd = config->register_fd;
        s->store = config->store;
        s->control_fd = TAKE_FD(control_fd);
        r = build(s, config, &bus_fd);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

/*
 * Threads first, since they read the model; then the sessions, whose recordings
 * the registry's compartments outlive, and their consumers' units.
 */
void service_leave(struct service *s) {
        life_end(s);
        resume_end(s);
        s->news_source = sd_event_source_disable_unref(s->news_source);
        if (s->registry)
                registry_stop(s->registry);
        if (s->kernel)
                kernel_domain_drain(s->kernel);
        bus_free(s->private_bus);
        message_bus_free(s->message_bus);
        control_free(s->control);
        audit_free(s->audit);
        if (s->manager) {
                manager_remove_listener(s->manager, &s->listener);
                manager_remove_listener(s->manager, &s->keeper);
        }
        manager_free(s->manager);
        if (s->has_journal)
                journal_close(&s->journal);
        kernel_domain_free(s->kernel);
        unit_starter_free(s->units);
        wake_free(s->wake);
}

struct service *service_free(struct service *s) {
        if (!s)
                return NULL;
        service_leave(s);
        registry_free(s->registry);
        roll_free(s->roll);
        if (s->domain)
                ledger_free(s->domain->ledger);
        user_domain_free(s->domain);
        fd_store_free(s->store);
        sd_event_unref(s->event);
        closep(&s->register_fd);
        closep(&s->control_fd);
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
