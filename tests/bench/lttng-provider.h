/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The peer's events of the same content, in the form that lttng-ust(3) wants. */
#undef LTTNG_UST_TRACEPOINT_PROVIDER
#define LTTNG_UST_TRACEPOINT_PROVIDER bench

#undef LTTNG_UST_TRACEPOINT_INCLUDE
#define LTTNG_UST_TRACEPOINT_INCLUDE "lttng-provider.h"

#if !defined(BENCH_LTTNG_PROVIDER_H) || defined(LTTNG_UST_TRACEPOINT_HEADER_MULTI_READ)
#define BENCH_LTTNG_PROVIDER_H

#include <lttng/tracepoint.h>
#include <stdint.h>

#define BENCH_NUMBER(name)                                                                                     \
        LTTNG_UST_TRACEPOINT_EVENT(bench, name, LTTNG_UST_TP_ARGS(uint64_t, number),                           \
                                   LTTNG_UST_TP_FIELDS(lttng_ust_field_integer(uint64_t, number, number)))
BENCH_NUMBER(off)
BENCH_NUMBER(number)
BENCH_NUMBER(context)
BENCH_NUMBER(passes)
BENCH_NUMBER(fails)
LTTNG_UST_TRACEPOINT_EVENT(bench, text, LTTNG_UST_TP_ARGS(const char *, text),
                           LTTNG_UST_TP_FIELDS(lttng_ust_field_string(text, text)))
#endif

#include <lttng/tracepoint-event.h>
