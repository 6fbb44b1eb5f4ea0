/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where this project's other programs and libraries are: beside the running
 * program in its build folder, or where they are installed. Nothing that a
 * caller or the environment says has a part in it.
 */

/*
 * The path of a program. folder is the one that builds it ("service"), name its
 * file name. -ENOENT where neither place has it. The caller frees *ret.
 */
int program_find(const char *folder, const char *name, char **ret);

/* As program_find(), for a library that is loaded into programs. */
int library_find(const char *folder, const char *name, char **ret);
