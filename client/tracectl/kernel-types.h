/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where the running kernel has the members of its structures: it says so itself (BTF), where it was built to.
 */

#include <stddef.h>
#include <stdint.h>

/*
 * Bytes from the beginning of a structure to each of n members of its own, which are no bit fields. -ENOENT where the
 * kernel says nothing, or does not know them all; -EBADMSG where what it says is not understood.
 */
int kernel_member_offsets(const char *structure, const char *const *members, size_t n, uint32_t *ret);
