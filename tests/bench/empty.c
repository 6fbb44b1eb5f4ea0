/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A program that does nothing: as it is, with our library and an event, or with the peer's. */

#if defined(WITH_TRACECTL)
#include <tracectl/tracepoint.h>
#elif defined(WITH_LTTNG)
#define LTTNG_UST_TRACEPOINT_CREATE_PROBES
#define LTTNG_UST_TRACEPOINT_DEFINE
#include "lttng-provider.h"
#endif

int main(void) {
#if defined(WITH_TRACECTL)
        tracectl_trace(bench, number, tp_u64(number, 1));
#elif defined(WITH_LTTNG)
        lttng_ust_tracepoint(bench, number, 1);
#endif
        return 0;
}
