/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The opener: the process that may open files, below one directory and nowhere
 * else, and that never sees trace data. It makes [<snapshot>/]user/<uid>/<set>/
 * with mode 0700 and new files in it with mode 0600, and follows no symbolic
 * link. Only in a resumed session does it open files that are there already.
 */

#include <dirent.h>
#include <stdbool.h>
#include <sys/types.h>

#include "consumer/request.h"

struct opener {
        int directory; /* not owned */
        bool resumed;
        bool has_rings; /* this process's ancestors have the directory `rings` */
        pid_t syncer;   /* once REQUEST_SYNC has come */
        DIR *names;     /* of which REQUEST_NEXT tells one each time; NULL before the first and after the last */
};

/* Answers requests that come by socket until the other end is closed. 0 or -errno. */
int opener_serve(struct opener *opener, int socket);

/*
 * Opens one file for writing. -EBADMSG for a request that breaks the form,
 * -EPERM for an existing file outside a resumed session or of somebody else,
 * -ELOOP or -ENOTDIR where something else is in a directory's place.
 */
int opener_open(const struct opener *opener, const struct request *request, int *ret_fd);

/* Does what needs no file: REQUEST_PREPARE, MOVE, REMOVE, PUBLISH and SYNC, which starts a process that ends with this one. */
int opener_change(struct opener *opener, const struct request *request);

/* TRIM: 0 or -errno, and the newest chunk that it has removed, or 0. */
int opener_trim(const struct opener *opener, const struct request *request, uint32_t *ret_removed);

/* NEXT: -ENOENT after the last. */
int opener_next(struct opener *opener, const struct request *request, char ret[CONSUMER_NAME_MAX]);
