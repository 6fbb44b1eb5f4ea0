/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A sign of life of each service that uses tracefs, which is one for all containers: a lock on a file there, at the place
 * that is its id, by which others tell what a living service has set from what one has left that is gone with its
 * container. The kernel takes it back with the process. Any thread.
 */

#include <stdbool.h>

/* The descriptor that has it; -errno. */
int sign_new(int tracefs, const char *id);

/* Whether the service with that id lives; our own does not count. */
bool sign_is_alive(int sign, const char *id);
