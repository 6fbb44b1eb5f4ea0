/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdint.h>

/* Reads 36 characters, xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx. -EINVAL where s is anything else. */
int uuid_parse(const char *s, uint8_t ret[static 16]);
