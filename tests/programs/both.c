/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* This header and library beside lttng-ust's, in one file. */

#include <lttng/tracef.h>
#include <lttng/tracepoint.h>
#include <tracectl/tracepoint.h>

int main(void) {
        lttng_ust_tracef("both %i", 1);
        tracectl_trace(both, first, tp_i32(n, 1));
        tracef("both %i", 2); /* LTTng's, by its old name */
        tracectl_tracef("both %i", 2);
        return 0;
}
