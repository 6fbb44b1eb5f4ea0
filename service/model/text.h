/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Text of others in what people read: a client's, a consumer's, a file's. D-Bus
 * carries valid UTF-8 alone, and a terminal does what control characters say.
 */

#include <stddef.h>

/*
 * Copies s with every byte of a control character, and every byte that is no
 * UTF-8, as \xNN. What does not fit is left out, whole characters at a time.
 */
void text_escape(const char *s, char *ret, size_t size);
