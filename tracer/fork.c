/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Children. The ring mappings are MADV_DONTFORK and the word that says that
 * tracing is possible lies in a MADV_WIPEONFORK page, so any kind of child with
 * memory of its own finds tracing off. One made by fork() then registers for
 * itself before fork() returns. One made by vfork() shares its parent's memory,
 * the thread that called it included, of which the kernel's word on restartable
 * sequences is no longer true: there, tracing is off until the parent goes on.
 */

#include <pthread.h>

#include "tracer/fork.h"
#include "tracer/helper.h"
#include "tracer/thread.h"

void fork_install(void) {
        (void) pthread_atfork(helper_fork_prepare, helper_fork_parent, helper_fork_child);
}

#if defined(__x86_64__)
/* Called by the vfork() wrapper, in the parent, around it. */
void tracectl_vfork_enter(void);
void tracectl_vfork_leave(void);

void tracectl_vfork_enter(void) {
        struct thread_slot *slot = thread_self ? thread_self : thread_claim();

        if (slot)
                slot->nest += NEST_OFF;
}

void tracectl_vfork_leave(void) {
        if (thread_self)
                thread_self->nest -= NEST_OFF;
}
#endif
