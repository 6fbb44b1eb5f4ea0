/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "service/bus/bus.h"
#include "service/bus/options.h"
#include "service/model/session-stream.h"

struct opening {
        struct session *session;
        uid_t caller;
        int fd;
};

static int open_stream(void *userdata, struct failure *failure) {
        struct opening *o = userdata;

        return session_open_stream(o->session, o->caller, &o->fd, failure);
}

int session_method_open_stream(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct session *s = userdata;
        struct bus *b = bus_of(s->manager, m);
        struct opening o = { .session = s, .fd = -1 };
        int r;

        r = bus_read_options(m, NULL, 0, error);
        if (r < 0)
                return r;
        r = bus_authorize(b, m, &(struct question) { ACTION_READ, s->owner, .session = s->name }, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        r = bus_caller(b, m, &o.caller, error);
        if (r < 0)
                return r;
        r = bus_act(b, m, o.caller, s->name, open_stream, &o, error);
        if (r > 0)
                r = sd_bus_reply_method_return(m, "h", o.fd);
        closep(&o.fd);
        return r < 0 ? r : 1;
}
