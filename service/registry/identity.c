/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "service/model/target.h"
#include "service/registry/identity.h"
#include "service/registry/internal.h"

/* What an application remembers of as many targets; of others it is found out again. */
#define DESCENTS_MAX 64

/* What is found out at most once for all targets of a model. */
struct inquest {
        struct application *application;
        struct process lineage[PROCESS_LINEAGE_MAX];
        int n_lineage;
        bool lineage_read;
};

int application_look(struct application *a) {
        _cleanup_free_ struct compartment_key *key = malloc(sizeof(*key));
        _cleanup_close_ int pidfd = -1;
        int r;

        if (!key)
                return -ENOMEM;
        r = peer_identify(a->fd, &a->peer, &pidfd);
        if (r < 0)
                return r == -ESRCH ? -ECONNRESET : r;
        const struct compartment_process process = {
                .pid = a->peer.pid,
                .pidfd = pidfd,
                .uid = a->peer.uid,
                .word_size = a->word_size,
                .application = a->id,
                .was_at_home = registry_was_at_home(a, a->wants_id),
        };
        compartment_read(&a->registry->config.domain->compartments, &process, key);
        a->group = control_group_get(&a->registry->groups, a->peer.pid, pidfd);
        /* Last: the number has been its own all the time. */
        if (!peer_is_alive(pidfd, &a->peer))
                return -ECONNRESET;
        a->key = TAKE_PTR(key);
        a->pidfd = TAKE_FD(pidfd);
        return 0;
}

/* Somebody else may have its socket, when it is gone. */
static bool still_lives(const struct application *a) {
        return a->pidfd >= 0 ? peer_is_alive(a->pidfd, &a->peer) : peer_socket_is_alive(a->fd, &a->peer);
}

int application_identify(struct application *a) {
        _cleanup_free_ struct compartment_key *key = NULL;
        int r = 0;

        if (!a->key)
                r = application_look(a);
        else if (!still_lives(a))
                r = -ECONNRESET;
        if (r < 0)
                return r;
        key = TAKE_PTR(a->key);
        /* Which it has said meanwhile. */
        key->word_size = a->word_size;
        return compartment_get(&a->registry->config.domain->compartments, key, &a->compartment);
}

static struct process process_of(const struct application *a) {
        return (struct process) { a->peer.pid, a->peer.process };
}

/* 1, 0, or -ENOENT where it was never found out. */
static int recall(struct application *a, const struct process *ancestor) {
        int r = -ENOENT;

        pthread_mutex_lock(&a->lock);
        for (uint32_t i = 0; i < a->n_descents && r < 0; i++)
                if (process_is_same(&a->descents[i].ancestor, ancestor))
                        r = a->descents[i].is;
        pthread_mutex_unlock(&a->lock);
        return r;
}

/* Without memory, or beyond the limit, the oldest goes. */
static void remember(struct application *a, const struct process *ancestor, bool is) {
        struct descent *descents;

        pthread_mutex_lock(&a->lock);
        if (a->n_descents == DESCENTS_MAX)
                memmove(a->descents, a->descents + 1, --a->n_descents * sizeof(*a->descents));
        descents = realloc(a->descents, (a->n_descents + 1) * sizeof(*descents));
        if (descents) {
                a->descents = descents;
                descents[a->n_descents++] = (struct descent) { *ancestor, is };
        }
        pthread_mutex_unlock(&a->lock);
}

static int match_pid(struct cds_lfht_node *node, const void *key) {
        return CONTAINER_OF(node, struct application, pid_node)->peer.pid == *(const pid_t *) key;
}

/* Whether a process is an application that was found to descend from the ancestor. */
static bool has_descendant(struct registry *r, const struct process *process, const struct process *ancestor) {
        struct cds_lfht_node *node;
        struct cds_lfht_iter iter;
        struct application *a;
        bool found = false;

        rcu_read_lock();
        cds_lfht_for_each_duplicate(r->by_pid, registry_hash((uint64_t) process->pid), match_pid, &process->pid, &iter,
                                    node) {
                a = CONTAINER_OF(node, struct application, pid_node);
                found |= a->peer.process == process->identity && recall(a, ancestor) > 0;
        }
        rcu_read_unlock();
        return found;
}

static bool find_descent(struct inquest *q, const struct process *ancestor) {
        const struct process self = process_of(q->application);

        if (!q->lineage_read)
                q->n_lineage = process_lineage(&self, q->lineage);
        q->lineage_read = true;
        for (int i = 0; i < q->n_lineage; i++)
                if (process_is_same(&q->lineage[i], ancestor) ||
                    has_descendant(q->application->registry, &q->lineage[i], ancestor))
                        return true;
        return false;
}

static bool is_process(struct inquest *q, const struct target *t) {
        const struct process wanted = { t->pid, t->identity }, self = process_of(q->application);
        int known;

        if (process_is_same(&self, &wanted))
                return true;
        if (!t->children || self.pid == 0)
                return false;
        known = recall(q->application, &wanted);
        if (known < 0) {
                known = find_descent(q, &wanted);
                remember(q->application, &wanted, known);
        }
        return known;
}

/*
 * The system's service has no right to look at what others execute: there it is
 * what the process says. It can say what it likes, as it could call itself what
 * it likes: nobody's events are at stake but its own.
 */
static const char *executable_of(struct application *a) {
        char *path;

        if (!a->executable_read && a->peer.pid != 0 && process_executable(a->peer.pid, &path) >= 0) {
                if (application_is_alive(a)) {
                        free(a->executable);
                        a->executable = path;
                } else
                        free(path);
        }
        a->executable_read = true;
        return a->executable ? a->executable : a->name;
}

static bool reaches(struct inquest *q, const struct model_target *m) {
        struct application *a = q->application;
        const struct target *t = m->target;
        bool own = a->peer.uid == m->owner || t->uid != TARGET_ANY_UID;

        if (!target_reaches_uid(t, m->owner, a->peer.uid))
                return false;
        if (t->unit && !(a->group && target_has_cgroup(t, a->group->path, own)))
                return false;
        if (t->pid != 0 && !is_process(q, t))
                return false;
        return !t->executable || target_has_executable(t, executable_of(a));
}

void application_find_targets(struct application *a, const struct model_view *model, uint64_t *ret) {
        struct inquest q = { .application = a };

        for (uint32_t i = 0; i < model->n_targets; i++)
                if (reaches(&q, &model->targets[i]))
                        ret[i / 64] |= UINT64_C(1) << i % 64;
}
