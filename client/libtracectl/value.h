/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Values that came in a D-Bus message, as a tree of this process's own. Each is
 * owned by the one above it, the topmost one by who has read it; after that it
 * never changes.
 */

#include <stdbool.h>

#include "client/libtracectl/connection.h"

struct tracectl_value {
        enum tracectl_type type;
        uint64_t number; /* also of a boolean */
        char *string;
        size_t n;               /* of an array or a dictionary */
        char **keys;            /* of a dictionary, else NULL */
        tracectl_value **items;
};

int value_new(enum tracectl_type type, tracectl_value **ret);

/* Adds a copy of key (NULL in an array) and takes item over, also on failure. */
int value_add(tracectl_value *value, const char *key, tracectl_value *item);

int value_add_string(tracectl_value *value, const char *key, const char *string);

/*
 * Reads the next value. A structure is an array, a variant what is in it.
 * Elements of types that this library does not know are left out.
 */
int value_read(sd_bus_message *m, tracectl_value **ret);

/* As value_read(), but the rest of the message must have just this signature. */
int value_read_signature(sd_bus_message *m, const char *signature, tracectl_value **ret);

/* Makes a dictionary of an array that has exactly n items. -EBADMSG where it has not. */
int value_name_items(tracectl_value *value, const char *const names[], size_t n);

/* The same for each element of an array. */
int value_name_rows(tracectl_value *value, const char *const names[], size_t n);

/* The dictionary's keys, from "SubBufferSize" or "log-level" to "sub_buffer_size" and "log_level". */
int value_rename_keys(tracectl_value *value);

/* The elements of an array of dictionaries in the order of what they have for first, and then for second. */
void value_sort(tracectl_value *value, const char *first, const char *second);

/* The entries of a dictionary in the order of their keys. */
int value_sort_by_key(tracectl_value *dictionary);

DEFINE_CLEANUP(tracectl_value *, tracectl_value_free)
