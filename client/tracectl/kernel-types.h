/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where the running kernel has the members of its structures: it says so itself (BTF), where it was built to.
 */

#include <stdint.h>

/*
 * Bytes from the beginning of a structure to a member of its own, which is no bit field. -ENOENT where the kernel says
 * nothing, or knows no such member; -EBADMSG where what it says is not understood.
 */
int kernel_member_offset(const char *structure, const char *member, uint32_t *ret);
