/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "common/parse.h"
#include "service/model/operation.h"

int session_snapshot(struct session *s, const char *name, operation_done_t done, void *userdata,
                     struct failure *failure) {
        struct consumer_snapshot message = { .header = { .type = CONSUMER_SNAPSHOT, .size = sizeof(message) } };

        if (*name && !name_is_valid(name))
                return fail(failure, FAILURE_INVALID_NAME,
                            "'%.100s' is no name for a snapshot: use 1 to 64 letters, digits, '_', '.' and '-', the "
                            "first no '.' and no '-'.", name);
        strcpy(message.name, name);
        return session_request(s, OPERATION_SNAPSHOT, &message.header, name, done, userdata, failure);
}
