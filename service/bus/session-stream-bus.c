/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "service/bus/bus.h"
#include "service/bus/errors.h"
#include "service/bus/options.h"
#include "service/model/session-stream.h"

int session_method_open_stream(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct session *s = userdata;
        struct bus *b = bus_of(s->manager, m);
        _cleanup_close_ int fd = -1;
        struct failure failure;
        uid_t caller;
        int r;

        r = bus_read_options(m, NULL, 0, error);
        if (r < 0)
                return r;
        r = bus_authorize(b, m, &(struct question) { ACTION_READ, s->owner, .session = s->name }, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        r = bus_caller(b, m, &caller, error);
        if (r < 0)
                return r;
        r = session_open_stream(s, caller, &fd, &failure);
        if (r < 0)
                return error_set(error, &failure);
        return sd_bus_reply_method_return(m, "h", fd);
}
