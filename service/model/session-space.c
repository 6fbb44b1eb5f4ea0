/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <inttypes.h>
#include <string.h>

#include "service/log.h"
#include "service/model/manager.h"
#include "service/model/operation.h"
#include "service/model/session-space.h"
#include "service/state/keeper.h"

#define ROTATE_SIZE_MIN (UINT64_C(64) << 10)
#define ROTATE_USEC_MIN (1000 * 1000)
#define MAX_SIZE_MIN (UINT64_C(1) << 20)
#define SIZE_MAX_BYTES (UINT64_C(1) << 52) /* whatever a bus client's numbers can say */

/*
 * The present chunk, and as much again for what comes before its end is known,
 * have room beside the old ones: so a bound is that of four chunks at least.
 */
#define CHUNKS_MIN 4
#define CHUNKS_DEFAULT 8

/* After a rotation that failed, or could not be made just then. */
#define RETRY_USEC (1000 * 1000)

int space_check(struct space_config *c, const char *session, struct failure *failure) {
        if (c->rotate_size > SIZE_MAX_BYTES || c->max_size > SIZE_MAX_BYTES || c->rotate_usec > SIZE_MAX_BYTES)
                return fail(failure, FAILURE_INVALID_OPTION,
                            "Session '%.64s' is given a size or a time that no disk and no clock can reach.", session);
        /* As profiles write it. */
        c->rotate_usec -= c->rotate_usec % 1000;
        if (c->rotate_usec > 0 && c->rotate_usec < ROTATE_USEC_MIN)
                return fail(failure, FAILURE_INVALID_OPTION,
                            "Session '%.64s' cannot be rotated more often than once a second.", session);
        if (c->max_size > 0 && c->max_size < MAX_SIZE_MIN)
                return fail(failure, FAILURE_INVALID_OPTION, "A trace cannot be kept below 1 MiB; give session '%.64s' "
                            "a larger bound.", session);
        if (c->max_size > 0 && c->rotate_size == 0)
                c->rotate_size = c->max_size / CHUNKS_DEFAULT;
        if (c->rotate_size > 0 && c->rotate_size < ROTATE_SIZE_MIN)
                return fail(failure, FAILURE_INVALID_OPTION,
                            "A chunk has at least 64 KiB; rotate session '%.64s' at a larger size.", session);
        if (c->max_size > 0 && c->rotate_size > c->max_size / CHUNKS_MIN)
                return fail(failure, FAILURE_INVALID_OPTION, "The bound of session '%.64s' has room for less than %i of "
                            "its chunks; rotate it at a smaller size.", session, CHUNKS_MIN);
        return 0;
}

uint32_t session_space_keep(const struct session *s) {
        const struct space_config *c = &s->space.config;
        uint64_t kib = (c->max_size - 2 * c->rotate_size) / 1024;

        if (c->max_size == 0)
                return 0;
        return kib > UINT32_MAX ? UINT32_MAX : (uint32_t) kib;
}

void session_space_begin(struct session *s) {
        const struct consumer_status status = session_counts(s).status;

        s->space.bytes = status.bytes;
        s->space.packets = status.packets;
        s->space.begun = session_now();
        s->space.due = false;
        keeper_put_session(s);
}

static int on_time(sd_event_source *source, uint64_t usec, void *userdata) {
        session_space_look(userdata);
        return 0;
}

/* Looks again then. Without memory for the timer the next notice does. */
static void look_after(struct session *s, uint64_t usec) {
        s->space.timer = sd_event_source_disable_unref(s->space.timer);
        (void) sd_event_add_time_relative(s->manager->event, &s->space.timer, CLOCK_MONOTONIC, usec, 0, on_time, s);
}

static void on_answer(int error, const char *path, void *userdata) {
        struct session *s = userdata;

        s->space.rotating = false;
        if (error != 0 && error != s->space.error)
                log_warning("session '%s' of user %u could not be rotated: %s", s->name, (unsigned) s->owner,
                            strerror(error));
        s->space.error = error;
        if (error == 0)
                session_space_begin(s);
        session_request_go_on(s);
        if (error == 0)
                session_space_look(s);
        else
                look_after(s, RETRY_USEC);
}

static void rotate(struct session *s) {
        struct consumer_rotate message;

        if (s->operation || s->request_running) {
                look_after(s, RETRY_USEC);
                return;
        }
        session_prepare_rotation(s, &message);
        if (consumer_request(s->consumer, &message.header, NULL, 0, on_answer, s) < 0) {
                look_after(s, RETRY_USEC);
                return;
        }
        s->space.timer = sd_event_source_disable_unref(s->space.timer);
        s->space.rotating = s->request_running = true;
}

/* What is left until the present chunk is old enough; 0 also where the clock was set. */
static uint64_t time_left(const struct session_space *p) {
        uint64_t now = session_now(), age = now > p->begun ? now - p->begun : 0;

        return age < p->config.rotate_usec ? p->config.rotate_usec - age : 0;
}

void session_space_look(struct session *s) {
        struct session_space *p = &s->space;
        const struct consumer_status status = session_counts(s).status;
        bool is_old, is_large, has_any = status.packets != p->packets;
        uint64_t notice = UINT64_MAX;

        if (s->state != SESSION_ACTIVE) {
                p->timer = sd_event_source_disable_unref(p->timer);
                return;
        }
        if (p->rotating)
                return;
        is_old = p->config.rotate_usec > 0 && time_left(p) == 0;
        is_large = p->config.rotate_size > 0 && status.bytes >= p->bytes + p->config.rotate_size;
        if (p->due || ((is_old || is_large) && has_any)) {
                rotate(s);
                return;
        }
        if (is_old || is_large)
                notice = status.bytes + 1;
        else if (p->config.rotate_size > 0)
                notice = p->bytes + p->config.rotate_size;
        if (p->config.rotate_usec > 0 && !is_old)
                look_after(s, time_left(p));
        sender_set_notice(consumer_sender(s->consumer), notice);
}

void session_space_cut(struct session *s) {
        s->space.due = true;
        session_space_look(s);
}

void session_space_end(struct session *s) {
        s->space.timer = sd_event_source_disable_unref(s->space.timer);
}
