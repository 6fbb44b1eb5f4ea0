/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <pthread.h>

/* A thread that no signal reaches. */
int thread_start(pthread_t *ret, void *(*run)(void *userdata), void *userdata);
