/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The kernel's part of a trace of which no process is left. Its rings are in
 * memory and gone; what had been written is made readable: packets that are not
 * whole are cut off, or after another boot those that had not been brought to the
 * disk (kernel-synced.h), the index is written anew, and the metadata ends with a
 * whole description. Nothing is opened but regular files of ours below
 * `kernel`, and only headers of packets are looked at, so nothing that is there
 * can do harm. May be killed and begun again.
 */

#include <stdbool.h>

/*
 * place: the directory `rings`, whose lock is held; no syncer is at work.
 * *ret_kernel: whether there are events of the kernel anywhere, which no counter has. 0 or -errno.
 */
int recover_kernel(int directory, int place, bool rebooted, bool *ret_kernel);
