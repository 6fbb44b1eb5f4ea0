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

void contexts_fill(uint32_t contexts, const void *ip, char *buffer, struct write_event *event) {
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
        event->contexts = buffer;
        event->contexts_size = (uint32_t) (p - buffer);
}
