/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where the trace goes: OUTPUT's directory, opened with this process's rights
 * before it gives them up.
 */

#include "consumer/message.h"

/*
 * Opens the directory of an OUTPUT message, whose descriptor it may take over.
 * -ENOTDIR, -ENOENT and the like from the file system; -ENOTEMPTY for a path to
 * where something is already that no predecessor has left; -EINVAL where there is
 * no state directory.
 */
int place_open(struct message *message, int *ret_directory);

/* The directory's path as this process sees it, or "" where it is not known. */
void place_path(int directory, char ret[CONSUMER_PATH_MAX]);
