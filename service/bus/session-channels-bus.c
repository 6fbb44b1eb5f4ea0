/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "service/bus/applied.h"
#include "service/bus/bus.h"
#include "service/bus/errors.h"
#include "service/bus/kernel-bus.h"
#include "service/bus/options.h"

struct enabling_channel {
        struct session *session;
        const char *name;
        const struct channel_options *options;
        struct channel *channel;
};

static int enable_channel(void *userdata, struct failure *failure) {
        struct enabling_channel *e = userdata;

        return session_enable_channel(e->session, e->name, e->options, &e->channel, failure);
}

int session_method_enable_channel(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct channel_options o = { 0 };
        const struct option options[] = {
                { "subbuf-size", 't', &o.subbuf_size },
                { "subbuf-count", 'u', &o.n_subbufs },
                { "mode", 's', &o.mode },
                { "ordered-clock", 'b', &o.ordered_clock },
        };
        _cleanup_free_ char *path = NULL;
        struct session *s = userdata;
        struct bus *b = bus_of(s->manager, m);
        const char *domain, *name;
        struct enabling_channel e = { .session = s, .options = &o };
        bool own;
        int r;

        r = sd_bus_message_read(m, "ss", &domain, &name);
        if (r < 0)
                return r;
        r = bus_read_options(m, options, ARRAY_SIZE(options), error);
        if (r < 0)
                return r;
        r = bus_read_domain(domain, &o.kernel, error);
        if (r < 0)
                return r;
        r = bus_authorize(b, m, &(struct question) { ACTION_CONTROL, s->owner, s->name, domain }, error);
        if (r > 0 && o.kernel)
                r = kernel_authorize(b, m, s, NULL, true, &own, error);
        e.name = name;
        if (r > 0)
                r = bus_act(b, m, s->owner, s->name, enable_channel, &e, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        r = channel_path(e.channel, &path);
        return r < 0 ? r : bus_reply_when_applied(m, s, path, o.kernel);
}

/* What the other two have in common once their arguments have been read. */
static int prepare(sd_bus_message *m, struct session *s, const char *domain, bool *ret_kernel, sd_bus_error *error) {
        int r;

        r = bus_read_options(m, NULL, 0, error);
        if (r < 0)
                return r;
        r = bus_read_domain(domain, ret_kernel, error);
        if (r < 0)
                return r;
        return bus_authorize(bus_of(s->manager, m), m, &(struct question) { ACTION_CONTROL, s->owner, s->name, domain },
                             error);
}

int session_method_disable_channel(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct session *s = userdata;
        const char *domain, *name;
        struct failure failure;
        bool kernel;
        int r;

        r = sd_bus_message_read(m, "ss", &domain, &name);
        if (r < 0)
                return r;
        r = prepare(m, s, domain, &kernel, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        r = session_disable_channel(s, kernel, name, &failure);
        return r < 0 ? error_set(error, &failure) : bus_reply_when_applied(m, s, NULL, kernel);
}

int session_method_add_context(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *domain, *channel, *type;
        struct session *s = userdata;
        struct failure failure;
        bool kernel;
        int r;

        r = sd_bus_message_read(m, "sss", &domain, &channel, &type);
        if (r < 0)
                return r;
        r = prepare(m, s, domain, &kernel, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        if (kernel) {
                fail(&failure, FAILURE_INVALID_OPTION, "Channels of the kernel have no contexts that can be added; "
                     "each event has the thread, and the trace the process.");
                return error_set(error, &failure);
        }
        r = session_add_context(s, channel, type, &failure);
        if (r < 0)
                return error_set(error, &failure);
        emit_flush(bus_of(s->manager, m)->emitter);
        return sd_bus_reply_method_return(m, NULL);
}
