/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The program that tests trace: its events, in the order of its definitions,
 * each with one u64. Its object registers when the test says so, not before
 * main(); an object more comes and goes as a library would.
 */

#include <stdint.h>

enum {
        EVENT_FIXED = 1 << 0,  /* a u64 */
        EVENT_STRING = 1 << 1, /* a u64 and a string, PROGRAM_STRING */
        EVENT_PLUGIN = 1 << 2, /* a u64, by the object that comes and goes */
};

#define PROGRAM_STRING "a string"

struct tracectl_object;

/* What registers, for who adds it without a helper. */
struct tracectl_object *program_object(void);

void program_register(void);
void program_unregister(void);
void program_register_plugin(void);
void program_unregister_plugin(void);

/* Which events are on. */
unsigned program_enabled(void);

/* Records those that are on. */
void program_trace(uint64_t value);
void program_trace_fixed(uint64_t value);
void program_trace_string(uint64_t value);
void program_trace_plugin(uint64_t value);
void program_trace_format(const char *text);
