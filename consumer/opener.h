/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The opener: the process that may open files, below one directory and nowhere
 * else, and that never sees trace data. It makes [<snapshot>/]user/<uid>/<set>/
 * with mode 0700 and new files in it with mode 0600, follows no symbolic link
 * and never opens a file that is there already.
 */

#include "consumer/request.h"

/* Answers requests that come by socket until the other end is closed. 0 or -errno. */
int opener_serve(int socket, int directory);

/*
 * Opens one new file for writing. -EBADMSG for a request that breaks the form,
 * -ELOOP or -ENOTDIR where something else is in a directory's place.
 */
int opener_open(int directory, const struct request *request, int *ret_fd);
