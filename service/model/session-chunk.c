/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "service/model/manager.h"
#include "service/model/operation.h"
#include "service/state/keeper.h"

/* Clear and Rotate: what was recorded since the last Rotate is forgotten, or gets a directory of its own. */

int session_clear(struct session *s, operation_done_t done, void *userdata, struct failure *failure) {
        struct consumer_header message = { .type = CONSUMER_CLEAR, .size = sizeof(message) };

        return session_request(s, OPERATION_CLEAR, &message, "", done, userdata, failure);
}

void session_prepare_rotation(struct session *s, struct consumer_rotate *ret) {
        struct trace_clock_info clock = {};

        *ret = (struct consumer_rotate) {
                .header = { .type = CONSUMER_ROTATE, .size = sizeof(*ret) },
                .keep_kib = session_space_keep(s),
        };
        /* It was measured when the session began; perhaps again since. */
        if (calibration_get(s->manager->calibration, &clock) >= 0) {
                ret->clock_frequency = clock.frequency;
                ret->clock_offset_seconds = clock.offset_seconds;
                ret->clock_offset_ticks = clock.offset_ticks;
                ret->clock_precision = clock.precision;
        }
        /* A number is used once, also where its directory will be half there, or a restart comes in between. */
        s->chunks++;
        keeper_put_session(s);
        snprintf(ret->name, sizeof(ret->name), CONSUMER_CHUNK_PREFIX "%u", s->chunks);
}

int session_rotate(struct session *s, operation_done_t done, void *userdata, struct failure *failure) {
        struct consumer_rotate message;
        int r;

        session_prepare_rotation(s, &message);
        r = session_request(s, OPERATION_ROTATE, &message.header, message.name, done, userdata, failure);
        if (r < 0)
                s->chunks--;
        return r;
}
