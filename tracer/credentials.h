/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Whose rings this process may write to. It registers under its effective uid,
 * which is the one that tracingd sees. When none of its uids is that one any
 * more, it has given up what it was for good (a server that serves as another
 * user): it drops the rings and registers again. One that only changes its
 * effective uid, and can change it back, keeps them.
 *
 * A helper thread asks before each message. What calls it: the C library runs
 * each set*id() in every thread by a signal, which ends the helper's poll(). The
 * wrappers of those functions (the shared library has them) only wait until it
 * is done, so that the next event is in the new rings. A program that makes the
 * raw system call changes one thread, and nothing happens here.
 */

#include <stdbool.h>
#include <sys/types.h>

/* Whether the calling thread's real, effective or saved uid is this one. */
bool credentials_include(uid_t uid);

/*
 * Whether this process is closed to others of its own user (not dumpable), by its
 * own wish or since its file cannot be read: what it records could be read there.
 */
bool credentials_hide(void);
