/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>

#include "service/bus/application-list.h"
#include "service/bus/bus.h"
#include "service/registry/registry.h"

/* To look whether one lives and to tell of it takes some twenty microseconds. */
#define PER_TURN 64

struct application_list {
        struct registry *registry;
        uid_t *uids;
        size_t n_uids, next_uid;
        pid_t pid;
        struct application **applications; /* of the last uid; those from next on are references */
        size_t n, next;
};

int application_list_new(struct registry *r, uid_t *uids, size_t n_uids, pid_t pid, struct application_list **ret) {
        struct application_list *l = calloc(1, sizeof(*l));

        if (!l) {
                free(uids);
                return -ENOMEM;
        }
        *l = (struct application_list) { .registry = r, .uids = uids, .n_uids = n_uids, .pid = pid };
        *ret = l;
        return 0;
}

static void drop_applications(struct application_list *l) {
        while (l->next < l->n)
                application_unref(l->applications[l->next++]);
        free(l->applications);
        l->applications = NULL;
        l->n = l->next = 0;
}

struct application_list *application_list_free(struct application_list *l) {
        if (!l)
                return NULL;
        drop_applications(l);
        free(l->uids);
        free(l);
        return NULL;
}

static int append(sd_bus_message *reply, struct application *a) {
        _cleanup_free_ char *path = NULL;
        int r;

        r = application_path(a->id, &path);
        if (r < 0)
                return r;
        pthread_mutex_lock(&a->lock);
        r = sd_bus_message_append(reply, "(uusso)", (uint32_t) a->peer.pid, (uint32_t) a->peer.uid, a->name,
                                  application_unit(a), path);
        pthread_mutex_unlock(&a->lock);
        return r;
}

static int append_next(struct application_list *l, sd_bus_message *reply) {
        _cleanup_(application_unrefp) struct application *a = l->applications[l->next++];

        /* One whose socket somebody else holds now; a worker ends that connection. */
        if (!application_is_alive(a)) {
                registry_check(l->registry, a);
                return 0;
        }
        /* Nor one that has gone since this began. */
        return atomic_load(&a->registered) ? append(reply, a) : 0;
}

int application_list_append(struct application_list *l, sd_bus_message *reply) {
        int r = 0;

        for (unsigned i = 0; i < PER_TURN && r >= 0; i++) {
                if (l->next < l->n) {
                        r = append_next(l, reply);
                        continue;
                }
                drop_applications(l);
                if (l->next_uid == l->n_uids)
                        return 1;
                r = registry_list(l->registry, l->uids[l->next_uid++], l->pid, &l->applications, &l->n);
        }
        return r < 0 ? r : 0;
}
