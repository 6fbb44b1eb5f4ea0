/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "common/parse.h"
#include "service/model/manager.h"
#include "service/model/operation.h"

static void on_written(int error, const char *path, void *userdata) {
        struct session *s = userdata;
        struct failure failure;

        s->snapshot_running = false;
        if (!operation_of(s, OPERATION_SNAPSHOT))
                return;
        if (error == 0) {
                operation_finish(s, NULL);
                return;
        }
        fail(&failure, FAILURE_OUTPUT, "The snapshot of session '%s' cannot be written to '%s': %s.", s->name,
             s->operation->path, strerror(error));
        operation_finish(s, &failure);
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata) {
        struct session *s = userdata;
        struct failure failure;

        fail(&failure, FAILURE_TIMEOUT, "The snapshot of session '%s' is not written after %llu s; it goes on in '%s'.",
             s->name, (unsigned long long) s->manager->consumer_usec / 1000000, s->operation->path);
        operation_finish(s, &failure);
        return 0;
}

static int check_snapshot(const struct session *s, const char *name, struct failure *failure) {
        if (*name && !name_is_valid(name))
                return fail(failure, FAILURE_INVALID_NAME,
                            "'%.100s' is no name for a snapshot: use 1 to 64 letters, digits, '_', '.' and '-', the "
                            "first no '.' and no '-'.", name);
        if (s->state == SESSION_FAILED)
                return fail(failure, FAILURE_CONSUMER, "Session '%s' has failed: %s; there is nothing left to write.",
                            s->name, s->reason);
        if (!s->consumer || s->state == SESSION_CONFIGURED)
                return fail(failure, FAILURE_NOT_ACTIVE, "Session '%s' has recorded nothing yet; start it first.",
                            s->name);
        if (s->snapshot_running)
                return fail(failure, FAILURE_BUSY, "Session '%s' is still writing a snapshot; try again later.",
                            s->name);
        return 0;
}

int session_snapshot(struct session *s, const char *name, operation_done_t done, void *userdata,
                     struct failure *failure) {
        struct consumer_snapshot message = { .header = { .type = CONSUMER_SNAPSHOT, .size = sizeof(message) } };
        struct operation *o;
        int r;

        r = check_snapshot(s, name, failure);
        if (r < 0)
                return r;
        r = operation_new(s, OPERATION_SNAPSHOT, done, userdata, failure);
        if (r < 0)
                return r;
        o = s->operation;
        strcpy(message.name, name);
        r = asprintf(&o->path, *name ? "%s/%s" : "%s%s", s->output.path, name);
        if (r < 0)
                o->path = NULL;
        r = r < 0 ? -ENOMEM : operation_set_timer(o, s->manager->consumer_usec, on_timeout);
        if (r >= 0)
                r = consumer_request(s->consumer, &message.header, NULL, 0, on_written, s);
        if (r < 0) {
                o->done = NULL;
                operation_finish(s, NULL);
                return fail(failure, FAILURE_CONSUMER, "Session '%s' cannot write a snapshot: %s.", s->name,
                            strerror(-r));
        }
        s->snapshot_running = true;
        return 0;
}
