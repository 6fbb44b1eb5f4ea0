/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The consumer's start: waits for the output's directory, leaves it with the
 * opener (a child), shuts itself in and becomes the drainer. So tracingd's child
 * lives as long as the drainer and has its exit status.
 */

/* Serves tracingd on this socket. 0 after a hang-up or SIGTERM, else -errno. */
int consumer_run(int socket);
