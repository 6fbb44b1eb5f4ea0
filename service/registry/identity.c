/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>

#include "service/registry/identity.h"
#include "service/registry/internal.h"

int application_identify(struct application *a) {
        _cleanup_close_ int pidfd = -1;
        struct compartment_key key;
        int r;

        r = peer_identify(a->fd, &a->peer, &pidfd);
        if (r < 0)
                return r == -ESRCH ? -ECONNRESET : r;
        const struct compartment_process process = {
                .pid = a->peer.pid,
                .pidfd = pidfd,
                .uid = a->peer.uid,
                .word_size = a->word_size,
                .application = a->id,
        };
        compartment_read(&a->registry->compartments, &process, &key);
        a->group = control_group_get(&a->registry->groups, a->peer.pid, pidfd);
        /* Last: the number has been its own all the time. */
        if (!peer_is_alive(pidfd, &a->peer))
                return -ECONNRESET;
        return compartment_get(&a->registry->compartments, &key, &a->compartment);
}
