/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How the fixture's tracingd starts a consumer that the test plays; see struct consumer_starter. */

int fake_consumer_start(int socket, void *userdata, int *ret_pidfd);

/* A struct fake_consumer, after tracingd has hung up on it. */
void fake_consumer_free(void *p);
