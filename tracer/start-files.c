/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The library is linked without the compiler's start files, which it needs for
 * nothing but this name, by which the C library knows whose handlers it is given:
 * they would look four symbols up and write to a page of zeros in every process.
 */
extern void *__dso_handle __attribute__((visibility("hidden")));
void *__dso_handle = &__dso_handle;
