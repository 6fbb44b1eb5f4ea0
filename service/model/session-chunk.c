/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "service/model/operation.h"

/* Clear and Rotate: what was recorded since the last Rotate is forgotten, or gets a directory of its own. */

int session_clear(struct session *s, operation_done_t done, void *userdata, struct failure *failure) {
        struct consumer_header message = { .type = CONSUMER_CLEAR, .size = sizeof(message) };

        return session_request(s, OPERATION_CLEAR, &message, "", done, userdata, failure);
}

int session_rotate(struct session *s, operation_done_t done, void *userdata, struct failure *failure) {
        struct consumer_rotate message = { .header = { .type = CONSUMER_ROTATE, .size = sizeof(message) } };
        int r;

        snprintf(message.name, sizeof(message.name), "chunk-%u", s->chunks + 1);
        r = session_request(s, OPERATION_ROTATE, &message.header, message.name, done, userdata, failure);
        /* Also where it will be refused: half of it may be there. A number is used once. */
        if (r >= 0)
                s->chunks++;
        return r;
}
