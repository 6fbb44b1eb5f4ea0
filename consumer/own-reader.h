/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Reads the kernel's rings for an owner who may see his own processes alone: see protocol/kernel-own.h. */

#include <stdbool.h>

/* Whether what comes first on the socket makes this process a reader. Waits for it. */
bool own_reader_is_meant(int socket);

/* Serves tracingd until it hangs up. 0 or -errno. */
int own_reader_run(int socket);
