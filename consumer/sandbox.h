/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Shuts the calling process in for good: it cannot be dumped or traced by its
 * user's other processes, gains no privileges, and is refused (EPERM) every
 * system call but those that the drainer needs to write what it has. Call it
 * with one thread, before hostile memory is mapped. 0 or -errno.
 */
int sandbox_enter(void);
