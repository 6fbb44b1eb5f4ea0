/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "service/bus/binding.h"
#include "service/bus/bus.h"
#include "service/bus/clients.h"
#include "service/bus/errors.h"
#include "service/bus/listing.h"
#include "service/bus/objects.h"
#include "service/bus/options.h"
#include "service/domain/kernel/kernel.h"
#include "service/log.h"

struct bus *bus_of(struct manager *m, sd_bus_message *message) {
        for (struct manager_listener *l = m->listeners; l; l = l->next) {
                struct bus *b = l->userdata;

                if (l->news == bus_on_news && b->bus == sd_bus_message_get_bus(message))
                        return b;
        }
        return NULL;
}

int bus_authorize(struct bus *b, sd_bus_message *m, const struct question *question, sd_bus_error *error) {
        struct failure failure;
        int r;

        r = b->authorizer->check(b->authorizer, m, question, &failure);
        return r < 0 ? error_set(error, &failure) : r;
}

int bus_caller(struct bus *b, sd_bus_message *m, uid_t *ret, sd_bus_error *error) {
        struct failure failure;
        int r;

        r = b->authorizer->caller(b->authorizer, m, ret, &failure);
        return r < 0 ? error_set(error, &failure) : 0;
}

bool bus_shows(struct bus *b, uid_t owner) {
        return b->telling || b->authorizer->shows(b->authorizer, sd_bus_get_current_message(b->bus), owner);
}

int bus_shown_uids(struct bus *b, uid_t **ret, size_t *ret_n) {
        _cleanup_free_ uid_t *uids = NULL;
        size_t n = 0, all;
        int r;

        r = registry_list_uids(b->registry, &uids, &all);
        if (r < 0)
                return r;
        for (size_t i = 0; i < all; i++)
                if (bus_shows(b, uids[i]))
                        uids[n++] = uids[i];
        *ret = TAKE_PTR(uids);
        *ret_n = n;
        return 0;
}

bool bus_has_audience(struct bus *b, uid_t owner, bool application) {
        if (b->clients)
                return clients_any(b->clients, owner, application);
        return b->authorizer->shows(b->authorizer, NULL, owner);
}

/* Messages that wait for the other end to read them before it is sent no more signals. */
#define QUEUED_MAX 1024

/* Signals are lost to who does not read, so that he costs no more memory than these. */
static bool is_deaf(struct bus *b) {
        uint64_t n = 0;

        if (sd_bus_get_n_queued_write(b->bus, &n) < 0)
                return false;
        if (!b->deaf && n >= QUEUED_MAX)
                log_warning("a connection gets no signals any more until it has read the %i that wait for it",
                            QUEUED_MAX);
        b->deaf = b->deaf ? n > 0 : n >= QUEUED_MAX;
        return b->deaf;
}

/* A number of its own is given to each copy; a sealed message has the first one. */
void bus_send_signal(struct bus *b, uid_t owner, bool application, sd_bus_message *signal) {
        if (is_deaf(b))
                return;
        if (!b->clients) {
                if (b->authorizer->shows(b->authorizer, NULL, owner))
                        (void) sd_bus_send(b->bus, signal, NULL);
                return;
        }
        if (sd_bus_message_seal(signal, 1, 0) >= 0)
                clients_send(b->clients, owner, application, signal);
}

int bus_read_options(sd_bus_message *m, const struct option *options, size_t n, sd_bus_error *error) {
        struct failure failure;
        int r;

        r = options_read(m, options, n, &failure);
        return r < 0 ? error_set(error, &failure) : 0;
}

int bus_read_domain(const char *domain, bool *ret_kernel, sd_bus_error *error) {
        struct failure failure;

        *ret_kernel = strcmp(domain, "kernel") == 0;
        if (*ret_kernel || strcmp(domain, "user") == 0)
                return 0;
        fail(&failure, FAILURE_UNKNOWN_DOMAIN, "Unknown domain '%.100s'; known are: user, kernel.", domain);
        return error_set(error, &failure);
}

int bus_require_kernel(struct bus *b, sd_bus_error *error) {
        struct failure failure;
        int r;

        r = b->manager->kernel ? kernel_domain_require(b->manager->kernel, &failure)
                               : fail(&failure, FAILURE_KERNEL, "This tracingd does not trace the kernel.");
        return r < 0 ? error_set(error, &failure) : 0;
}

void bus_reply_failure(struct bus *b, sd_bus_message *m, const struct failure *failure) {
        emit_flush(b->emitter);
        (void) sd_bus_reply_method_errorf(m, error_name(failure->kind), "%s", failure->text);
        sd_bus_message_unref(m);
}

void bus_reply(struct bus *b, sd_bus_message *m, sd_bus_message *reply) {
        emit_flush(b->emitter);
        (void) sd_bus_send(b->bus, reply, NULL);
        sd_bus_message_unref(m);
}

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct bus *b = userdata;

        if (sd_bus_message_is_signal(m, "org.freedesktop.DBus.Local", "Disconnected")) {
                binding_client_gone(b, "");
                b->hung_up(b->userdata);
                return 0;
        }
        if (sd_bus_message_is_method_call(m, NULL, NULL)) {
                if (b->clients)
                        clients_note(b->clients, m);
                if (b->shared->used)
                        b->shared->used(b->shared->userdata);
                /* The gate's filter comes before this one. */
                return objects_answer(b, m, error);
        }
        return 0;
}

int bus_new(const struct bus_shared *shared, sd_bus *bus, struct authorizer *authorizer,
            void (*hung_up)(void *userdata), void *userdata, struct bus **ret) {
        _cleanup_(bus_freep) struct bus *b = NULL;
        int r;

        b = calloc(1, sizeof(*b));
        if (!b) {
                authorizer_free(authorizer);
                sd_bus_close_unref(bus);
                return -ENOMEM;
        }
        b->shared = shared;
        b->bus = bus;
        b->manager = shared->manager;
        b->registry = shared->registry;
        b->authorizer = authorizer;
        b->hung_up = hung_up;
        b->userdata = userdata;
        b->listener = (struct manager_listener) { .news = bus_on_news, .userdata = b };
        r = errors_register();
        if (r >= 0)
                r = emitter_new(shared->event, b, &b->emitter);
        if (r >= 0)
                r = sd_bus_add_filter(b->bus, NULL, on_message, b);
        if (r >= 0)
                r = objects_add(b);
        if (r < 0)
                return r;
        manager_add_listener(b->manager, &b->listener);
        *ret = TAKE_PTR(b);
        return 0;
}

int bus_start(struct bus *b) {
        int r;

        r = sd_bus_start(b->bus);
        return r < 0 ? r : sd_bus_attach_event(b->bus, b->shared->event, SD_EVENT_PRIORITY_NORMAL);
}

struct bus *bus_free(struct bus *b) {
        if (!b)
                return NULL;
        manager_remove_listener(b->manager, &b->listener);
        while (b->listings)
                listing_free(b->listings);
        sd_event_source_disable_unref(b->lister);
        sd_event_source_disable_unref(b->left_over);
        emitter_free(b->emitter);
        clients_free(b->clients);
        authorizer_free(b->authorizer);
        /* What is not connected yet has nothing to send, and would be waited for. */
        if (sd_bus_is_ready(b->bus) > 0)
                (void) sd_bus_flush(b->bus);
        sd_bus_close_unref(b->bus);
        application_unref(b->found);
        free(b);
        return NULL;
}
