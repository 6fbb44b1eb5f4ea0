/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "service/bus/applied.h"
#include "service/bus/bus.h"
#include "service/bus/errors.h"
#include "service/model/operation.h"
#include "service/model/session-kernel.h"

struct change {
        struct manager *manager;
        sd_bus_message *message;
        uint64_t generation;
        char path[]; /* empty: none */
};

static void change_free(struct change *c) {
        sd_bus_message_unref(c->message);
        free(c);
}

static int append(sd_bus_message *reply, const struct change *c, uint32_t pending) {
        int r = *c->path ? sd_bus_message_append(reply, "o", c->path) : 0;

        return r < 0 ? r : sd_bus_message_append(reply, "tu", c->generation, pending);
}

static void on_applied(uint32_t pending, void *userdata) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        struct change *c = userdata;
        struct bus *b = bus_of(c->manager, c->message);

        if (b && sd_bus_message_new_method_return(c->message, &reply) >= 0 && append(reply, c, pending) >= 0)
                bus_reply(b, sd_bus_message_ref(c->message), reply);
        change_free(c);
}

static void refuse(struct change *c, const struct failure *failure) {
        struct bus *b = bus_of(c->manager, c->message);

        if (b)
                bus_reply_failure(b, sd_bus_message_ref(c->message), failure);
        change_free(c);
}

static void on_kernel_applied(const struct failure *failure, void *userdata) {
        if (failure)
                refuse(userdata, failure);
        else
                on_applied(0, userdata);
}

static void on_kernel_gone(void *userdata) {
        struct failure failure;

        fail(&failure, FAILURE_NO_SUCH_SESSION, "The session is gone.");
        refuse(userdata, &failure);
}

static int await(struct session *s, struct change *c, bool kernel) {
        struct waiter *waiter;

        if (kernel)
                return session_kernel_apply(s, true, on_kernel_applied, on_kernel_gone, c);
        return waiter_new(s->manager, session_scope(s), c->generation, OPERATION_APPLIED_USEC, on_applied, c, &waiter);
}

int bus_reply_when_applied(sd_bus_message *m, struct session *s, const char *path, bool kernel) {
        struct change *c;
        int r;

        path = path ?: "";
        c = malloc(sizeof(*c) + strlen(path) + 1);
        if (!c)
                return -ENOMEM;
        *c = (struct change) {
                .manager = s->manager,
                .message = sd_bus_message_ref(m),
                .generation = manager_generation(s->manager),
        };
        strcpy(c->path, path);
        if (s->state != SESSION_ACTIVE) {
                on_applied(0, c);
                return 1;
        }
        r = await(s, c, kernel);
        if (r < 0)
                change_free(c);
        return r < 0 ? r : 1;
}
