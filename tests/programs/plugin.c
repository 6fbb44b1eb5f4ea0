/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A library that life.c loads and unloads. */

#include <tracectl/tracepoint.h>

void plugin_hello(int round);

static void __attribute__((constructor)) constructor(void) {
        tracectl_trace(plugin, constructor);
}

__attribute__((visibility("default"))) void plugin_hello(int round) {
        tracectl_trace(plugin, hello, tp_i32(round, round));
}
