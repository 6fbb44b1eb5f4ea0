/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The newest trace directory in a directory, by the time in its name: those of
 * record are called NAME-YYYYmmdd-HHMMSS, or with -2, -3 and so on behind it.
 * -ENOENT where there is none. The caller frees *ret, a name below directory.
 */
int latest_find(const char *directory, char **ret);
