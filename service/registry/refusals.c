/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "service/log.h"
#include "service/registry/now.h"
#include "service/registry/refusals.h"

void refusals_init(struct refusals *refusals) {
        *refusals = (struct refusals) { 0 };
        pthread_mutex_init(&refusals->lock, NULL);
}

void refusals_done(struct refusals *refusals) {
        pthread_mutex_destroy(&refusals->lock);
}

/* Whether it is time to say so, and how many there were. */
static bool count(struct refusals *refusals, uint64_t *ret) {
        uint64_t now = now_usec();
        bool tell;

        pthread_mutex_lock(&refusals->lock);
        *ret = ++refusals->n;
        tell = now >= refusals->next;
        if (tell) {
                refusals->n = 0;
                refusals->next = now + REFUSALS_TELL_USEC;
        }
        pthread_mutex_unlock(&refusals->lock);
        return tell;
}

void refusals_tell(struct refusals *refusals, const struct peer *peer, int error) {
        char who[64] = "";
        uint64_t n;

        if (!count(refusals, &n))
                return;
        if (peer)
                snprintf(who, sizeof(who), ", the last one process %i of user %u", (int) peer->pid,
                         (unsigned) peer->uid);
        log_warning("%" PRIu64 " registrations of applications were refused%s: %s", n, who,
                    error == -EUSERS ? "no more descriptors are free for applications; raise LimitNOFILE=" :
                    error == -EDQUOT ? "the user has as many as he may have (property Limits)" : strerror(-error));
}
