/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Whose files are, as a process in a user namespace sees it. Users that have no
 * number there all look like one, the overflow uid, the machine's root among
 * them: so the owner alone does not say that a wait page is root's.
 *
 * What does: where the namespace above has its root, there is no number for it
 * here, and neither the page nor the folders that lead to it can be written to
 * by anybody but their owners, who are root or have no number here either. Then
 * whoever could have put another page there is root, or has made the file system
 * that this process sees, and could do as he likes with it anyway. A user of the
 * machine without rights has no way to a folder like that, and one inside of the
 * namespace has a number.
 */

#include <stdbool.h>
#include <sys/stat.h>

/* Whether the file at path, of which st is the state, can be taken for root's although it shows another owner. */
bool outside_is_roots(const char *path, const struct stat *st);
