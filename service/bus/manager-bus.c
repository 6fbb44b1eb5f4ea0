/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "config.h"
#include "service/bus/binding.h"
#include "service/bus/bus.h"
#include "service/bus/errors.h"
#include "service/bus/options.h"
#include "service/domain/kernel/kernel.h"
#include "service/model/operation.h"

struct create_options {
        int output_fd;
        const char *directory, *if_exists, *mode, *rings, *bind;
        struct space_config space;
        uint32_t sync_msec; /* 0: not given */
};

/* *ret is the caller's, but for what it takes from the options. */
static int read_output(const struct bus *b, const char *name, uint64_t created, const struct create_options *o,
                       struct session_output *ret, struct failure *failure) {
        _cleanup_close_ int fd = -1;
        int r;

        if (o->output_fd >= 0 && o->directory)
                return fail(failure, FAILURE_INVALID_OPTION,
                            "Session '%.64s' is given output-fd and directory; give one of them.", name);
        if (o->directory)
                return session_output_directory(ret, o->directory, failure);
        if (o->output_fd < 0 && b->manager->has_state_directories)
                return manager_dated_output(b->manager, NULL, name, created, ret, failure);
        if (o->output_fd < 0)
                return fail(failure, FAILURE_OUTPUT,
                            "Session '%.64s' needs a place to write to; give output-fd or directory.", name);
        fd = fcntl(o->output_fd, F_DUPFD_CLOEXEC, 3);
        if (fd < 0)
                return fail(failure, FAILURE_OUTPUT, "The output of session '%.64s' cannot be used: %s.", name,
                            strerror(errno));
        r = session_output_fd(ret, name, fd, failure);
        if (r >= 0)
                (void) TAKE_FD(fd);
        return r;
}

static int reply_path(struct bus *b, sd_bus_message *m, const struct session *s) {
        _cleanup_free_ char *path = NULL;
        int r;

        r = session_path(s, &path);
        if (r < 0)
                return r;
        emit_flush(b->emitter);
        return sd_bus_reply_method_return(m, "o", path);
}

/* A CreateSession that waits for the end of the session that it replaces. */
struct replacing {
        struct manager *manager;
        sd_bus_message *message;
        char *name, *client;
        struct session_config config;
};

static struct replacing *replacing_free(struct replacing *r) {
        if (!r)
                return NULL;
        sd_bus_message_unref(r->message);
        session_output_done(&r->config.output);
        free(r->name);
        free(r->client);
        free(r);
        return NULL;
}
DEFINE_CLEANUP(struct replacing *, replacing_free)

static void on_destroyed(const struct operation_result *result, void *userdata) {
        _cleanup_(replacing_freep) struct replacing *replacing = userdata;
        struct bus *b = bus_of(replacing->manager, replacing->message);
        struct failure failure;
        struct session *s;
        int r = -1;

        if (result->failure)
                failure = *result->failure;
        else
                r = manager_create_session(replacing->manager, &replacing->config, &s, &failure);
        if (r >= 0)
                replacing->config.output = SESSION_OUTPUT_NULL;
        /* The bus may be gone, and with it whoever has asked. */
        if (!b)
                return;
        if (r >= 0) {
                binding_check(b, s);
                (void) reply_path(b, replacing->message, s);
        } else
                bus_reply_failure(b, sd_bus_message_ref(replacing->message), &failure);
}

/* Takes config->output over on success; the reply comes when the session has been made. */
static int replace(struct bus *b, sd_bus_message *m, struct session *old, const struct session_config *config,
                   struct failure *failure) {
        _cleanup_(replacing_freep) struct replacing *replacing = NULL;
        int r;

        r = manager_check_session(b->manager, config, old, failure);
        if (r < 0)
                return r;
        replacing = malloc(sizeof(*replacing));
        if (!replacing)
                return fail_memory(failure);
        *replacing = (struct replacing) { .manager = b->manager, .name = strdup(config->name), .config = *config };
        replacing->config.output = SESSION_OUTPUT_NULL;
        if (config->client)
                replacing->config.client = replacing->client = strdup(config->client);
        if (!replacing->name || (config->client && !replacing->client))
                return fail_memory(failure);
        r = session_destroy(old, on_destroyed, replacing, failure);
        if (r < 0)
                return r;
        replacing->config.name = replacing->name;
        replacing->config.output = config->output;
        replacing->message = sd_bus_message_ref(m);
        (void) TAKE_PTR(replacing);
        return 0;
}

/* Makes *ret, or NULL where the reply comes later. */
static int create(struct bus *b, sd_bus_message *m, uid_t caller, const char *name, const struct create_options *o,
                  struct session **ret, struct failure *failure) {
        struct session_config config = {
                .name = name,
                .owner = caller,
                .created = session_now(),
                .space = o->space,
                .output = SESSION_OUTPUT_NULL,
        };
        const char *if_exists = o->if_exists ? o->if_exists : "error";
        struct session *found = manager_find_session(b->manager, caller, name);
        _cleanup_free_ char *client = NULL;
        int r;

        if (o->bind && strcmp(o->bind, "client") != 0)
                return fail(failure, FAILURE_INVALID_OPTION, "Unknown bind '%.100s'; known is: client.", o->bind);
        if (o->mode && session_mode_from_string(o->mode, &config.mode) < 0)
                return fail(failure, FAILURE_INVALID_OPTION,
                            "Unknown mode '%.100s'; known are: record, flight-recorder.", o->mode);
        if (o->rings && strcmp(o->rings, "memory") != 0 && strcmp(o->rings, "files") != 0)
                return fail(failure, FAILURE_INVALID_OPTION,
                            "Unknown rings '%.100s'; known are: memory, files.", o->rings);
        if (strcmp(if_exists, "error") != 0 && strcmp(if_exists, "keep") != 0 && strcmp(if_exists, "replace") != 0)
                return fail(failure, FAILURE_INVALID_OPTION,
                            "Unknown if-exists '%.100s'; known are: error, keep, replace.", if_exists);
        r = space_check(&config.space, name, failure);
        if (r < 0)
                return r;
        if (o->bind && binding_of(b, m, &client) < 0)
                return fail_memory(failure);
        if (found && strcmp(if_exists, "keep") == 0) {
                if (client && (!found->client || strcmp(found->client, client) != 0))
                        return fail(failure, FAILURE_SESSION_EXISTS, "Session '%s' exists already, and does not end "
                                    "with this client; leave bind away, or choose another name.", name);
                *ret = found;
                return 0;
        }
        config.client = client;
        r = read_output(b, name, config.created, o, &config.output, failure);
        if (r < 0)
                return r;
        config.output.has_rings = o->rings && strcmp(o->rings, "files") == 0;
        config.output.sync_msec = o->sync_msec;
        *ret = NULL;
        r = session_output_check(&config.output, name, failure);
        if (r >= 0 && found && strcmp(if_exists, "replace") == 0)
                r = replace(b, m, found, &config, failure);
        else if (r >= 0)
                r = manager_create_session(b->manager, &config, ret, failure);
        if (r < 0)
                session_output_done(&config.output);
        else if (*ret)
                binding_check(b, *ret);
        return r;
}

struct creation {
        struct bus *bus;
        sd_bus_message *message;
        uid_t caller;
        const char *name;
        const struct create_options *options;
        struct session *session;
};

static int act_create(void *userdata, struct failure *failure) {
        struct creation *c = userdata;

        return create(c->bus, c->message, c->caller, c->name, c->options, &c->session, failure);
}

static int method_create_session(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct bus *b = userdata;
        struct create_options o = { .output_fd = -1 };
        const struct option options[] = {
                { "output-fd", 'h', &o.output_fd },
                { "directory", 's', &o.directory },
                { "if-exists", 's', &o.if_exists },
                { "mode", 's', &o.mode },
                { "rings", 's', &o.rings },
                { "bind", 's', &o.bind },
                { "rotate-size", 't', &o.space.rotate_size },
                { "rotate-every", 't', &o.space.rotate_usec },
                { "max-size", 't', &o.space.max_size },
                { "sync-msec", 'u', &o.sync_msec },
        };
        struct creation c = { .bus = b, .message = m, .options = &o };
        int r;

        r = sd_bus_message_read(m, "s", &c.name);
        if (r < 0)
                return r;
        r = bus_read_options(m, options, ARRAY_SIZE(options), error);
        if (r < 0)
                return r;
        r = bus_caller(b, m, &c.caller, error);
        if (r < 0)
                return r;
        r = bus_authorize(b, m, &(struct question) { ACTION_TRACE, c.caller, .session = c.name }, error);
        if (r > 0)
                r = bus_act(b, m, c.caller, c.name, act_create, &c, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        return c.session ? reply_path(b, m, c.session) : 1;
}

static int method_get_session(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct bus *b = userdata;
        struct failure failure;
        struct session *s;
        const char *name;
        uint32_t uid;
        int r;

        r = sd_bus_message_read(m, "us", &uid, &name);
        if (r < 0)
                return r;
        r = bus_authorize(b, m, &(struct question) { ACTION_LIST, uid, .session = name }, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        s = manager_find_session(b->manager, uid, name);
        if (!s) {
                fail(&failure, FAILURE_NO_SUCH_SESSION,
                     "There is no session '%.100s'; the list of sessions shows those that exist.", name);
                return error_set(error, &failure);
        }
        return reply_path(b, m, s);
}

static int get_version(sd_bus *bus, const char *path, const char *interface, const char *property,
                       sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        return sd_bus_message_append(reply, "s", TRACECTL_VERSION);
}

static int get_clock(sd_bus *bus, const char *path, const char *interface, const char *property,
                     sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const struct bus *b = userdata;

        return sd_bus_message_append(reply, "s", b->manager->domain->clock == TRACE_CLOCK_TSC ? "tsc" : "monotonic");
}

static int get_kernel_domain(sd_bus *bus, const char *path, const char *interface, const char *property,
                             sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const struct bus *b = userdata;
        const char *why_not = "there is none";

        if (b->manager->kernel)
                why_not = kernel_domain_unavailable(b->manager->kernel);
        return sd_bus_message_append(reply, "s", why_not ?: "available");
}

static int get_sessions(sd_bus *bus, const char *path, const char *interface, const char *property,
                        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        struct bus *b = userdata;
        uint32_t n = 0;

        for (const struct session *s = b->manager->sessions; s; s = s->next)
                n += bus_shows(b, s->owner);
        return sd_bus_message_append(reply, "u", n);
}

static int get_applications(sd_bus *bus, const char *path, const char *interface, const char *property,
                            sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        _cleanup_free_ uid_t *uids = NULL;
        struct bus *b = userdata;
        uint64_t n = 0;
        size_t n_uids;
        int r;

        r = bus_shown_uids(b, &uids, &n_uids);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n_uids; i++)
                n += registry_count(b->registry, uids[i]);
        return sd_bus_message_append(reply, "u", (uint32_t) n);
}

const sd_bus_vtable manager_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("CreateSession", SD_BUS_ARGS("s", name, "a{sv}", options), SD_BUS_RESULT("o", session),
                                method_create_session, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetSession", SD_BUS_ARGS("u", uid, "s", name), SD_BUS_RESULT("o", session),
                                method_get_session, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListSessions", SD_BUS_ARGS("a{sv}", options), SD_BUS_RESULT("a(ussso)", sessions),
                                manager_method_list_sessions, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListApplications", SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("b", settled, "a(uusso)", applications),
                                manager_method_list_applications, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListEvents", SD_BUS_ARGS("s", domain, "s", glob, "a{sv}", options),
                                SD_BUS_RESULT("a(sssa{sv})", events), manager_method_list_events,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ApplyProfile", SD_BUS_ARGS("s", text, "a{sv}", options),
                                SD_BUS_RESULT("b", changed, "a{sv}", before, "a{sv}", after),
                                manager_method_apply_profile, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS("SessionNew", SD_BUS_ARGS("s", name, "o", session), 0),
        SD_BUS_SIGNAL_WITH_ARGS("SessionRemoved", SD_BUS_ARGS("s", name, "o", session), 0),
        SD_BUS_PROPERTY("Version", "s", get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Clock", "s", get_clock, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("KernelDomain", "s", get_kernel_domain, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Limits", "a{st}", manager_get_limits, 0, 0),
        SD_BUS_PROPERTY("Sessions", "u", get_sessions, 0, 0),
        SD_BUS_PROPERTY("Applications", "u", get_applications, 0, 0),
        SD_BUS_VTABLE_END,
};
