/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A socket address as text, for events:
 *
 *   192.0.2.1:80    [2001:db8::1]:443    unix:/run/x    unix:@abstract    unix:    family:16    (none)
 *
 * Bytes that are not printable become '?'. Nothing here allocates memory;
 * async-signal-safe, which the C library's functions for this are not.
 */

#include <stddef.h>

#define ADDRESS_TEXT_MAX 128

/*
 * "(none)" where length is 0 or address is NULL; never "", for which babeltrace2
 * 2.0 shows the text of an earlier event. length is the caller's or the kernel's: it may be
 * anything.
 */
void address_format(const void *address, size_t length, char text[static ADDRESS_TEXT_MAX]);
