/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

/* Whether it can be the name of a session, NAME or USER/NAME. Says nothing. */
bool view_may_be_session(const char *text);

/*
 * The directory that a session writes to, by its name (NULL: the current one).
 * The caller frees *ret. 0, or the exit status after saying what is wrong.
 */
int view_find_session(bool is_user, const char *session, char **ret);
