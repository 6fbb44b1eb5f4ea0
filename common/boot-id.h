/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which run of the kernel this is: clocks that begin with it mean nothing in another one. No state. */

#include <stdint.h>

/* 0 or -errno. */
int boot_id_read(uint8_t ret[16]);
