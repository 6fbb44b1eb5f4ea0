/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How a consumer comes to life. In private mode it is a child of tracingd; a
 * test plays it itself. Called by the main loop only.
 */

struct consumer_starter {
        /*
         * Starts a consumer with the consumer protocol on socket, which stays
         * the caller's. *ret_pidfd, which the caller owns, becomes readable
         * when it has ended; -1 where there is none to watch.
         */
        int (*start)(int socket, void *userdata, int *ret_pidfd);
        void *userdata;
};

/* As a child process: socket becomes its descriptor 3, and nothing else is passed on but standard error and output. */
int consumer_start_child(int socket, void *userdata, int *ret_pidfd);
