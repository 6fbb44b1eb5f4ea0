/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "common/boot-id.h"
#include "protocol/view.h"
#include "service/model/manager.h"
#include "service/model/operation.h"
#include "service/model/session-kernel.h"
#include "service/registry/registry.h"
#include "service/state/keeper.h"

/*
 * Start: the consumer comes first and must have accepted the output; then the
 * model with the session is published; then applications acknowledge it.
 */

/* Takes everything back; the session can be started again. */
static void take_back(struct session *s, const struct failure *failure) {
        if (s->state == SESSION_CONFIGURED) {
                s->kernel = kernel_recording_end(s->kernel, false);
                s->recording = recording_unref(s->recording);
                if (s->consumer)
                        consumer_detach(TAKE_PTR(s->consumer));
        } else if (s->kernel)
                (void) session_kernel_apply(s, false, NULL, NULL, NULL);
        operation_finish(s, failure);
}

static void start_failed(struct session *s, enum failure_kind kind, const char *reason) {
        struct failure failure;

        fail(&failure, kind, "Session '%s' cannot be started: %s.", s->name, reason);
        take_back(s, &failure);
}

static void on_applied(uint32_t pending, void *userdata) {
        struct session *s = userdata;

        s->operation->waiter = NULL;
        s->operation->pending = pending;
        operation_finish(s, NULL);
}

/* -errno leaves the session as it was. */
static int activate(struct session *s, struct failure *failure) {
        enum session_state before = s->state;
        int r;

        s->state = SESSION_ACTIVE;
        keeper_put_session(s);
        r = manager_publish(s->manager, session_scope(s), failure);
        if (r < 0) {
                s->state = before;
                keeper_put_session(s);
                return r;
        }
        manager_announce(s->manager, MANAGER_SESSION_CHANGED, s, NULL, NULL);
        if (before == SESSION_CONFIGURED)
                session_space_begin(s);
        session_space_look(s);
        clock_watch_begin(s->manager);
        s->operation->timer = sd_event_source_disable_unref(s->operation->timer);
        s->operation->generation = manager_generation(s->manager);
        r = waiter_new(s->manager, session_scope(s), s->operation->generation, OPERATION_APPLIED_USEC, on_applied, s,
                       &s->operation->waiter);
        return r < 0 ? fail_memory(failure) : 0;
}

static void on_kernel_applied(const struct failure *why, void *userdata) {
        struct session *s = userdata;
        struct failure failure;

        if (!operation_of(s, OPERATION_START) || s->state == SESSION_ACTIVE)
                return;
        if (why)
                take_back(s, why);
        else if (activate(s, &failure) < 0)
                start_failed(s, FAILURE_NO_MEMORY, "there is not enough memory");
}

/* The kernel first: what programs do may begin with a system call that is to be seen. */
static int begin_recording(struct session *s, struct failure *failure) {
        int r;

        if (!session_has_kernel(s))
                return activate(s, failure);
        r = kernel_domain_require(s->manager->kernel, failure);
        if (r < 0)
                return r;
        r = session_kernel_apply(s, true, on_kernel_applied, NULL, s);
        return r < 0 ? fail_memory(failure) : 0;
}

static void on_consumer_failed(const char *reason, void *userdata) {
        struct session *s = userdata;

        session_fail(s, reason);
}

static void on_consumer_drained(void *userdata) {
        struct session *s = userdata;

        registry_push(s->manager->registry, session_scope(s));
}

static void on_consumer_noticed(void *userdata) {
        struct session *s = userdata;

        session_disk_look(s);
        session_space_look(s);
}

static const char *output_name(const struct session *s) {
        return *s->output.path ? s->output.path : s->output.asked;
}

static void on_output_answer(int error, const char *path, void *userdata) {
        struct session *s = userdata;
        char reason[256];

        if (error == 0) {
                if (session_output_opened(&s->output, path))
                        manager_announce(s->manager, MANAGER_SESSION_CHANGED, s, NULL, NULL);
                return;
        }
        if (!operation_of(s, OPERATION_START))
                return;
        if (s->output.has_rings && error == EOPNOTSUPP)
                snprintf(reason, sizeof(reason), "'%.150s' is on a file system that cannot hold ring buffers; choose a "
                         "local one, such as ext4 or xfs", output_name(s));
        else if (error == ENOTEMPTY)
                snprintf(reason, sizeof(reason), "'%.150s' is not empty; choose another directory, or empty it",
                         output_name(s));
        else
                snprintf(reason, sizeof(reason), "nothing can be written to '%.150s': %s", output_name(s), strerror(error));
        start_failed(s, FAILURE_OUTPUT, reason);
}

static void on_session_answer(int error, const char *path, void *userdata) {
        struct session *s = userdata;
        struct failure failure;
        char reason[128];

        if (!operation_of(s, OPERATION_START) || s->state != SESSION_CONFIGURED)
                return;
        if (error != 0) {
                snprintf(reason, sizeof(reason), "its consumer refused it: %s", strerror(error));
                start_failed(s, FAILURE_CONSUMER, reason);
        } else if (begin_recording(s, &failure) < 0)
                take_back(s, &failure);
}

static int send_session(struct session *s) {
        struct consumer_session message = {
                .header = { .type = CONSUMER_SESSION, .size = sizeof(message) },
                .clock = s->manager->domain->clock,
                .created = s->created,
                .sync_msec = s->output.sync_msec,
        };
        struct trace_clock_info clock;
        int r, status_fd = sender_status_fd(consumer_sender(s->consumer));

        r = calibration_get(s->manager->calibration, &clock);
        if (r < 0)
                return r;
        r = boot_id_read(message.clock_uuid);
        if (r < 0)
                return r;
        strcpy(message.name, s->name);
        keeper_put_clock(s->manager, &clock);
        message.clock_frequency = clock.frequency;
        message.clock_offset_seconds = clock.offset_seconds;
        message.clock_offset_ticks = clock.offset_ticks;
        message.clock_precision = clock.precision;
        return consumer_request(s->consumer, &message.header, &status_fd, 1, on_session_answer, s);
}

static void on_consumer_ended(void *userdata) {
        struct session *s = userdata;

        manager_remove_session(s->manager, s);
}

static bool on_consumer_files(uint64_t serial, int error, int fds[2], void *userdata) {
        struct session *s = userdata;

        return s->recording && recording_take_files(s->recording, serial, error, fds);
}

struct consumer_handlers session_consumer_handlers(struct session *s) {
        return (struct consumer_handlers) {
                .failed = on_consumer_failed,
                .files = on_consumer_files,
                .drained = on_consumer_drained,
                .noticed = on_consumer_noticed,
                .ended = on_consumer_ended,
                .userdata = s,
        };
}

struct consumer_spec session_consumer_spec(const struct session *s) {
        return (struct consumer_spec) {
                .key = s->key,
                .owner = s->owner,
                .session = s->name,
                .kind = s->output.kind,
                .brief = s->client && session_has_kernel(s) && !session_is_kernel_own(s),
                .directory = session_output_asked(&s->output),
        };
}

/* While the consumer begins. */
static void foresee_rings(const struct session *s) {
        for (const struct channel *c = s->channels; c && !s->output.has_rings; c = c->next)
                if (!c->config.kernel) {
                        stream_foresee(s->manager->domain, &c->config);
                        return;
                }
}

static int begin_consumer(struct session *s) {
        const struct consumer_handlers handlers = session_consumer_handlers(s);
        const struct consumer_spec spec = session_consumer_spec(s);
        struct consumer_output output;
        struct registry *registry = s->manager->registry;
        int r;

        r = consumer_new(s->manager->event, &s->manager->starter, &spec, &handlers, &s->consumer);
        if (r < 0)
                return r;
        foresee_rings(s);
        r = recording_new(s->manager->domain, s->owner, s->name, s->output.has_rings,
                          consumer_sender(s->consumer), &s->recording);
        if (r < 0)
                return r;
        s->applications_before = registry_count_ever(registry, session_scope(s)) - registry_count(registry, session_scope(s));
        session_output_message(&s->output, &output);
        r = consumer_request(s->consumer, &output.header, &s->output.fd, s->output.fd >= 0, on_output_answer, s);
        if (r >= 0)
                r = send_session(s);
        if (r >= 0)
                session_kernel_prepare(s);
        return r;
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata) {
        start_failed(userdata, FAILURE_CONSUMER, "its consumer does not answer");
        return 0;
}

static int check_start(struct session *s, struct failure *failure) {
        int r = session_has_kernel(s) ? kernel_domain_require(s->manager->kernel, failure) : 0;

        if (r < 0)
                return r;
        switch (s->state) {
        case SESSION_ACTIVE:
                return fail(failure, FAILURE_ALREADY_ACTIVE, "Session '%s' is active already.", s->name);
        case SESSION_STOPPING:
                return fail(failure, FAILURE_BUSY,
                            "Session '%s' is still being written; start it when its state is 'stopped'.", s->name);
        case SESSION_FAILED:
                return fail(failure, FAILURE_CONSUMER, "Session '%s' has failed: %s; destroy it and make a new one.",
                            s->name, s->reason);
        default:
                break;
        }
        if (manager_active_channels(s->manager, s->owner) + s->n_channels > VIEW_RINGS_MAX)
                return fail(failure, FAILURE_LIMIT,
                            "With session '%s' more than %i channels would be active, which is the most that an "
                            "application can record into; stop another session first.", s->name, VIEW_RINGS_MAX);
        return 0;
}

/* The failure of an operation that nobody has been told about. */
static int give_up(struct session *s, struct failure *failure, const char *reason) {
        s->operation->done = NULL;
        start_failed(s, FAILURE_CONSUMER, reason);
        return fail(failure, FAILURE_CONSUMER, "Session '%s' cannot be started: %s.", s->name, reason);
}

static int begin_again(struct session *s, struct failure *failure) {
        int r = begin_recording(s, failure);

        if (r >= 0)
                return 0;
        s->operation->done = NULL;
        take_back(s, failure);
        return r;
}

int session_start(struct session *s, operation_done_t done, void *userdata, struct failure *failure) {
        char reason[128];
        int r;

        r = check_start(s, failure);
        if (r < 0)
                return r;
        r = operation_new(s, OPERATION_START, done, userdata, failure);
        if (r < 0)
                return r;
        if (s->consumer)
                return begin_again(s, failure);
        r = begin_consumer(s);
        if (r >= 0)
                r = operation_set_timer(s->operation, s->manager->consumer_usec, on_timeout);
        if (r < 0) {
                snprintf(reason, sizeof(reason), "its consumer cannot be started: %s", strerror(-r));
                return give_up(s, failure, reason);
        }
        return 0;
}
