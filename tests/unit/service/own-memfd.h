/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A new descriptor, the caller's, for the memory file of this process whose
 * name begins with `name`, as the service manager would pass it to the next
 * process. There must be one.
 */
int own_memfd(const char *name);
