/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Children. The ring mappings are MADV_DONTFORK and the word that says that
 * tracing is possible lies in a MADV_WIPEONFORK page, so any kind of child with
 * memory of its own finds tracing off. One made by fork() then registers for
 * itself before fork() returns. One made by vfork() shares its parent's memory,
 * the thread that called it included, of which the kernel's word on restartable
 * sequences is no longer true: there, tracing is off until the parent goes on.
 */

#include <errno.h>
#include <pthread.h>

#include "tracer/fork.h"
#include "tracer/helper.h"
#include "tracer/thread.h"

/*
 * Called by vfork(), in the parent, with what the kernel has returned there. The
 * wrappers for the processors are assembly.
 */
int vfork_returned(int r);

int vfork_returned(int r) {
        thread_on();
        if (r >= 0)
                return r;
        errno = -r;
        return -1;
}

void fork_install(void) {
        (void) pthread_atfork(helper_fork_prepare, helper_fork_parent, helper_fork_child);
}
