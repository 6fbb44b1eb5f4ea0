/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The current session: the one that verbs mean which name none. It is a line,
 * NAME or USER/NAME, in $XDG_STATE_HOME/tracectl/session (or in
 * ~/.local/state), or user-session for those of the user's own service.
 */

#include <stdbool.h>

/* The caller frees *ret. -ENOENT where there is none. */
int current_read(bool is_user, char **ret);

int current_write(bool is_user, const char *session);

/* Forgets it if it is this one. */
void current_forget(bool is_user, const char *session);
