/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>
#include <sys/prctl.h>

#include "tracer/contexts.h"
#include "tracer/sys.h"

static char *put(char *p, const void *data, size_t size) {
        memcpy(p, data, size);
        return p + size;
}

/* Asked for at each event, since threads change their names. */
static char *put_procname(char *p) {
        char name[CONTEXT_PROCNAME_SIZE] = "";
        size_t length;

        (void) sys_call6(SYS_prctl, PR_GET_NAME, (long) name, 0, 0, 0, 0);
        length = strnlen(name, sizeof(name));
        memset(name + length, 0, sizeof(name) - length);
        return put(p, name, sizeof(name));
}

_Static_assert(CONTEXT_CGROUP_MAX == HANDSHAKE_CGROUP_MAX, "one is made from the other");

static uint32_t read_id(const struct handshake *h, uint32_t key, uint64_t id) {
        return h->keys & key && id < CONTEXT_ID_UNKNOWN ? (uint32_t) id : CONTEXT_ID_UNKNOWN;
}

void contexts_read_process(const struct handshake *ready, struct context_process *ret) {
        memset(ret, 0, sizeof(*ret));
        if (ready->keys & HANDSHAKE_PID && ready->pid <= INT32_MAX)
                ret->pid = (int32_t) ready->pid;
        ret->uid = read_id(ready, HANDSHAKE_UID, ready->uid);
        ret->gid = read_id(ready, HANDSHAKE_GID, ready->gid);
        ret->same_namespace = ready->keys & HANDSHAKE_NAMESPACE_SAME;
        if (ready->keys & HANDSHAKE_CGROUP)
                memcpy(ret->cgroup, ready->cgroup, sizeof(ret->cgroup));
        ret->cgroup_size = (uint32_t) strnlen(ret->cgroup, CONTEXT_CGROUP_MAX) + 1;
}

/* In another namespace, only the number of the first thread is known: it is the process's. */
static int32_t outer_tid(const struct context_process *process, const struct write_event *event) {
        if (process->same_namespace)
                return event->tid;
        return event->tid == event->pid ? process->pid : 0;
}

static char *put_process(char *p, uint32_t contexts, const struct context_process *process,
                         const struct write_event *event) {
        int32_t tid = outer_tid(process, event);

        if (contexts & CONTEXT_PID)
                p = put(p, &process->pid, sizeof(process->pid));
        if (contexts & CONTEXT_TID)
                p = put(p, &tid, sizeof(tid));
        if (contexts & CONTEXT_UID)
                p = put(p, &process->uid, sizeof(process->uid));
        if (contexts & CONTEXT_GID)
                p = put(p, &process->gid, sizeof(process->gid));
        if (contexts & CONTEXT_CGROUP)
                p = put(p, process->cgroup, process->cgroup_size);
        return p;
}

void contexts_fill(uint32_t contexts, const struct context_process *process, const void *ip, char *buffer,
                   struct write_event *event) {
        uint64_t address = (uintptr_t) ip;
        char *p = buffer;

        if (contexts & CONTEXT_VPID)
                p = put(p, &event->pid, sizeof(event->pid));
        if (contexts & CONTEXT_VTID)
                p = put(p, &event->tid, sizeof(event->tid));
        if (contexts & CONTEXT_PROCNAME)
                p = put_procname(p);
        if (contexts & CONTEXT_IP)
                p = put(p, &address, sizeof(address));
        p = put_process(p, contexts, process, event);
        event->contexts = buffer;
        event->contexts_size = (uint32_t) (p - buffer);
}
