/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <dlfcn.h>
#include <errno.h>

#include "tracer/libc-preload/real.h"

struct real_functions real_functions;
bool real_found;

static __thread bool finding __attribute__((tls_model("initial-exec")));

/*
 * All at once, so that memory which the dynamic linker allocates meanwhile comes
 * from one place (memory.c). Two threads may come here at the same time, before
 * our constructor: they store the same. A function that the C library does not
 * have stays NULL; nor does any program call it.
 */
void real_find(void) {
        struct real_functions found;
        int saved = errno;

        if (finding)
                return;
        finding = true;
#define REAL_FIND(name) found.name = (__typeof__(name) *) dlsym(RTLD_NEXT, #name);
        REAL_FUNCTIONS(REAL_FIND)
#undef REAL_FIND
        real_functions = found;
        /* Release: see real(). */
        __atomic_store_n(&real_found, true, __ATOMIC_RELEASE);
        finding = false;
        errno = saved;
}

/* From here on signal handlers may call wrappers: they must not be the first. */
static void __attribute__((constructor(101))) find_early(void) {
        (void) real();
}
