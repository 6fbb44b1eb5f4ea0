/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What verbs print with --json. */

#include <jansson.h>
#include <stdbool.h>

#include "client/libtracectl/tracectl.h"

enum json_mode { JSON_MODE_OFF, JSON_MODE_SHORT, JSON_MODE_PRETTY };

/* NULL: pretty on a terminal, short elsewhere. false: there is no such mode. */
bool json_mode_parse(const char *text, enum json_mode *ret);

/* New references; NULL without memory. What is not UTF-8 is escaped as everywhere else. */
json_t *json_from_text(const char *text);
json_t *json_from_number(uint64_t number);
json_t *json_from_value(const tracectl_value *value);
json_t *json_from_counts(const tracectl_counts *counts);

/* Prints a line (or some) to stdout, takes json over and returns the exit status. NULL: there was no memory. */
int json_print(enum json_mode mode, json_t *json);
