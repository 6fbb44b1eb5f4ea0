/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The instructions of functions of this very program, as objdump shows them:
 * where traps can be put.
 */

#include <glib.h>
#include <stdint.h>

/*
 * Addresses (uintptr_t) of all instructions of the functions of these names, or
 * of the parts that the compiler made of them (NAME.part.0, ...). known is a
 * function and known_name what it is called. NULL where there is no objdump.
 */
GArray *instructions_of(const char *const *names, uintptr_t known, const char *known_name);

/* Puts a trap at an address of this process; returns the byte that was there. */
uint8_t instruction_trap(uintptr_t address);
