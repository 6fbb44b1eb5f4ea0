/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Definitions of events whose form is good, whatever the input says: what stands behind the checks is to be reached. */

#include "tests/fuzz/fuzz.h"

#define MADE_DEFINITIONS_SIZE 16384
#define MADE_EVENTS_MAX 8

/* Every type of field, names that are words of TSDL, contexts. The buffer has room for MADE_DEFINITIONS_SIZE. Returns the size. */
size_t made_definitions_example(char *buffer);

/* What an input says. The number of events is in the header. */
size_t made_definitions(struct fuzz_input *input, char *buffer);
