/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>

#include "client/libtracectl-read/problem.h"

/*
 * The text of the file `metadata` in a directory, out of its packets where it
 * has them. The caller frees *ret. path is for the sentence in problem.
 */
int metadata_file_read(int directory_fd, const char *path, struct problem *problem, char **ret, size_t *ret_size);
