/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>

#include "service/model/manager.h"
#include "service/model/operation.h"

int session_clear(struct session *s, operation_done_t done, void *userdata, struct failure *failure) {
        return fail(failure, FAILURE_INTERNAL, "Not yet.");
}

int session_rotate(struct session *s, operation_done_t done, void *userdata, struct failure *failure) {
        return fail(failure, FAILURE_INTERNAL, "Not yet.");
}
