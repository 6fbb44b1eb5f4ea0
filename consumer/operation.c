/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "consumer/operation.h"

static bool is_the_last(const struct session *session, const struct operation *o) {
        return session->resumed && o->resume && session->record.kind == o->kind &&
               strcmp(session->record.name, o->name) == 0;
}

bool operation_was_done(const struct session *session, const struct operation *o, int *ret_result) {
        if (!is_the_last(session, o) || session->record.running)
                return false;
        *ret_result = session->record.result;
        return true;
}

int operation_prepare(struct session *session, const struct operation *o) {
        int r;

        /* It was prepared before it ran, so what is there is its own. */
        if (is_the_last(session, o) && session->record.running) {
                r = output_remove(&session->output, o->name);
                if (r < 0)
                        return r;
        }
        return output_prepare(&session->output, o->name);
}

void operation_set_running(struct session *session, const struct operation *o) {
        struct session_record *record = &session->record;

        record->kind = o->kind;
        record->running = 1;
        record->result = 0;
        memset(record->name, 0, sizeof(record->name));
        memcpy(record->name, o->name, strlen(o->name));
}

void operation_set_done(struct session *session, int result) {
        session->record.running = 0;
        session->record.result = result;
}
