/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where execvp() would find a command: a path with a slash in it, which the
 * caller frees. -ENOENT where there is none, -EACCES where what there is cannot
 * be executed, -EISDIR where it is a directory.
 */
int command_path_find(const char *command, char **ret);
