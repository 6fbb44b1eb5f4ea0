/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "client/tracectl/say.h"
#include "client/tracectl/tracepoints.h"
#include "common/cleanup.h"
#include "common/program.h"

#define LIBRARY "libtracectl-tracepoint.so.0"

int tracepoints_load(struct tracepoints *ret) {
        _cleanup_free_ char *path = NULL;
        void *library;
        int r;

        r = library_find("tracer", LIBRARY, &path);
        if (r < 0) {
                say("The library %s, which records events, was not found: %s. Install it, or build it completely.",
                    LIBRARY, strerror(-r));
                return EXIT_FAILURE;
        }
        library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
        if (!library) {
                say("Failed to load the library that records events: %s.", dlerror());
                return EXIT_FAILURE;
        }
        *(void **) &ret->object_register = dlsym(library, "tracectl_object_register");
        *(void **) &ret->record_spans = dlsym(library, "tracectl_record_spans");
        *(void **) &ret->record_fixed = dlsym(library, "tracectl_record_fixed");
        if (ret->object_register && ret->record_spans && ret->record_fixed)
                return 0;
        say("The library '%s' is of another version.", path);
        return EXIT_FAILURE;
}
