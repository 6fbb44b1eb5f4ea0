/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The names of a kernel trace. Trace Compass and lttng-analyses look for those
 * of LTTng's kernel tracer, so a trace has these; events and fields that they
 * do not know keep the kernel's own. No state.
 */

#include <stddef.h>
#include <stdint.h>

#include "consumer/kernel-format.h"

/* As whom the trace introduces itself, since its readers choose the names that they look for by this. */
#define KERNEL_PROFILE_TRACER "lttng-modules"
#define KERNEL_PROFILE_MAJOR 2
#define KERNEL_PROFILE_MINOR 13

/* The name of event system:name in the trace. */
void kernel_profile_event(const char *system, const char *name, char *ret, size_t size);

/* The name of its field. NULL: it is not in the trace, since the event's name says it. */
const char *kernel_profile_field(const char *system, const char *event, const char *field);

/* What is subtracted from the field's value. */
int32_t kernel_profile_bias(const char *system, const char *event, const char *field);
