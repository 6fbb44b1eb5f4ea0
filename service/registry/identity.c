/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <systemd/sd-login.h>

#include "service/registry/identity.h"
#include "service/registry/internal.h"

int application_identify(struct application *a) {
        struct compartment_key key;
        char *unit = NULL, *cgroup = NULL;

        compartment_read(a->peer.pid, a->peer.uid, a->word_size, a->id, &key);
        /* To libsystemd, 0 is this process. */
        if (a->peer.pid == 0 || sd_pid_get_unit(a->peer.pid, &unit) < 0)
                unit = NULL;
        if (a->peer.pid == 0 || sd_pid_get_cgroup(a->peer.pid, &cgroup) < 0)
                cgroup = NULL;
        a->cgroup = cgroup;
        if (!application_is_alive(a)) {
                free(unit);
                return -ECONNRESET;
        }
        pthread_mutex_lock(&a->lock);
        a->unit = unit;
        pthread_mutex_unlock(&a->lock);
        return compartment_get(&a->registry->compartments, &key, &a->compartment);
}
